"""`make check`: on a private database that lives only now, the migrations lead to exactly the models' schema.

python -m district.embedded.migration_check
"""

import shutil
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.util import CommandError

from district.embedded.checks import migration_config
from district.embedded.errors import EmbeddedError
from district.embedded.postgres import Cluster


def main() -> None:
    """Migrate up and compare."""
    # Not the default temporary directory of the user: under root the server's account must be able to enter it.
    scratch = Path(tempfile.mkdtemp(prefix="district-check-", dir="/tmp"))
    scratch.chmod(0o755)
    cluster = Cluster(scratch / "data", options={"fsync": "off", "shared_buffers": "64MB"})
    try:
        configuration = migration_config(cluster.start())
        command.upgrade(configuration, "head")
        command.check(configuration)
    except (CommandError, EmbeddedError) as error:
        sys.exit(f"migrations: {error}")
    finally:
        cluster.stop()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()

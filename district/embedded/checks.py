"""What a role makes sure of before it starts; each refusal is one line that says what to do."""

import ast
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

from district.embedded.errors import StartRefused
from district.embedded.nats import greet

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

MIN_POSTGRES = 15
MIN_POSTGIS = (3, 3)
WAIT_S = 10.0
POLL_S = 0.2
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations" / "versions"
_REVISIONS = re.compile(r"^(revision|down_revision)\b[^=\n]*= *(.+)$", re.MULTILINE)


def _dsn(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise StartRefused("DISTRICT_DATABASE_URL must begin with postgresql://")
    return f"postgresql://{rest}"


def _connect(url: str, *, wait_s: float) -> psycopg.Connection:
    """A session, waiting a little for a server that is just coming back."""
    dsn = _dsn(url)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return psycopg.connect(dsn, connect_timeout=3, autocommit=True)
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                place = conninfo_to_dict(dsn).get("host", "the default host")
                reason = str(error).strip().splitlines()[-1]
                raise StartRefused(f"the database at {place} cannot be reached: {reason}") from error
            time.sleep(POLL_S)
        except psycopg.ProgrammingError as error:
            raise StartRefused(f"DISTRICT_DATABASE_URL cannot be read: {str(error).strip()}") from error


def check_database(url: str, *, wait_s: float = WAIT_S) -> None:
    """PostgreSQL ≥ 15 with PostGIS ≥ 3.3 answers at this URL.

    Raises: StartRefused.
    """
    with _connect(url, wait_s=wait_s) as connection:
        if connection.info.server_version < MIN_POSTGRES * 10_000:
            have = connection.info.parameter_status("server_version")
            raise StartRefused(f"PostgreSQL {have} is too old: version {MIN_POSTGRES} or newer is needed")
        row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'postgis'").fetchone()
    if row is None:
        raise StartRefused(
            "the database has no PostGIS: run `CREATE EXTENSION postgis` in it as its administrator"
        )
    check_postgis_version(str(row[0]))


def check_postgis_version(version: str) -> None:
    """Raises: StartRefused when the version ("3.3.2") is older than 3.3."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < MIN_POSTGIS:
        raise StartRefused(
            f"PostGIS {version} is too old: version {MIN_POSTGIS[0]}.{MIN_POSTGIS[1]} or newer is needed"
        )


def migration_config(url: str | None = None) -> "Config":
    """Alembic's configuration, also outside a checkout: the migrations travel in the package."""
    from alembic.config import Config  # noqa: PLC0415 a role that starts does without

    config = Config()
    config.set_main_option("script_location", "district:migrations")
    config.set_main_option("path_separator", "os")
    if url:
        config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def schema_heads() -> set[str]:
    """The newest revisions that this code knows.

    Read from the files' own lines: loading Alembic would take a tenth of the time in which a killed role has to be back.
    """
    revisions: set[str] = set()
    followed: set[str] = set()
    for path in MIGRATIONS.glob("*.py"):
        found = {name: ast.literal_eval(value) for name, value in _REVISIONS.findall(path.read_text("utf-8"))}
        revisions.add(found["revision"])
        down = found["down_revision"]
        followed.update((down,) if isinstance(down, str) else down or ())
    return revisions - followed


def check_schema(url: str, *, wait_s: float = WAIT_S) -> None:
    """The database's schema is the one that this code was written for.

    Raises: StartRefused.
    """
    with _connect(url, wait_s=wait_s) as connection:
        known = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
        rows = (
            connection.execute("SELECT version_num FROM alembic_version").fetchall()
            if known and known[0]
            else []
        )
    have, want = {str(row[0]) for row in rows}, schema_heads()
    if have == want:
        return
    shown = ", ".join(sorted(have)) or "empty"
    from alembic.script import ScriptDirectory  # noqa: PLC0415 only when something has to be explained

    script = ScriptDirectory.from_config(migration_config())
    newer = [revision for revision in have if not _knows(script, revision)]
    if newer:
        raise StartRefused(
            f"the schema ({shown}) is newer than this program ({', '.join(sorted(want))}): update the program"
        )
    raise StartRefused(
        f"the schema is {shown}, this program needs {', '.join(sorted(want))}: run `district migrate`"
    )


def _knows(script: "ScriptDirectory", revision: str) -> bool:
    return any(known.revision == revision for known in script.walk_revisions())


def check_event_log(url: str, *, wait_s: float = WAIT_S) -> None:
    """A NATS server with JetStream answers at this URL (the first of a comma-separated list that answers decides).

    Raises: StartRefused.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            info = _first_answer(url.split(","))
            break
        except PermissionError as error:
            raise StartRefused(f"NATS refuses the log-in of DISTRICT_NATS_URL: {error}") from error
        except (OSError, ValueError) as error:
            if time.monotonic() >= deadline:
                raise StartRefused(f"NATS cannot be reached at DISTRICT_NATS_URL: {error}") from error
            time.sleep(POLL_S)
    if info.get("jetstream") is not True:
        raise StartRefused(
            "this NATS server has no JetStream: start it with `jetstream {}` in its configuration"
        )


def _first_answer(urls: Sequence[str]) -> dict[str, object]:
    problem: OSError | None = None
    for url in urls:
        try:
            return greet(url.strip())
        except PermissionError:
            raise
        except OSError as error:
            problem = error
    raise problem or OSError("no address given")

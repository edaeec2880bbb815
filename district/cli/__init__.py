"""The ``district`` command: one module per group of commands, heavy imports only inside the commands."""

import sys

import typer

from district.cli import (
    access_log,
    access_points,
    database,
    demo,
    information,
    mail,
    places,
    privacy,
    radius,
    running,
)
from district.embedded.errors import EmbeddedError

app = typer.Typer(
    name="district",
    help="A shopping district's free Wi-Fi, turned into visits to shops.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
running.register(app)
database.register(app)
information.register(app)
places.register(app)
access_points.register(app)
radius.register(app)
access_log.register(app)
privacy.register(app)
mail.register(app)
demo.register(app)


def main() -> None:
    """Run the command; an expected failure is one line on standard error and exit code 1."""
    try:
        app()
    except EmbeddedError as error:
        sys.exit(f"district: {error}")
    except Exception as error:
        if (line := _expected(error)) is None:
            raise
        sys.exit(f"district: {line}")


def _expected(error: Exception) -> str | None:
    """The line to show for an error that a person can mend, None for a defect, whose traceback is wanted."""
    from pydantic import ValidationError  # noqa: PLC0415 only when something has failed

    from district.problems import DistrictError  # noqa: PLC0415

    if isinstance(error, ValidationError) and error.title == "Settings":
        first = error.errors()[0]
        return f"DISTRICT_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}"
    if isinstance(error, DistrictError):
        return str(error)
    return None

"""Commands on access points."""

from pathlib import Path
from typing import Annotated

import typer

from district.cli.places import transaction

_ISSUES_SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add these commands."""
    points = typer.Typer(help="Access points.", no_args_is_help=True)
    points.command("import")(import_access_points)
    points.callback()(_group)
    app.add_typer(points, name="access-points")


def _group() -> None:
    """With a callback, a group of one command still takes the command's name."""


def import_access_points(
    file: Annotated[
        Path, typer.Argument(help="GeoJSON, or CSV: mac,name,lon,lat,floor,zone", dir_okay=False)
    ],
    district: Annotated[str, typer.Option(help="The district's name in addresses")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, keep nothing")] = False,
    crs: Annotated[str, typer.Option(help="Datum of the file; default: the district's")] = "",
) -> None:
    """Import access points from a file. Good rows are kept; each bad one is said, and makes the exit code 1."""
    from district import clock  # noqa: PLC0415 keeps `district --help` quick
    from district.districts import service  # noqa: PLC0415
    from district.zones import import_rows, imports  # noqa: PLC0415
    from geo.datum import Datum  # noqa: PLC0415

    try:
        datum = Datum(crs) if crs else None
    except ValueError:
        raise typer.BadParameter(f"--crs is one of {', '.join(Datum)}") from None
    try:
        with file.open("rb") as opened:
            content = opened.read(import_rows.MAX_FILE_BYTES + 1)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    with transaction() as session:
        report = imports.import_content(
            session,
            service.read(session, district),
            content,
            clock=clock.system,
            is_dry_run=dry_run,
            datum=datum,
        )
    for issue in report.issues[:_ISSUES_SHOWN]:
        typer.echo(str(issue), err=True)
    if report.errors > _ISSUES_SHOWN:
        typer.echo(f"… and {report.errors - _ISSUES_SHOWN} more", err=True)
    would = "would be " if dry_run else ""
    typer.echo(
        f"{report.rows} rows: {would}added {report.added}, updated {report.updated}, "
        f"unchanged {report.unchanged}; {report.errors} errors"
    )
    if report.errors:
        raise typer.Exit(1)

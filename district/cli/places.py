"""Commands on districts and their stores."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from district.cli.connections import connected_settings
from district.embedded.errors import StartRefused

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from district.districts.service import DistrictInfo
    from district.stores.jobs import ImportReport

_ISSUES_SHOWN = 50
_QUIET_S = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands."""
    districts = typer.Typer(help="Districts.", no_args_is_help=True)
    districts.command("create")(create_district)
    districts.callback()(_group)
    app.add_typer(districts, name="districts")
    stores = typer.Typer(help="Stores.", no_args_is_help=True)
    stores.command("import")(import_stores)
    stores.callback()(_group)
    app.add_typer(stores, name="stores")


def _group() -> None:
    """With a callback, a group of one command still takes the command's name."""


@contextmanager
def transaction() -> Iterator["Session"]:
    """One transaction on the product's database, business time in step with it."""
    from sqlalchemy import text  # noqa: PLC0415 keeps `district --help` quick

    from district import clock, database  # noqa: PLC0415

    settings = connected_settings(needs_events=False)
    if settings.database_url is None:
        raise StartRefused("set DISTRICT_DATABASE_URL, or start `district up`")
    engine = database.make_engine(settings.database_url, pool_size=1)
    try:
        with database.session_scope(database.make_sessions(engine)) as session:
            session.execute(text("SET LOCAL statement_timeout = '10min'"))
            row = session.execute(text(database.SIMULATION_SQL)).one_or_none()
            clock.system.follow(database.simulation_of(None if row is None else (row[0], row[1], row[2])))
            yield session
    finally:
        engine.dispose()


def create_district(  # noqa: PLR0917 typer calls by name
    slug: Annotated[str, typer.Argument(help="Its name in addresses: a-z, 0-9 and -")],
    name: Annotated[str, typer.Option(help="Its name")],
    center: Annotated[str, typer.Option(help="LON,LAT in --crs")],
    zone: Annotated[str, typer.Option(help="IANA time zone, such as Asia/Shanghai")],
    day_start: Annotated[str, typer.Option(help="Local time at which a trading day starts")] = "06:00",
    crs: Annotated[str, typer.Option(help="wgs84, gcj02 or bd09: datum of what is imported")] = "wgs84",
    currency: Annotated[str, typer.Option(help="ISO 4217")] = "CNY",
    name_zh: Annotated[str, typer.Option(help="Its name in Chinese")] = "",
    country: Annotated[str | None, typer.Option(help="ISO 3166; default: the zone's")] = None,
) -> None:
    """Make a district."""
    from district import clock  # noqa: PLC0415 keeps `district --help` quick
    from district.districts import jobs  # noqa: PLC0415

    with transaction() as session:
        row = jobs.create(
            session,
            slug=slug,
            name=name,
            center=center,
            zone=zone,
            clock=clock.system,
            day_start=day_start,
            crs=crs,
            currency=currency,
            name_zh=name_zh,
            country=country,
        )
        typer.echo(f"created {row.slug} ({row.id})")


def import_stores(
    file: Annotated[Path, typer.Argument(help="GeoJSON with OpenStreetMap tags, or CSV")],
    district: Annotated[str, typer.Option(help="The district's slug")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing")
    ] = False,
    source: Annotated[str, typer.Option(help="Where the rows come from; default: the file's name")] = "",
    crs: Annotated[str, typer.Option(help="Datum of the file; default: the district's")] = "",
) -> None:
    """Import stores from a file. Good rows are kept; each bad one is said, and makes the exit code 1."""
    from district import clock  # noqa: PLC0415 keeps `district --help` quick
    from district.stores import jobs  # noqa: PLC0415
    from geo.datum import Datum  # noqa: PLC0415

    try:
        datum = Datum(crs) if crs else None
    except ValueError:
        raise typer.BadParameter(f"--crs is one of {', '.join(Datum)}") from None
    with transaction() as session, _progress(file) as progress:
        report = jobs.import_file(
            session,
            _found(session, district),
            file,
            clock=clock.system,
            is_dry_run=dry_run,
            source=source,
            datum=datum,
            progress=progress,
        )
    _tell(report, is_dry_run=dry_run)


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int], None]]:
    """A line that counts the rows, shown on a terminal once the import has taken two seconds."""
    from rich.console import Console  # noqa: PLC0415 keeps `district --help` quick
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from district.clock import monotonic  # noqa: PLC0415

    started_s = monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, transient=True, disable=not sys.stderr.isatty(), console=Console(stderr=True)
    ) as shown:
        task = shown.add_task(file.name, total=None, visible=False)

        def tell(rows: int) -> None:
            shown.update(
                task, description=f"{file.name}: {rows} rows", visible=monotonic() - started_s > _QUIET_S
            )

        yield tell


def _found(session: "Session", slug: str) -> "DistrictInfo":
    from district.districts import service  # noqa: PLC0415 keeps `district --help` quick

    return service.read(session, slug)


def _tell(report: "ImportReport", *, is_dry_run: bool) -> None:
    for issue in report.issues[:_ISSUES_SHOWN]:
        typer.echo(str(issue), err=True)
    hidden = report.errors + report.warnings - min(len(report.issues), _ISSUES_SHOWN)
    if hidden:
        typer.echo(f"… and {hidden} more", err=True)
    would = "would be " if is_dry_run else ""
    typer.echo(
        f"{report.rows} rows: {would}added {report.places_added}, updated {report.places_updated}, "
        f"unchanged {report.places_unchanged}; {report.stores_added} new stores; "
        f"{report.errors} errors, {report.warnings} warnings"
    )
    if report.errors:
        raise typer.Exit(1)

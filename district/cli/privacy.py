"""Commands on members' rights."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from district.cli.connections import connected_settings
from district.embedded.errors import StartRefused

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from district.districts.service import DistrictInfo


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Members' rights.", no_args_is_help=True)
    group.command("replay-erasures")(replay_erasures)
    group.callback()(_group)
    app.add_typer(group, name="privacy")


def _group() -> None:
    """With a callback, a group of one command still takes the command's name."""


def replay_erasures(
    district: Annotated[str, typer.Option(help="The district's slug; without it, every district")] = "",
) -> None:
    """After a backup was restored: close again the memberships that were closed since it was made."""
    settings = connected_settings()
    if settings.database_url is None:
        raise StartRefused("set DISTRICT_DATABASE_URL, or start `district up`")
    for line in asyncio.run(_replay(district)):
        typer.echo(line)


async def _replay(wanted: str) -> list[str]:
    from district import clock, database, events  # noqa: PLC0415 keeps `district --help` quick
    from district.privacy import replaying  # noqa: PLC0415

    settings = connected_settings()
    assert settings.database_url is not None  # noqa: S101 the command has looked
    engine = database.make_engine(settings.database_url, pool_size=1)
    sessions = database.make_sessions(engine)
    client = await events.connect(settings, name="replay-erasures")
    lines = []
    try:
        with sessions() as session:
            rows = _read(session, wanted)
        for row in rows:
            found = await replaying.replay(
                client.jetstream(), sessions, row, settings=settings, clock=clock.system
            )
            lines.append(
                f"{row.slug}: {found.known} closed since they are kept, {len(found.erased)} closed again"
            )
    finally:
        await client.close()
        engine.dispose()
    return lines


def _read(session: "Session", wanted: str) -> "list[DistrictInfo]":
    from district.districts import service as districts  # noqa: PLC0415 keeps `district --help` quick
    from district.districts.queries import ALL_DISTRICTS_SQL  # noqa: PLC0415

    if wanted:
        return [districts.read(session, wanted)]
    rows = session.connection().exec_driver_sql(ALL_DISTRICTS_SQL)
    return [districts.of_row(tuple(row)) for row in rows]

"""Commands on the database's schema."""

import typer

from district.cli.connections import connected_settings
from district.embedded.errors import StartRefused


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(migrate)
    group = typer.Typer(help="The database's schema.", no_args_is_help=True)
    group.command("upgrade")(migrate)
    app.add_typer(group, name="db")


def migrate() -> None:
    """Bring the schema to the newest revision; quick when it is there already."""
    from alembic import command  # noqa: PLC0415 keeps `district --help` quick

    from district.embedded import checks  # noqa: PLC0415

    settings = connected_settings(needs_events=False)
    if settings.database_url is None:
        raise StartRefused("set DISTRICT_DATABASE_URL, or start `district up`")
    checks.check_database(settings.database_url)
    command.upgrade(checks.migration_config(settings.database_url), "head")
    checks.check_schema(settings.database_url)

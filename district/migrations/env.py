"""How Alembic reaches the database: the URL comes from the caller or from the settings."""

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import text

from district.database import make_engine
from district.migrations.partitions import include_object
from district.migrations.tables import metadata
from district.settings import get_settings

LOCK_TIMEOUT = "4s"


def _url() -> str:
    url = context.config.get_main_option("sqlalchemy.url") or get_settings().database_url
    if not url:
        raise SystemExit(
            "No database: set DISTRICT_DATABASE_URL, or run `district migrate`, which knows the embedded one."
        )
    return url


def run() -> None:
    """Run what was asked in one transaction, giving up rather than queueing behind a long lock."""
    engine = make_engine(_url())
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=include_object,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
            compare_server_default=False,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()

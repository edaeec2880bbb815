"""The rules that let the same schema run on Citus, and that keep migrations honest."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    Text,
    Uuid,
    create_engine,
    inspect,
    text,
)

from district.embedded.checks import migration_config
from district.migrations.partitions import include_object
from district.migrations.tables import REFERENCE_TABLES, metadata
from tests.conftest import cloned_database


def faults(tables: MetaData) -> list[str]:
    """Where a table of district data breaks the rule that ``district_id`` leads every key."""
    found = []
    for table in tables.sorted_tables:
        if table.name in REFERENCE_TABLES:
            found += [
                f"{table.name} points to {key.column.table.name}"
                for key in table.foreign_keys
                if key.column.table.name not in REFERENCE_TABLES
            ]
            continue
        keys = [("primary key", list(table.primary_key.columns))]
        keys += [(f"index {index.name}", list(index.columns)) for index in table.indexes if index.unique]
        keys += [
            (f"foreign key to {constraint.referred_table.name}", list(constraint.columns))
            for constraint in table.constraints
            if isinstance(constraint, ForeignKeyConstraint)
            and constraint.referred_table.name not in REFERENCE_TABLES
        ]
        found += [
            f"{table.name}: {what} does not start with district_id"
            for what, columns in keys
            if not columns or columns[0].name != "district_id"
        ]
    return found


def test_district_id_leads_every_key_of_district_data() -> None:
    assert faults(metadata) == []


def test_the_rule_finds_a_table_that_breaks_it() -> None:
    bad = MetaData()
    Table(
        "bad",
        bad,
        Column("id", Uuid, primary_key=True),
        Column("name", Text),
        Index("uq_bad", "name", unique=True),
    )
    assert len(faults(bad)) == 2


def test_every_table_has_a_primary_key() -> None:
    assert [table.name for table in metadata.sorted_tables if not table.primary_key.columns] == []


def test_models_and_migrations_agree(database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": include_object})
        difference = compare_metadata(context, metadata)
    engine.dispose()
    assert difference == []


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_every_migration_goes_down_and_up_again(addresses: dict[str, str]) -> None:
    with cloned_database(addresses["database"]) as url:
        config = migration_config(url)
        command.downgrade(config, "base")
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        left = set(inspect(engine).get_table_names()) - {"alembic_version", "spatial_ref_sys"}
        command.upgrade(config, "head")
        again = set(inspect(engine).get_table_names())
        engine.dispose()
    assert left == set()
    assert again >= set(metadata.tables)


ROW = """
INSERT INTO raw_sighting (district_id, feed_id, at, source_id, device, lon, lat, accuracy_m, received_at)
SELECT '00000000-0000-0000-0000-000000000007', '00000000-0000-0000-0000-000000000007', at, at::text, '\\x00', 1, 2, 3, at
FROM generate_series('2026-05-01 22:00+00'::timestamptz, '2026-05-03 01:00+00', '1 hour') AS at
"""
COUNTS = "SELECT tableoid::regclass::text, count(*) FROM raw_sighting GROUP BY 1 ORDER BY 1"


def test_sightings_move_into_their_days_and_back(addresses: dict[str, str]) -> None:
    with cloned_database(addresses["database"]) as url:
        config = migration_config(url)
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        counted: list[list[tuple[str, int]]] = []
        for step, revision in (
            (command.downgrade, "0001"),
            (command.upgrade, "head"),
            (command.downgrade, "0001"),
        ):
            step(config, revision)
            with engine.begin() as connection:
                if not counted:
                    connection.execute(text(ROW))
                counted.append([(row[0], row[1]) for row in connection.execute(text(COUNTS))])
        engine.dispose()
    assert counted == [
        [("raw_sighting", 28)],
        [("raw_sighting_20260501", 2), ("raw_sighting_20260502", 24), ("raw_sighting_20260503", 2)],
        [("raw_sighting", 28)],
    ]

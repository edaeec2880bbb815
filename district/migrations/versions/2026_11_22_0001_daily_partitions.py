"""Sightings in a partition for each day (UTC); whose form used a redirect up, and what it was answered.

Revision: 2026_11_22_0001, after 0001
"""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0001"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("redirect_use", sa.Column("form_hash", sa.LargeBinary(), nullable=True))
    op.add_column("redirect_use", sa.Column("member_id", sa.Uuid(), nullable=True))
    op.add_column(
        "redirect_use", sa.Column("is_proven", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    _remake(postgresql_partition_by="RANGE (at)")
    op.execute("CREATE TABLE raw_sighting_default PARTITION OF raw_sighting DEFAULT")
    for day in _days():
        op.execute(
            f"CREATE TABLE raw_sighting_{day:%Y%m%d} PARTITION OF raw_sighting "
            f"FOR VALUES FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
        )
    _move()


def downgrade() -> None:
    _remake()
    _move()
    op.drop_column("redirect_use", "is_proven")
    op.drop_column("redirect_use", "member_id")
    op.drop_column("redirect_use", "form_hash")


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.REAL(), nullable=False),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("access_point_id", sa.Uuid(), nullable=True),
        sa.Column("rssi_dbm", sa.REAL(), nullable=True),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    ]


def _remake(**options: str) -> None:
    """An empty table of the same columns beside the old one, which gives up its names."""
    op.execute("ALTER TABLE raw_sighting RENAME TO old_sighting")
    op.execute("ALTER INDEX pk_raw_sighting RENAME TO pk_old_sighting")
    op.execute("ALTER INDEX ix_raw_sighting_at RENAME TO ix_old_sighting_at")
    op.create_table(
        "raw_sighting",
        *_columns(),
        sa.PrimaryKeyConstraint("district_id", "feed_id", "at", "source_id", name=op.f("pk_raw_sighting")),
        **options,
    )
    op.create_index("ix_raw_sighting_at", "raw_sighting", ["at"], unique=False, postgresql_using="brin")


def _days() -> list[date]:
    """The newest days of the rows that are there; what is older goes to the default partition."""
    found = op.get_bind().execute(
        sa.text("SELECT DISTINCT (at AT TIME ZONE 'UTC')::date FROM old_sighting ORDER BY 1 DESC LIMIT 60")
    )
    return [row[0] for row in found]


def _move() -> None:
    names = ", ".join(column.name for column in _columns())
    op.execute(f"INSERT INTO raw_sighting ({names}) SELECT {names} FROM old_sighting")
    op.execute("DROP TABLE old_sighting")

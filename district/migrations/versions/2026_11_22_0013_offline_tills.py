"""Tills that go on without a line: what each may take, what they bring in, what clashes.

Revision: 2026_11_22_0013, after 2026_11_22_0012
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0013"
down_revision = "2026_11_22_0012"
branch_labels = None
depends_on = None

STORE = (["district_id", "store_id"], ["store.district_id", "store.id"])


def upgrade() -> None:
    op.create_table(
        "offline_policy",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("most_value_minor", sa.BigInteger(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        sa.Column("most_minor", sa.BigInteger(), nullable=False),
        sa.Column("list_age_s", sa.Integer(), nullable=False),
        sa.Column("conflicts_borne_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "most_value_minor >= 0 AND most_minor >= 0", name=op.f("ck_offline_policy_amounts_from_zero")
        ),
        sa.CheckConstraint(
            "most_uses >= 0 AND list_age_s > 0", name=op.f("ck_offline_policy_bounds_from_zero")
        ),
        sa.CheckConstraint(
            "conflicts_borne_by IN ('merchant', 'platform')", name=op.f("ck_offline_policy_known_bearer")
        ),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_offline_policy")),
    )
    op.create_table(
        "offline_till",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("most_minor", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(*STORE, name=op.f("fk_offline_till_store")),
        sa.PrimaryKeyConstraint("district_id", "till", name=op.f("pk_offline_till")),
    )
    op.create_table(
        "offline_journal",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("skew_ms", sa.BigInteger(), nullable=False),
        sa.Column("list_until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("uses_granted", sa.Integer(), nullable=False),
        sa.Column("minor_granted", sa.BigInteger(), nullable=False),
        sa.Column("uses_since", sa.Integer(), server_default="0", nullable=False),
        sa.Column("minor_since", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(*STORE, name=op.f("fk_offline_journal_store")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_offline_journal")),
    )
    op.create_index(
        "ix_offline_journal_open",
        "offline_journal",
        ["district_id", "till", "list_until"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "offline_entry",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("journal_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("redemption_id", sa.Uuid(), nullable=True),
        sa.Column("bill_minor", sa.BigInteger(), nullable=True),
        sa.Column("discount_minor", sa.BigInteger(), nullable=True),
        sa.Column("charged_to", sa.Text(), server_default="", nullable=False),
        sa.Column("is_over_quota", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("till_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("believed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("first_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("first_till", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "journal_id"],
            ["offline_journal.district_id", "offline_journal.id"],
            name=op.f("fk_offline_entry_offline_journal"),
        ),
        sa.PrimaryKeyConstraint("district_id", "journal_id", "seq", name=op.f("pk_offline_entry")),
    )
    op.create_index("uq_offline_entry_id", "offline_entry", ["district_id", "id"], unique=True)
    op.create_index(
        op.f("ix_offline_entry_district_id_at"), "offline_entry", ["district_id", "at"], unique=False
    )
    op.create_index(
        op.f("ix_offline_entry_district_id_store_id_at"),
        "offline_entry",
        ["district_id", "store_id", "at"],
        unique=False,
    )
    op.add_column("offer", sa.Column("offline_store_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_offer_offline",
        "offer",
        ["district_id", "offline_store_id", "valid_until"],
        unique=False,
        postgresql_where=sa.text("offline_store_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_offer_offline", table_name="offer", postgresql_where=sa.text("offline_store_id IS NOT NULL")
    )
    op.drop_column("offer", "offline_store_id")
    op.drop_index(op.f("ix_offline_entry_district_id_store_id_at"), table_name="offline_entry")
    op.drop_index(op.f("ix_offline_entry_district_id_at"), table_name="offline_entry")
    op.drop_index("uq_offline_entry_id", table_name="offline_entry")
    op.drop_table("offline_entry")
    op.drop_index(
        "ix_offline_journal_open",
        table_name="offline_journal",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("offline_journal")
    op.drop_table("offline_till")
    op.drop_table("offline_policy")

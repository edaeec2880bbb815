"""Kinds of offers, pools, claims and drops.

Revision: 2026_11_22_0009, after 2026_11_22_0008
"""

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0009"
down_revision = "2026_11_22_0008"
branch_labels = None
depends_on = None

TIME = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _widen_offers()
    op.add_column(
        "store", sa.Column("member_price_percent", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_store_member_price_percent"), "store", "member_price_percent BETWEEN 0 AND 90"
    )
    _make_allowance()
    _make_pool()
    _make_tickets()
    _make_links()


def _widen_offers() -> None:
    op.add_column("offer", sa.Column("reserved_until", TIME, nullable=True))
    op.add_column("offer", sa.Column("claimed_at", TIME, nullable=True))
    op.add_column("offer", sa.Column("variant", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "offer",
        sa.Column("stacks_with", postgresql.ARRAY(sa.Text()), server_default="{points}", nullable=False),
    )
    op.add_column("offer", sa.Column("held_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("offer", sa.Column("held_day", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_offer_reserved",
        "offer",
        ["district_id", "reserved_until"],
        postgresql_where=sa.text("state = 'reserved'"),
    )
    op.create_index(
        "ix_offer_holding",
        "offer",
        ["district_id", "valid_until"],
        postgresql_where=sa.text("held_minor > 0 AND state IN ('issued', 'opened')"),
    )


def _keys(*names: str) -> tuple[sa.Column[uuid.UUID], ...]:
    return tuple(sa.Column(name, sa.Uuid(), nullable=False) for name in names)


def _of_campaign(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["district_id", "campaign_id"],
        ["campaign.district_id", "campaign.id"],
        name=op.f(f"fk_{table}_campaign"),
        ondelete="CASCADE",
    )


def _make_allowance() -> None:
    op.create_table(
        "allowance",
        *_keys("district_id", "campaign_id"),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("most_offers", sa.Integer(), nullable=True),
        sa.Column("offers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("most_minor", sa.BigInteger(), nullable=True),
        sa.Column("minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "offers >= 0 AND (most_offers IS NULL OR offers <= most_offers)",
            name=op.f("ck_allowance_offers_within"),
        ),
        sa.CheckConstraint(
            "minor >= 0 AND (most_minor IS NULL OR minor <= most_minor)",
            name=op.f("ck_allowance_minor_within"),
        ),
        _of_campaign("allowance"),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", "period", name=op.f("pk_allowance")),
    )


def _make_pool() -> None:
    op.create_table(
        "pool_piece",
        *_keys("district_id", "campaign_id"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        _of_campaign("pool_piece"),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", "number", name=op.f("pk_pool_piece")),
    )
    op.create_index(
        "ix_pool_piece_free",
        "pool_piece",
        ["district_id", "campaign_id", "number"],
        postgresql_where=sa.text("offer_id IS NULL"),
    )
    op.create_index(
        "ix_pool_piece_offer",
        "pool_piece",
        ["district_id", "offer_id"],
        postgresql_where=sa.text("offer_id IS NOT NULL"),
    )


def _make_tickets() -> None:
    op.create_table(
        "drop_ticket",
        *_keys("district_id", "campaign_id", "member_id"),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("joined_at", TIME, nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'won', 'lost')", name=op.f("ck_drop_ticket_known_state")),
        _of_campaign("drop_ticket"),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_drop_ticket_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", "member_id", name=op.f("pk_drop_ticket")),
    )
    op.create_index(
        "uq_drop_ticket_number", "drop_ticket", ["district_id", "campaign_id", "number"], unique=True
    )
    op.create_index(
        "ix_drop_ticket_waiting",
        "drop_ticket",
        ["district_id", "campaign_id", "number"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _make_links() -> None:
    op.create_table(
        "claim_link",
        *_keys("district_id"),
        sa.Column("token", sa.Text(), nullable=False),
        *_keys("campaign_id"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        _of_campaign("claim_link"),
        sa.PrimaryKeyConstraint("district_id", "token", name=op.f("pk_claim_link")),
    )
    op.create_index(
        op.f("ix_claim_link_district_id_campaign_id"), "claim_link", ["district_id", "campaign_id"]
    )


def downgrade() -> None:
    for table in ("claim_link", "drop_ticket", "pool_piece", "allowance"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_store_member_price_percent"), "store", type_="check")
    op.drop_column("store", "member_price_percent")
    op.drop_index("ix_offer_holding", "offer")
    op.drop_index("ix_offer_reserved", "offer")
    for column in ("held_day", "held_minor", "stacks_with", "variant", "claimed_at", "reserved_until"):
        op.drop_column("offer", column)

"""Rotating codes at the counter, typed codes that a till unlocks, bills of several coupons.

Revision: 2026_11_22_0012, after 2026_11_22_0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0012"
down_revision = "2026_11_22_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "code_key",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("signs_from", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("retires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("key_id BETWEEN 1 AND 255", name=op.f("ck_code_key_one_byte")),
        sa.PrimaryKeyConstraint("district_id", "key_id", name=op.f("pk_code_key")),
    )
    op.create_table(
        "offer_hold",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("typed_hash", sa.LargeBinary(), nullable=True),
        sa.Column("held_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("held_until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "offer_id"],
            ["offer.district_id", "offer.id"],
            name=op.f("fk_offer_hold_offer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "offer_id", name=op.f("pk_offer_hold")),
    )
    op.create_index("uq_offer_hold_typed", "offer_hold", ["district_id", "typed_hash"], unique=True)
    op.create_index(
        op.f("ix_offer_hold_district_id_held_until"),
        "offer_hold",
        ["district_id", "held_until"],
        unique=False,
    )
    op.create_table(
        "till_number",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("shown_until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "number", name=op.f("pk_till_number")),
    )
    op.create_index(
        op.f("ix_till_number_district_id_till_valid_until"),
        "till_number",
        ["district_id", "till", "valid_until"],
        unique=False,
    )
    op.create_index(
        op.f("ix_till_number_district_id_valid_until"),
        "till_number",
        ["district_id", "valid_until"],
        unique=False,
    )
    op.create_table(
        "till_bill",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("use_request_no", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("bill_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_minor", sa.BigInteger(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "store_id"],
            ["store.district_id", "store.id"],
            name=op.f("fk_till_bill_store"),
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_till_bill")),
    )
    op.create_index(
        "uq_till_bill_request", "till_bill", ["district_id", "till", "use_request_no"], unique=True
    )
    op.add_column("redemption", sa.Column("bill_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("redemption", "bill_id")
    op.drop_index("uq_till_bill_request", table_name="till_bill")
    op.drop_table("till_bill")
    op.drop_index(op.f("ix_till_number_district_id_valid_until"), table_name="till_number")
    op.drop_index(op.f("ix_till_number_district_id_till_valid_until"), table_name="till_number")
    op.drop_table("till_number")
    op.drop_index(op.f("ix_offer_hold_district_id_held_until"), table_name="offer_hold")
    op.drop_index("uq_offer_hold_typed", table_name="offer_hold")
    op.drop_table("offer_hold")
    op.drop_table("code_key")

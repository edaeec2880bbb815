"""Merchants whom members have muted.

Revision: 2026_11_22_0020, after 2026_11_22_0016
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0020"
down_revision = "2026_11_22_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_mute",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_mute_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_member_mute_merchant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "member_id", "merchant_id", name=op.f("pk_member_mute")),
    )
    op.create_index(
        op.f("ix_member_mute_district_id_merchant_id"),
        "member_mute",
        ["district_id", "merchant_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("member_mute")

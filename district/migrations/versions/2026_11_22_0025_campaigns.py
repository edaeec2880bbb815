"""Looks at campaigns that end by themselves.

Revision: 2026_11_22_0025, after 2026_11_22_0024
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0025"
down_revision = "2026_11_22_0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign_look",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("next_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("looked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("redemptions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("new_customers", sa.Integer(), nullable=True),
        sa.Column("opt_outs", sa.Integer(), nullable=True),
        sa.Column("visits_p", sa.Float(), nullable=True),
        sa.Column("opt_outs_p", sa.Float(), nullable=True),
        sa.Column("stopped_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_campaign_look_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", name=op.f("pk_campaign_look")),
    )
    op.create_index(
        op.f("ix_campaign_look_district_id_next_at"),
        "campaign_look",
        ["district_id", "next_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("campaign_look")

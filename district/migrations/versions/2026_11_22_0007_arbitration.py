"""Exposures of both arms, prices of merchants' shares, a district's marketing policy, and the fitted model.

Revision: 2026_11_22_0007, after 2026_11_22_0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0007"
down_revision = "2026_11_22_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refusal", sa.Column("winner_id", sa.Uuid(), nullable=True))
    op.add_column("refusal", sa.Column("would_have", sa.Integer(), server_default="0", nullable=False))
    _exposures()
    _prices()
    _policies()
    _models()


def downgrade() -> None:
    for table in ("redeem_model", "marketing_policy", "merchant_price", "exposure"):
        op.drop_table(table)
    op.drop_column("refusal", "would_have")
    op.drop_column("refusal", "winner_id")


def _exposures() -> None:
    op.create_table(
        "exposure",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("occurrence_key", sa.Text(), nullable=False),
        sa.Column("campaign_version", sa.Integer(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("chance", sa.Double(), nullable=False),
        sa.Column("score_minor", sa.Double(), nullable=False),
        sa.Column("features", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "arm IN ('treated', 'control', 'district_control')", name=op.f("ck_exposure_arm_known")
        ),
        sa.CheckConstraint(
            "(arm = 'treated') = (offer_id IS NOT NULL)", name=op.f("ck_exposure_treated_has_offer")
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_exposure_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "district_id", "campaign_id", "member_id", "occurrence_key", name=op.f("pk_exposure")
        ),
    )
    op.create_index(
        op.f("ix_exposure_district_id_campaign_id_arm_at"),
        "exposure",
        ["district_id", "campaign_id", "arm", "at"],
    )
    op.create_index(op.f("ix_exposure_district_id_member_id"), "exposure", ["district_id", "member_id"])
    op.create_index(op.f("ix_exposure_district_id_at"), "exposure", ["district_id", "at"])


def _prices() -> None:
    op.create_table(
        "merchant_price",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("price_minor", sa.Double(), server_default="0", nullable=False),
        sa.Column("served", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("competed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("won", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_merchant_price_price_from_zero")),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_merchant_price_merchant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "merchant_id", name=op.f("pk_merchant_price")),
    )


def _policies() -> None:
    op.create_table(
        "marketing_policy",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("offers_per_day", sa.SmallInteger(), nullable=False),
        sa.Column("offers_per_7d", sa.SmallInteger(), nullable=True),
        sa.Column("merchant_per_day", sa.SmallInteger(), nullable=True),
        sa.Column("gap_min", sa.SmallInteger(), nullable=False),
        sa.Column("control_pct", sa.SmallInteger(), nullable=False),
        sa.Column("holdout_pct", sa.SmallInteger(), nullable=False),
        sa.Column("quiet_from", sa.SmallInteger(), nullable=False),
        sa.Column("quiet_until", sa.SmallInteger(), nullable=False),
        sa.Column("share_pct", sa.SmallInteger(), nullable=False),
        sa.Column("explore_pct", sa.SmallInteger(), nullable=False),
        sa.Column("typical_spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("fatigue_minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_marketing_policy")),
    )


def _models() -> None:
    op.create_table(
        "redeem_model",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fitted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("redeemed", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("reliability", postgresql.JSONB(), nullable=False),
        sa.Column("is_linear", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "version", name=op.f("pk_redeem_model")),
    )

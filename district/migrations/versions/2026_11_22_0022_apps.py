"""What screens in shops were told, and coupons in the wallets of telephones.

Revision: 2026_11_22_0022, after 2026_11_22_0021
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0022"
down_revision = "2026_11_22_0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "screen_topic",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("again_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            name=op.f("fk_screen_topic_channel_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "provider_id", "store_id", name=op.f("pk_screen_topic")),
    )
    op.create_table(
        "wallet_pass",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("device_hash", sa.LargeBinary(), nullable=False),
        sa.Column("push_token", sa.Text(), server_default="", nullable=False),
        sa.Column("told_state", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("length(push_token) <= 200", name=op.f("ck_wallet_pass_push_token_bounded")),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            name=op.f("fk_wallet_pass_channel_provider"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_wallet_pass_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_wallet_pass")),
    )
    op.create_index(
        "uq_wallet_pass_copy",
        "wallet_pass",
        ["district_id", "provider_id", "offer_id", "device_hash"],
        unique=True,
    )
    op.create_index(
        op.f("ix_wallet_pass_district_id_provider_id_device_hash"),
        "wallet_pass",
        ["district_id", "provider_id", "device_hash"],
        unique=False,
    )
    op.create_index(
        op.f("ix_wallet_pass_district_id_member_id"),
        "wallet_pass",
        ["district_id", "member_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("wallet_pass")
    op.drop_table("screen_topic")

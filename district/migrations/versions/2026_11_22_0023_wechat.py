"""Access tokens that workers share, and members' leave to send one mini-program message.

Revision: 2026_11_22_0023, after 2026_11_22_0022
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0023"
down_revision = "2026_11_22_0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_token",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("renewing_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            name=op.f("fk_channel_token_channel_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "provider_id", name=op.f("pk_channel_token")),
    )
    op.create_table(
        "wechat_grant",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_wechat_grant_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            name=op.f("fk_wechat_grant_channel_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_wechat_grant")),
    )
    op.create_index("uq_wechat_grant_delivery", "wechat_grant", ["district_id", "delivery_id"], unique=True)
    op.create_index(
        "ix_wechat_grant_left",
        "wechat_grant",
        ["district_id", "member_id", "provider_id", "template_id"],
        unique=False,
        postgresql_where=sa.text("delivery_id IS NULL"),
    )
    op.create_index(
        op.f("ix_wechat_grant_district_id_provider_id"),
        "wechat_grant",
        ["district_id", "provider_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("wechat_grant")
    op.drop_table("channel_token")

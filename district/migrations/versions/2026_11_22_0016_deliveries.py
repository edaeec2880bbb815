"""Deliveries of many channels: providers, their order, members' addresses, attempts and receipts.

Revision: 2026_11_22_0016, after 2026_11_22_0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0016"
down_revision = "2026_11_22_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_policy",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("channel_order", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_channel_policy")),
    )
    op.create_table(
        "channel_provider",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("weight", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("in_flight", sa.SmallInteger(), server_default="16", nullable=False),
        sa.Column("per_s", sa.Float(), nullable=True),
        sa.Column("cost_micro", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("success", sa.Float(), nullable=True),
        sa.Column("paused_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("pause_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("in_flight BETWEEN 1 AND 500", name=op.f("ck_channel_provider_in_flight_range")),
        sa.CheckConstraint("per_s > 0", name=op.f("ck_channel_provider_rate_positive")),
        sa.CheckConstraint("weight BETWEEN 1 AND 1000", name=op.f("ck_channel_provider_weight_range")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_channel_provider")),
    )
    op.create_index(
        op.f("ix_channel_provider_district_id_channel"),
        "channel_provider",
        ["district_id", "channel"],
        unique=False,
    )
    op.create_index("uq_channel_provider_slug", "channel_provider", ["district_id", "slug"], unique=True)
    op.create_table(
        "delivery_attempt",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_delivery_attempt")),
    )
    op.create_index(
        op.f("ix_delivery_attempt_district_id_at"), "delivery_attempt", ["district_id", "at"], unique=False
    )
    op.create_index(
        op.f("ix_delivery_attempt_district_id_delivery_id"),
        "delivery_attempt",
        ["district_id", "delivery_id"],
        unique=False,
    )
    op.create_table(
        "delivery_receipt",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("provider_message_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("part", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "provider_id", "event_key", name=op.f("pk_delivery_receipt")),
    )
    op.create_index(
        op.f("ix_delivery_receipt_district_id_delivery_id"),
        "delivery_receipt",
        ["district_id", "delivery_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_delivery_receipt_district_id_received_at"),
        "delivery_receipt",
        ["district_id", "received_at"],
        unique=False,
    )
    op.create_index(
        "ix_delivery_receipt_unknown",
        "delivery_receipt",
        ["district_id", "provider_id", "provider_message_id"],
        unique=False,
        postgresql_where=sa.text("delivery_id IS NULL"),
    )
    op.create_table(
        "member_endpoint",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_ok_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_endpoint_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_member_endpoint")),
    )
    op.create_index(
        op.f("ix_member_endpoint_district_id_member_id"),
        "member_endpoint",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_index(
        "uq_member_endpoint_address",
        "member_endpoint",
        ["district_id", "channel", "address_hash"],
        unique=True,
    )
    op.add_column(
        "outbox_message", sa.Column("lost_leases", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.create_index(
        "ix_outbox_message_suspect",
        "outbox_message",
        ["district_id", "retry_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued' AND lost_leases >= 3"),
    )
    op.add_column(
        "outbox_message",
        sa.Column("fallbacks", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("outbox_message", sa.Column("provider_id", sa.Uuid(), nullable=True))
    op.add_column(
        "outbox_message", sa.Column("provider_message_id", sa.Text(), server_default="", nullable=False)
    )
    op.add_column("outbox_message", sa.Column("delivered_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("outbox_message", sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_index(
        "ix_outbox_message_provider_message",
        "outbox_message",
        ["district_id", "provider_id", "provider_message_id"],
        unique=False,
        postgresql_where=sa.text("provider_message_id <> ''"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_message_provider_message", table_name="outbox_message")
    op.drop_index("ix_outbox_message_suspect", table_name="outbox_message")
    for column in (
        "lost_leases",
        "opened_at",
        "delivered_at",
        "provider_message_id",
        "provider_id",
        "fallbacks",
    ):
        op.drop_column("outbox_message", column)
    for table in (
        "member_endpoint",
        "delivery_receipt",
        "delivery_attempt",
        "channel_provider",
        "channel_policy",
    ):
        op.drop_table(table)

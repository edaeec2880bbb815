"""Text messages that open the Wi-Fi, recipients by district, erasures that last, plans that change, clocks that are wrong.

Revision: 2026_11_22_0011, after 2026_11_22_0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0011"
down_revision = "2026_11_22_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("member_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("kept_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("district_id", "member_hash", name=op.f("pk_erasure")),
    )
    op.create_index(
        "ix_erasure_waiting",
        "erasure",
        ["district_id", "at"],
        unique=False,
        postgresql_where=sa.text("kept_at IS NULL"),
    )
    op.create_table(
        "nas_clock",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("nas", sa.Text(), nullable=False),
        sa.Column("ahead_s", sa.BigInteger(), nullable=False),
        sa.Column("packets", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("heard_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "nas", name=op.f("pk_nas_clock")),
    )
    op.create_table(
        "recipient_list",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipients", postgresql.JSONB(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("district_id", "version", name=op.f("pk_recipient_list")),
    )
    op.create_table(
        "sms_provider",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), server_default="", nullable=False),
        sa.Column("previous_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_sms_provider")),
    )
    op.create_index("uq_sms_provider_district_id_slug", "sms_provider", ["district_id", "slug"], unique=True)
    op.create_table(
        "radius_place",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_radius_place_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "member_id", "device", name=op.f("pk_radius_place")),
    )
    op.create_index(
        op.f("ix_radius_place_district_id_taken_at"),
        "radius_place",
        ["district_id", "taken_at"],
        unique=False,
    )
    op.create_table(
        "sms_message",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["sms_provider.district_id", "sms_provider.id"],
            name=op.f("fk_sms_message_sms_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "provider_id", "message_id", name=op.f("pk_sms_message")),
    )
    op.create_index(
        op.f("ix_sms_message_district_id_received_at"),
        "sms_message",
        ["district_id", "received_at"],
        unique=False,
    )
    op.create_table(
        "sms_join",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("redirect_query", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("proven_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("refusal", sa.Text(), server_default="", nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_sms_join_gateway"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["sms_provider.district_id", "sms_provider.id"],
            name=op.f("fk_sms_join_sms_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_sms_join")),
    )
    op.create_index(
        op.f("ix_sms_join_district_id_created_at"), "sms_join", ["district_id", "created_at"], unique=False
    )
    op.create_index("uq_sms_join_district_id_code", "sms_join", ["district_id", "code"], unique=True)
    op.create_table(
        "session_change",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("wifi_session_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("retry_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "wifi_session_id"],
            ["wifi_session.district_id", "wifi_session.id"],
            name=op.f("fk_session_change_wifi_session"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "wifi_session_id", name=op.f("pk_session_change")),
    )
    op.create_index(
        "ix_session_change_due",
        "session_change",
        ["district_id", "retry_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.add_column("consent", sa.Column("access_point_mac", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("portal_version", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "consent", sa.Column("sec_gpc", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "consent", sa.Column("recipients_version", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("consent", sa.Column("form", sa.SmallInteger(), server_default="1", nullable=False))
    op.create_index(
        "ix_radius_session_stopped",
        "radius_session",
        ["district_id", "stopped_at"],
        unique=False,
        postgresql_where=sa.text("stopped_at IS NOT NULL"),
    )
    op.add_column("redirect_event", sa.Column("cause", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("redirect_event", "cause")
    op.drop_index(
        "ix_radius_session_stopped",
        table_name="radius_session",
        postgresql_where=sa.text("stopped_at IS NOT NULL"),
    )
    op.drop_column("consent", "form")
    op.drop_column("consent", "recipients_version")
    op.drop_column("consent", "sec_gpc")
    op.drop_column("consent", "portal_version")
    op.drop_column("consent", "access_point_mac")
    op.drop_index(
        "ix_session_change_due", table_name="session_change", postgresql_where=sa.text("done_at IS NULL")
    )
    op.drop_table("session_change")
    op.drop_index("uq_sms_join_district_id_code", table_name="sms_join")
    op.drop_index(op.f("ix_sms_join_district_id_created_at"), table_name="sms_join")
    op.drop_table("sms_join")
    op.drop_index(op.f("ix_sms_message_district_id_received_at"), table_name="sms_message")
    op.drop_table("sms_message")
    op.drop_index(op.f("ix_radius_place_district_id_taken_at"), table_name="radius_place")
    op.drop_table("radius_place")
    op.drop_index("uq_sms_provider_district_id_slug", table_name="sms_provider")
    op.drop_table("sms_provider")
    op.drop_table("recipient_list")
    op.drop_table("nas_clock")
    op.drop_index("ix_erasure_waiting", table_name="erasure", postgresql_where=sa.text("kept_at IS NULL"))
    op.drop_table("erasure")

"""Wi-Fi for real: plans, RADIUS, sessions that end, vouchers, providers, the access log, and proof of consent.

Revision: 2026_11_22_0002, after 2026_11_22_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0002"
down_revision = "2026_11_22_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("redirect_use", sa.Column("released_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_table(
        "access_chain",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_hash", sa.LargeBinary(), nullable=False),
        sa.Column("first_kept_number", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("hash_before_first", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_access_chain")),
    )
    op.create_table(
        "access_record",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("identity", sa.Text(), server_default="", nullable=False),
        sa.Column("method", sa.Text(), server_default="", nullable=False),
        sa.Column("mac", sa.Text(), server_default="", nullable=False),
        sa.Column("inner_address", sa.Text(), server_default="", nullable=False),
        sa.Column("outer_address", sa.Text(), server_default="", nullable=False),
        sa.Column("outer_ports", sa.Text(), server_default="", nullable=False),
        sa.Column("nas", sa.Text(), server_default="", nullable=False),
        sa.Column("access_point_mac", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "number", name=op.f("pk_access_record")),
    )
    op.create_index(
        op.f("ix_access_record_district_id_at"), "access_record", ["district_id", "at"], unique=False
    )
    op.create_index(
        op.f("ix_access_record_district_id_session"),
        "access_record",
        ["district_id", "session"],
        unique=False,
    )
    op.create_index(
        "ix_access_record_inner",
        "access_record",
        ["district_id", "inner_address", "at"],
        unique=False,
        postgresql_where=sa.text("inner_address <> ''"),
    )
    op.create_index(
        "ix_access_record_outer",
        "access_record",
        ["district_id", "outer_address", "at"],
        unique=False,
        postgresql_where=sa.text("outer_address <> ''"),
    )
    op.create_table(
        "access_session",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("session", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("identity", sa.Text(), server_default="", nullable=False),
        sa.Column("method", sa.Text(), server_default="", nullable=False),
        sa.Column("mac", sa.Text(), server_default="", nullable=False),
        sa.Column("inner_address", sa.Text(), server_default="", nullable=False),
        sa.Column("outer_address", sa.Text(), server_default="", nullable=False),
        sa.Column("nas", sa.Text(), server_default="", nullable=False),
        sa.Column("access_point_mac", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("is_logged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "session", name=op.f("pk_access_session")),
    )
    op.create_table(
        "address_translation",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_hash", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("protocol", sa.Text(), server_default="", nullable=False),
        sa.Column("inner_address", sa.Text(), nullable=False),
        sa.Column("inner_ports", sa.Text(), server_default="", nullable=False),
        sa.Column("outer_address", sa.Text(), nullable=False),
        sa.Column("outer_ports", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_address_translation")),
    )
    op.create_index(
        op.f("ix_address_translation_district_id_outer_address_since"),
        "address_translation",
        ["district_id", "outer_address", "since"],
        unique=False,
    )
    op.create_index(
        op.f("ix_address_translation_district_id_until"),
        "address_translation",
        ["district_id", "until"],
        unique=False,
    )
    op.create_index(
        op.f("ix_address_translation_district_id_line_hash"),
        "address_translation",
        ["district_id", "line_hash"],
        unique=True,
    )
    op.create_table(
        "alarm",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("seen_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_alarm")),
    )
    op.create_index(op.f("ix_alarm_district_id_at"), "alarm", ["district_id", "at"], unique=False)
    op.create_index(
        "uq_alarm_open",
        "alarm",
        ["district_id", "kind", "subject"],
        unique=True,
        postgresql_where=sa.text("seen_at IS NULL"),
    )
    op.create_table(
        "oidc_provider",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), server_default="openid", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_oidc_provider")),
    )
    op.create_index(
        "uq_oidc_provider_district_id_slug", "oidc_provider", ["district_id", "slug"], unique=True
    )
    op.create_table(
        "plan",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("session_s", sa.Integer(), nullable=True),
        sa.Column("idle_s", sa.Integer(), nullable=True),
        sa.Column("down_kbps", sa.Integer(), nullable=True),
        sa.Column("up_kbps", sa.Integer(), nullable=True),
        sa.Column("volume_kib", sa.BigInteger(), nullable=True),
        sa.Column("devices", sa.SmallInteger(), nullable=True),
        sa.Column("daily_s", sa.Integer(), nullable=True),
        sa.Column("daily_kib", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_plan")),
    )
    op.create_index("uq_plan_district_id_slug", "plan", ["district_id", "slug"], unique=True)
    op.create_table(
        "radius_session",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), server_default="", nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("nas_address", sa.Text(), server_default="", nullable=False),
        sa.Column("nas_identifier", sa.Text(), server_default="", nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=True),
        sa.Column("wifi_session_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("alias", sa.LargeBinary(), nullable=True),
        sa.Column("calling_station", sa.Text(), server_default="", nullable=False),
        sa.Column("access_point_mac", sa.Text(), server_default="", nullable=False),
        sa.Column("ssid", sa.Text(), server_default="", nullable=False),
        sa.Column("framed_address", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("session_s", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("up_octets", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("down_octets", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("view", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("interim_s", sa.Integer(), server_default="600", nullable=False),
        sa.Column("terminate_cause", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("district_id", "unique_id", name=op.f("pk_radius_session")),
    )
    op.create_index(
        "ix_radius_session_member", "radius_session", ["district_id", "member_id", "started_at"], unique=False
    )
    op.create_index(
        "ix_radius_session_nas",
        "radius_session",
        ["district_id", "nas_address", "nas_identifier"],
        unique=False,
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_index(
        "ix_radius_session_open",
        "radius_session",
        ["district_id", "updated_at"],
        unique=False,
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_index(
        "ix_radius_session_wifi", "radius_session", ["district_id", "wifi_session_id"], unique=False
    )
    op.create_table(
        "session_ending",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("wifi_session_id", sa.Uuid(), nullable=True),
        sa.Column("radius_session_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("retry_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_session_ending")),
    )
    op.create_index(
        "ix_session_ending_due",
        "session_ending",
        ["district_id", "retry_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "ban",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.LargeBinary(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("alias IS NOT NULL OR member_id IS NOT NULL", name=op.f("ck_ban_somebody")),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_ban_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_ban")),
    )
    op.create_index(op.f("ix_ban_district_id_alias"), "ban", ["district_id", "alias"], unique=False)
    op.create_index(op.f("ix_ban_district_id_member_id"), "ban", ["district_id", "member_id"], unique=False)
    op.create_table(
        "member_identity",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_identity_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["oidc_provider.district_id", "oidc_provider.id"],
            name=op.f("fk_member_identity_oidc_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "provider_id", "subject", name=op.f("pk_member_identity")),
    )
    op.create_index(
        op.f("ix_member_identity_district_id_member_id"),
        "member_identity",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_table(
        "member_merge",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("undone_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "kept_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_merge_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "merged_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_merge_merged"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_member_merge")),
    )
    op.create_index(
        op.f("ix_member_merge_district_id_kept_id"), "member_merge", ["district_id", "kept_id"], unique=False
    )
    op.create_table(
        "radius_credential",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_radius_credential_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "username", name=op.f("pk_radius_credential")),
    )
    op.create_index(
        op.f("ix_radius_credential_district_id_member_id"),
        "radius_credential",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_table(
        "radius_profile_delivery",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "username"],
            ["radius_credential.district_id", "radius_credential.username"],
            name=op.f("fk_radius_profile_delivery_radius_credential"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_radius_profile_delivery")),
    )
    op.create_index(
        op.f("ix_radius_profile_delivery_district_id_username"),
        "radius_profile_delivery",
        ["district_id", "username"],
        unique=False,
    )
    op.create_table(
        "radius_authority",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("server_name", sa.Text(), nullable=False),
        sa.Column("ssid", sa.Text(), server_default="", nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_radius_authority")),
    )
    op.create_table(
        "voucher_batch",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("uses", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("valid_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "plan_id"], ["plan.district_id", "plan.id"], name=op.f("fk_voucher_batch_plan")
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_voucher_batch")),
    )
    op.create_index(
        op.f("ix_voucher_batch_district_id_created_at"),
        "voucher_batch",
        ["district_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "oidc_login",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("redirect_query", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_oidc_login_gateway"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["oidc_provider.district_id", "oidc_provider.id"],
            name=op.f("fk_oidc_login_oidc_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "state_hash", name=op.f("pk_oidc_login")),
    )
    op.create_index(
        op.f("ix_oidc_login_district_id_created_at"),
        "oidc_login",
        ["district_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "queued_grant",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("wifi_session_id", sa.Uuid(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("router", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sent_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_queued_grant_gateway"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "gateway_id", "token", name=op.f("pk_queued_grant")),
    )
    op.create_table(
        "radius_client",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=True),
        sa.Column("nas_identifier", sa.Text(), server_default="", nullable=False),
        sa.Column("coa_address", sa.Text(), server_default="", nullable=False),
        sa.Column("coa_port", sa.Integer(), server_default="3799", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_radius_client_gateway"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_radius_client")),
    )
    op.create_index(
        "uq_radius_client_district_id_address", "radius_client", ["district_id", "address"], unique=True
    )
    op.create_index(
        "uq_radius_client_district_id_name", "radius_client", ["district_id", "name"], unique=True
    )
    op.create_table(
        "radius_token",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("wifi_session_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_radius_token_gateway"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_radius_token_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "username", name=op.f("pk_radius_token")),
    )
    op.create_index(
        op.f("ix_radius_token_district_id_expires_at"),
        "radius_token",
        ["district_id", "expires_at"],
        unique=False,
    )
    op.create_table(
        "redirect_event",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("shown", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_redirect_event_gateway"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_redirect_event")),
    )
    op.create_index(
        op.f("ix_redirect_event_district_id_gateway_id_id"),
        "redirect_event",
        ["district_id", "gateway_id", "id"],
        unique=False,
    )
    op.create_table(
        "redirect_sight",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("ages", sa.LargeBinary(), nullable=False),
        sa.Column("first_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "gateway_id", "ages", name=op.f("pk_redirect_sight")),
    )
    op.create_table(
        "voucher",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("used", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("first_used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "batch_id"],
            ["voucher_batch.district_id", "voucher_batch.id"],
            name=op.f("fk_voucher_voucher_batch"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "code", name=op.f("pk_voucher")),
    )
    op.create_index(
        op.f("ix_voucher_district_id_batch_id"), "voucher", ["district_id", "batch_id"], unique=False
    )
    op.create_table(
        "voucher_use",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "code"],
            ["voucher.district_id", "voucher.code"],
            name=op.f("fk_voucher_use_voucher"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_voucher_use_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "code", "member_id", name=op.f("pk_voucher_use")),
    )
    op.create_index(
        op.f("ix_voucher_use_district_id_member_id"),
        "voucher_use",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_table(
        "code_policy",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("countries", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("sms_cost", sa.Integer(), nullable=False),
        sa.Column("daily_budget", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "sms_cost >= 0 AND daily_budget >= 0", name=op.f("ck_code_policy_amounts_not_negative")
        ),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_code_policy")),
    )
    op.create_table(
        "sign_in_visit",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("shown_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("let_in_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_new", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("method", sa.Text(), server_default="", nullable=False),
        sa.Column("codes", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("cost", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_sign_in_visit_gateway"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "gateway_id", "day", "device", name=op.f("pk_sign_in_visit")),
    )
    op.create_index(
        op.f("ix_sign_in_visit_district_id_day"), "sign_in_visit", ["district_id", "day"], unique=False
    )
    op.create_table(
        "hand_over",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("session_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_hand_over_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "token_hash", name=op.f("pk_hand_over")),
    )
    op.create_index(
        op.f("ix_hand_over_district_id_expires_at"), "hand_over", ["district_id", "expires_at"], unique=False
    )
    op.add_column("one_time_code", sa.Column("prefix_hash", sa.LargeBinary(), nullable=True))
    op.create_index(
        op.f("ix_one_time_code_district_id_prefix_hash_created_at"),
        "one_time_code",
        ["district_id", "prefix_hash", "created_at"],
        unique=False,
        postgresql_where=sa.text("prefix_hash IS NOT NULL"),
    )
    op.add_column(
        "gateway",
        sa.Column("sign_in", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("consent", sa.Column("language", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("terms_version", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("controller", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("address", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("agent", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("proof", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("previous_hash", sa.LargeBinary(), nullable=True))
    op.add_column("consent", sa.Column("hash", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_consent_traced",
        "consent",
        ["district_id", "at"],
        unique=False,
        postgresql_where=sa.text("address <> '' OR agent <> ''"),
    )
    op.add_column("gateway", sa.Column("name", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "gateway",
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("gateway", sa.Column("plan_id", sa.Uuid(), nullable=True))
    op.add_column(
        "gateway", sa.Column("is_real_name", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_gateway_plan"), "gateway", "plan", ["district_id", "plan_id"], ["district_id", "id"]
    )
    op.add_column("member", sa.Column("is_of_age", sa.Boolean(), nullable=True))
    op.add_column(
        "member", sa.Column("is_personalised", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.add_column("member", sa.Column("verified_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("member", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column("wifi_session", sa.Column("device_mac", sa.Text(), server_default="", nullable=False))
    op.add_column("wifi_session", sa.Column("plan_id", sa.Uuid(), nullable=True))
    op.add_column(
        "wifi_session",
        sa.Column("grant", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("wifi_session", sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("wifi_session", sa.Column("confirmed_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("wifi_session", sa.Column("confirmed_by", sa.Text(), server_default="", nullable=False))
    op.add_column("wifi_session", sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("wifi_session", sa.Column("ended_because", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_wifi_session_open",
        "wifi_session",
        ["district_id", "alias", "granted_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_column("redirect_use", "released_at")
    op.drop_column("gateway", "sign_in")
    op.drop_index(
        op.f("ix_one_time_code_district_id_prefix_hash_created_at"),
        table_name="one_time_code",
        postgresql_where=sa.text("prefix_hash IS NOT NULL"),
    )
    op.drop_column("one_time_code", "prefix_hash")
    op.drop_index(op.f("ix_hand_over_district_id_expires_at"), table_name="hand_over")
    op.drop_table("hand_over")
    op.drop_index(op.f("ix_sign_in_visit_district_id_day"), table_name="sign_in_visit")
    op.drop_table("sign_in_visit")
    op.drop_table("code_policy")
    op.drop_index(
        "ix_wifi_session_open", table_name="wifi_session", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_column("wifi_session", "ended_because")
    op.drop_column("wifi_session", "ended_at")
    op.drop_column("wifi_session", "confirmed_by")
    op.drop_column("wifi_session", "confirmed_at")
    op.drop_column("wifi_session", "expires_at")
    op.drop_column("wifi_session", "grant")
    op.drop_column("wifi_session", "plan_id")
    op.drop_column("wifi_session", "device_mac")
    op.drop_column("member", "merged_into")
    op.drop_column("member", "verified_at")
    op.drop_column("member", "is_personalised")
    op.drop_column("member", "is_of_age")
    op.drop_constraint(op.f("fk_gateway_plan"), "gateway", type_="foreignkey")
    op.drop_column("gateway", "is_real_name")
    op.drop_column("gateway", "plan_id")
    op.drop_column("gateway", "options")
    op.drop_column("gateway", "name")
    op.drop_index(
        "ix_consent_traced", table_name="consent", postgresql_where=sa.text("address <> '' OR agent <> ''")
    )
    op.drop_column("consent", "hash")
    op.drop_column("consent", "previous_hash")
    op.drop_column("consent", "proof")
    op.drop_column("consent", "agent")
    op.drop_column("consent", "address")
    op.drop_column("consent", "controller")
    op.drop_column("consent", "terms_version")
    op.drop_column("consent", "language")
    op.drop_index(op.f("ix_voucher_use_district_id_member_id"), table_name="voucher_use")
    op.drop_table("voucher_use")
    op.drop_index(op.f("ix_voucher_district_id_batch_id"), table_name="voucher")
    op.drop_table("voucher")
    op.drop_table("redirect_sight")
    op.drop_index(op.f("ix_redirect_event_district_id_gateway_id_id"), table_name="redirect_event")
    op.drop_table("redirect_event")
    op.drop_index(op.f("ix_radius_token_district_id_expires_at"), table_name="radius_token")
    op.drop_table("radius_token")
    op.drop_index("uq_radius_client_district_id_name", table_name="radius_client")
    op.drop_index("uq_radius_client_district_id_address", table_name="radius_client")
    op.drop_table("radius_client")
    op.drop_table("queued_grant")
    op.drop_index(op.f("ix_oidc_login_district_id_created_at"), table_name="oidc_login")
    op.drop_table("oidc_login")
    op.drop_index(op.f("ix_voucher_batch_district_id_created_at"), table_name="voucher_batch")
    op.drop_table("voucher_batch")
    op.drop_table("radius_authority")
    op.drop_index(
        op.f("ix_radius_profile_delivery_district_id_username"), table_name="radius_profile_delivery"
    )
    op.drop_table("radius_profile_delivery")
    op.drop_index(op.f("ix_radius_credential_district_id_member_id"), table_name="radius_credential")
    op.drop_table("radius_credential")
    op.drop_index(op.f("ix_member_merge_district_id_kept_id"), table_name="member_merge")
    op.drop_table("member_merge")
    op.drop_index(op.f("ix_member_identity_district_id_member_id"), table_name="member_identity")
    op.drop_table("member_identity")
    op.drop_index(op.f("ix_ban_district_id_member_id"), table_name="ban")
    op.drop_index(op.f("ix_ban_district_id_alias"), table_name="ban")
    op.drop_table("ban")
    op.drop_index(
        "ix_session_ending_due", table_name="session_ending", postgresql_where=sa.text("done_at IS NULL")
    )
    op.drop_table("session_ending")
    op.drop_index("ix_radius_session_wifi", table_name="radius_session")
    op.drop_index(
        "ix_radius_session_open", table_name="radius_session", postgresql_where=sa.text("stopped_at IS NULL")
    )
    op.drop_index(
        "ix_radius_session_nas", table_name="radius_session", postgresql_where=sa.text("stopped_at IS NULL")
    )
    op.drop_index("ix_radius_session_member", table_name="radius_session")
    op.drop_table("radius_session")
    op.drop_index("uq_plan_district_id_slug", table_name="plan")
    op.drop_table("plan")
    op.drop_index("uq_oidc_provider_district_id_slug", table_name="oidc_provider")
    op.drop_table("oidc_provider")
    op.drop_index("uq_alarm_open", table_name="alarm", postgresql_where=sa.text("seen_at IS NULL"))
    op.drop_index(op.f("ix_alarm_district_id_at"), table_name="alarm")
    op.drop_table("alarm")
    op.drop_index(op.f("ix_address_translation_district_id_line_hash"), table_name="address_translation")
    op.drop_index(op.f("ix_address_translation_district_id_until"), table_name="address_translation")
    op.drop_index(
        op.f("ix_address_translation_district_id_outer_address_since"), table_name="address_translation"
    )
    op.drop_table("address_translation")
    op.drop_table("access_session")
    op.drop_index(
        "ix_access_record_outer",
        table_name="access_record",
        postgresql_where=sa.text("outer_address <> ''"),
    )
    op.drop_index(
        "ix_access_record_inner",
        table_name="access_record",
        postgresql_where=sa.text("inner_address <> ''"),
    )
    op.drop_index(op.f("ix_access_record_district_id_session"), table_name="access_record")
    op.drop_index(op.f("ix_access_record_district_id_at"), table_name="access_record")
    op.drop_table("access_record")
    op.drop_table("access_chain")

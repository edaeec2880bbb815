"""The first schema: districts, members, places, zones, feeds, campaigns, offers, deliveries, redemptions.

Revision: 0001, after
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=True),
        sa.Column("display_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
    )
    op.create_table(
        "api_key",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=True),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_api_key")),
    )
    op.create_index(
        op.f("ix_api_key_district_id_key_hash"), "api_key", ["district_id", "key_hash"], unique=True
    )
    op.create_table(
        "clock_simulation",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("machine_from", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("business_from", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("speed", sa.Float(), server_default="1", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_clock_simulation_one_row")),
        sa.CheckConstraint("speed > 0", name=op.f("ck_clock_simulation_speed_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_simulation")),
    )
    op.create_table(
        "consent_text",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_shown_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "text_hash", name=op.f("pk_consent_text")),
    )
    op.create_table(
        "day_salt",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("dies_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "trading_day", name=op.f("pk_day_salt")),
    )
    op.create_geospatial_table(
        "district",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "center",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("day_start", sa.Time(), server_default="06:00", nullable=False),
        sa.Column("crs", sa.Text(), server_default="wgs84", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), server_default="", nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("attribution", sa.Text(), server_default="", nullable=False),
        sa.Column("alias_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_district_currency_iso4217")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_district")),
        sa.UniqueConstraint("slug", name=op.f("uq_district_slug")),
    )
    op.create_table(
        "engine_owner",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("taken_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_engine_owner")),
    )
    op.create_table(
        "feed",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), server_default="", nullable=False),
        sa.Column("validator", sa.Text(), server_default="", nullable=False),
        sa.Column("datum", sa.Text(), server_default="wgs84", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_feed")),
    )
    op.create_index("uq_feed_district_id_slug", "feed", ["district_id", "slug"], unique=True)
    op.create_table(
        "feed_health",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "district_id", "feed_id", "trading_day", "outcome", name=op.f("pk_feed_health")
        ),
    )
    op.create_table(
        "idempotent_answer",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "principal", "path", "key", name=op.f("pk_idempotent_answer")),
    )
    op.create_index(
        op.f("ix_idempotent_answer_district_id_created_at"),
        "idempotent_answer",
        ["district_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("status > 0"),
    )
    op.create_geospatial_table(
        "imported_place",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), server_default="", nullable=False),
        sa.Column("opening_hours", sa.Text(), server_default="", nullable=False),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "location",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("imported_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "ref", name=op.f("pk_imported_place")),
    )
    op.create_table(
        "login_session",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("district_id", "token_hash", name=op.f("pk_login_session")),
    )
    op.create_index(
        op.f("ix_login_session_district_id_subject_id"),
        "login_session",
        ["district_id", "subject_id"],
        unique=False,
    )
    op.create_geospatial_table(
        "map_feature",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "shape",
            Geometry(
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "shape_3857",
            Geometry(
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_map_feature")),
    )
    op.create_index(
        op.f("ix_map_feature_district_id_layer_ref"),
        "map_feature",
        ["district_id", "layer", "ref"],
        unique=False,
    )
    op.create_geospatial_index(
        "ix_map_feature_shape",
        "map_feature",
        ["shape"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "ix_map_feature_shape_3857",
        "map_feature",
        ["shape_3857"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "member",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("quiet_from", sa.SmallInteger(), nullable=True),
        sa.Column("quiet_until", sa.SmallInteger(), nullable=True),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("joined_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("bucket BETWEEN 0 AND 9999", name=op.f("ck_member_bucket_range")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_member")),
    )
    op.create_index(
        op.f("ix_member_district_id_joined_at"), "member", ["district_id", "joined_at"], unique=False
    )
    op.create_index(
        "uq_member_district_id_email",
        "member",
        ["district_id", "email"],
        unique=True,
        postgresql_where=sa.text("email IS NOT NULL"),
    )
    op.create_index(
        "uq_member_district_id_phone",
        "member",
        ["district_id", "phone"],
        unique=True,
        postgresql_where=sa.text("phone IS NOT NULL"),
    )
    op.create_table(
        "merchant",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_merchant")),
    )
    op.create_table(
        "one_time_code",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("target_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name=op.f("ck_one_time_code_tries_bounded")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_one_time_code")),
    )
    op.create_index(
        op.f("ix_one_time_code_district_id_target_hash_created_at"),
        "one_time_code",
        ["district_id", "target_hash", "created_at"],
        unique=False,
    )
    op.create_table(
        "opt_out",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "alias", name=op.f("pk_opt_out")),
    )
    op.create_table(
        "outbox_message",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("send_before", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("retry_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_outbox_message")),
    )
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["district_id", "retry_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'leased', 'sending')"),
    )
    op.create_index(
        "ix_outbox_message_offer",
        "outbox_message",
        ["district_id", "offer_id"],
        unique=False,
        postgresql_where=sa.text("offer_id IS NOT NULL"),
    )
    op.create_geospatial_table(
        "property",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "outline",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_property")),
    )
    op.create_table(
        "rate_count",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("period_start", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("district_id", "subject", "period_start", name=op.f("pk_rate_count")),
    )
    op.create_table(
        "raw_sighting",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.REAL(), nullable=False),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("access_point_id", sa.Uuid(), nullable=True),
        sa.Column("rssi_dbm", sa.REAL(), nullable=True),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "feed_id", "at", "source_id", name=op.f("pk_raw_sighting")),
    )
    op.create_index("ix_raw_sighting_at", "raw_sighting", ["at"], unique=False, postgresql_using="brin")
    op.create_table(
        "redirect_use",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "gateway_id", "fingerprint", name=op.f("pk_redirect_use")),
    )
    op.create_table(
        "refusal",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("last_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "district_id", "trading_day", "member_id", "campaign_id", "reason", name=op.f("pk_refusal")
        ),
    )
    op.create_index(
        op.f("ix_refusal_district_id_campaign_id_trading_day"),
        "refusal",
        ["district_id", "campaign_id", "trading_day"],
        unique=False,
    )
    op.create_table(
        "route",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_route")),
    )
    op.create_table(
        "visit",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("device", sa.LargeBinary(), nullable=True),
        sa.Column("started_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fixes", sa.SmallInteger(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "trading_day", "id", name=op.f("pk_visit")),
    )
    op.create_index(
        op.f("ix_visit_district_id_place_kind_place_id_started_at"),
        "visit",
        ["district_id", "place_kind", "place_id", "started_at"],
        unique=False,
    )
    op.create_index(
        "ix_visit_member",
        "visit",
        ["district_id", "member_id", "started_at"],
        unique=False,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_geospatial_table(
        "zone",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "outline",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_zone")),
    )
    op.create_geospatial_index(
        "ix_zone_outline", "zone", ["outline"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index("uq_zone_district_id_slug", "zone", ["district_id", "slug"], unique=True)
    op.create_geospatial_table(
        "access_point",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "location",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("zone_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "zone_id"], ["zone.district_id", "zone.id"], name=op.f("fk_access_point_zone")
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_access_point")),
    )
    op.create_index("uq_access_point_district_id_mac", "access_point", ["district_id", "mac"], unique=True)
    op.create_geospatial_table(
        "campaign",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("offer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "fence",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("reject_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ends_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_campaign_merchant"),
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_campaign")),
    )
    op.create_index(
        op.f("ix_campaign_district_id_merchant_id"), "campaign", ["district_id", "merchant_id"], unique=False
    )
    op.create_index(op.f("ix_campaign_district_id_state"), "campaign", ["district_id", "state"], unique=False)
    op.create_table(
        "cap_slot",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("taken_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("slot >= 0", name=op.f("ck_cap_slot_slot_from_zero")),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_cap_slot_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "member_id", "scope", "slot", name=op.f("pk_cap_slot")),
    )
    op.create_table(
        "consent",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_consent_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_consent")),
    )
    op.create_index(
        op.f("ix_consent_district_id_member_id_purpose_channel_id"),
        "consent",
        ["district_id", "member_id", "purpose", "channel", "id"],
        unique=False,
    )
    op.create_table(
        "device_alias",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("randomised", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_device_alias_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "alias", name=op.f("pk_device_alias")),
    )
    op.create_index(
        op.f("ix_device_alias_district_id_member_id"),
        "device_alias",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_table(
        "gateway",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("public_url", sa.Text(), server_default="", nullable=False),
        sa.Column("zone_id", sa.Uuid(), nullable=True),
        sa.Column("allow_hosts", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("allow_networks", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("methods", postgresql.ARRAY(sa.Text()), server_default="{click}", nullable=False),
        sa.Column("fail_open", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "zone_id"], ["zone.district_id", "zone.id"], name=op.f("fk_gateway_zone")
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_gateway")),
    )
    op.create_index("uq_gateway_district_id_slug", "gateway", ["district_id", "slug"], unique=True)
    op.create_table(
        "inbox_item",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("why", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kind", sa.Text(), server_default="offer", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("committed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("read_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_inbox_item_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_inbox_item")),
    )
    op.create_index(
        op.f("ix_inbox_item_district_id_member_id_sequence"),
        "inbox_item",
        ["district_id", "member_id", "sequence"],
        unique=False,
    )
    op.create_geospatial_table(
        "store",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("property_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("opening_hours", sa.Text(), nullable=True),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column(
            "location",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_store_merchant"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "parent_id"], ["store.district_id", "store.id"], name=op.f("fk_store_store")
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "property_id"],
            ["property.district_id", "property.id"],
            name=op.f("fk_store_property"),
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_store")),
    )
    op.create_index(
        op.f("ix_store_district_id_merchant_id"), "store", ["district_id", "merchant_id"], unique=False
    )
    op.create_index("uq_store_district_id_ref", "store", ["district_id", "ref"], unique=True)
    op.create_table(
        "webhook_endpoint",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("disabled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_webhook_endpoint_merchant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_webhook_endpoint")),
    )
    op.create_table(
        "campaign_stock",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.Column("issued", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "issued >= 0 AND (quota IS NULL OR issued <= quota)",
            name=op.f("ck_campaign_stock_issued_within_quota"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_campaign_stock_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", name=op.f("pk_campaign_stock")),
    )
    op.create_table(
        "campaign_store",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_campaign_store_campaign"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "store_id"],
            ["store.district_id", "store.id"],
            name=op.f("fk_campaign_store_store"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", "store_id", name=op.f("pk_campaign_store")),
    )
    op.create_index(
        op.f("ix_campaign_store_district_id_store_id"),
        "campaign_store",
        ["district_id", "store_id"],
        unique=False,
    )
    op.create_table(
        "offer",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("occurrence_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="issued", nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("text", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("why", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("valid_from", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("redeemed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("trigger_lon", sa.Double(), nullable=True),
        sa.Column("trigger_lat", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_offer_campaign"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_offer_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_offer")),
    )
    op.create_index(
        op.f("ix_offer_district_id_campaign_id_issued_at"),
        "offer",
        ["district_id", "campaign_id", "issued_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_offer_district_id_member_id_issued_at"),
        "offer",
        ["district_id", "member_id", "issued_at"],
        unique=False,
    )
    op.create_index("uq_offer_district_id_code", "offer", ["district_id", "code"], unique=True)
    op.create_index(
        "uq_offer_once", "offer", ["district_id", "campaign_id", "member_id", "occurrence_key"], unique=True
    )
    op.create_table(
        "till",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "store_id"],
            ["store.district_id", "store.id"],
            name=op.f("fk_till_store"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_till")),
    )
    op.create_index(op.f("ix_till_district_id_store_id"), "till", ["district_id", "store_id"], unique=False)
    op.create_table(
        "wifi_session",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.LargeBinary(), nullable=False),
        sa.Column("access_point_mac", sa.Text(), server_default="", nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "gateway_id"],
            ["gateway.district_id", "gateway.id"],
            name=op.f("fk_wifi_session_gateway"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_wifi_session_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_wifi_session")),
    )
    op.create_index(
        op.f("ix_wifi_session_district_id_member_id_granted_at"),
        "wifi_session",
        ["district_id", "member_id", "granted_at"],
        unique=False,
    )
    op.create_table(
        "redemption",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("use_request_no", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("redeemed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("till_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reversed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "offer_id"], ["offer.district_id", "offer.id"], name=op.f("fk_redemption_offer")
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "store_id"], ["store.district_id", "store.id"], name=op.f("fk_redemption_store")
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_redemption")),
    )
    op.create_index(
        op.f("ix_redemption_district_id_store_id_redeemed_at"),
        "redemption",
        ["district_id", "store_id", "redeemed_at"],
        unique=False,
    )
    op.create_index(
        "uq_redemption_offer",
        "redemption",
        ["district_id", "offer_id"],
        unique=True,
        postgresql_where=sa.text("reversed_at IS NULL"),
    )
    op.create_index(
        "uq_redemption_request", "redemption", ["district_id", "till", "use_request_no"], unique=True
    )
    op.create_table(
        "reversal",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("redemption_id", sa.Uuid(), nullable=False),
        sa.Column("return_request_no", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("reversed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "redemption_id"],
            ["redemption.district_id", "redemption.id"],
            name=op.f("fk_reversal_redemption"),
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_reversal")),
    )
    op.create_index("uq_reversal_redemption", "reversal", ["district_id", "redemption_id"], unique=True)
    op.create_index(
        "uq_reversal_request", "reversal", ["district_id", "till", "return_request_no"], unique=True
    )


def downgrade() -> None:
    op.drop_index("uq_reversal_request", table_name="reversal")
    op.drop_index("uq_reversal_redemption", table_name="reversal")
    op.drop_table("reversal")
    op.drop_index("uq_redemption_request", table_name="redemption")
    op.drop_index(
        "uq_redemption_offer", table_name="redemption", postgresql_where=sa.text("reversed_at IS NULL")
    )
    op.drop_index(op.f("ix_redemption_district_id_store_id_redeemed_at"), table_name="redemption")
    op.drop_table("redemption")
    op.drop_index(op.f("ix_wifi_session_district_id_member_id_granted_at"), table_name="wifi_session")
    op.drop_table("wifi_session")
    op.drop_index(op.f("ix_till_district_id_store_id"), table_name="till")
    op.drop_table("till")
    op.drop_index("uq_offer_once", table_name="offer")
    op.drop_index("uq_offer_district_id_code", table_name="offer")
    op.drop_index(op.f("ix_offer_district_id_member_id_issued_at"), table_name="offer")
    op.drop_index(op.f("ix_offer_district_id_campaign_id_issued_at"), table_name="offer")
    op.drop_table("offer")
    op.drop_index(op.f("ix_campaign_store_district_id_store_id"), table_name="campaign_store")
    op.drop_table("campaign_store")
    op.drop_table("campaign_stock")
    op.drop_table("webhook_endpoint")
    op.drop_index("uq_store_district_id_ref", table_name="store")
    op.drop_index(op.f("ix_store_district_id_merchant_id"), table_name="store")
    op.drop_geospatial_table("store")
    op.drop_index(op.f("ix_inbox_item_district_id_member_id_sequence"), table_name="inbox_item")
    op.drop_table("inbox_item")
    op.drop_index("uq_gateway_district_id_slug", table_name="gateway")
    op.drop_table("gateway")
    op.drop_index(op.f("ix_device_alias_district_id_member_id"), table_name="device_alias")
    op.drop_table("device_alias")
    op.drop_index(op.f("ix_consent_district_id_member_id_purpose_channel_id"), table_name="consent")
    op.drop_table("consent")
    op.drop_table("cap_slot")
    op.drop_index(op.f("ix_campaign_district_id_state"), table_name="campaign")
    op.drop_index(op.f("ix_campaign_district_id_merchant_id"), table_name="campaign")
    op.drop_geospatial_table("campaign")
    op.drop_index("uq_access_point_district_id_mac", table_name="access_point")
    op.drop_geospatial_table("access_point")
    op.drop_index("uq_zone_district_id_slug", table_name="zone")
    op.drop_geospatial_index(
        "ix_zone_outline", table_name="zone", postgresql_using="gist", column_name="outline"
    )
    op.drop_geospatial_table("zone")
    op.drop_index("ix_visit_member", table_name="visit", postgresql_where=sa.text("member_id IS NOT NULL"))
    op.drop_index(op.f("ix_visit_district_id_place_kind_place_id_started_at"), table_name="visit")
    op.drop_table("visit")
    op.drop_table("route")
    op.drop_index(op.f("ix_refusal_district_id_campaign_id_trading_day"), table_name="refusal")
    op.drop_table("refusal")
    op.drop_table("redirect_use")
    op.drop_index("ix_raw_sighting_at", table_name="raw_sighting", postgresql_using="brin")
    op.drop_table("raw_sighting")
    op.drop_table("rate_count")
    op.drop_geospatial_table("property")
    op.drop_index(
        "ix_outbox_message_offer",
        table_name="outbox_message",
        postgresql_where=sa.text("offer_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_outbox_message_due",
        table_name="outbox_message",
        postgresql_where=sa.text("state IN ('queued', 'leased', 'sending')"),
    )
    op.drop_table("outbox_message")
    op.drop_table("opt_out")
    op.drop_index(op.f("ix_one_time_code_district_id_target_hash_created_at"), table_name="one_time_code")
    op.drop_table("one_time_code")
    op.drop_table("merchant")
    op.drop_index(
        "uq_member_district_id_phone", table_name="member", postgresql_where=sa.text("phone IS NOT NULL")
    )
    op.drop_index(
        "uq_member_district_id_email", table_name="member", postgresql_where=sa.text("email IS NOT NULL")
    )
    op.drop_index(op.f("ix_member_district_id_joined_at"), table_name="member")
    op.drop_table("member")
    op.drop_geospatial_index(
        "ix_map_feature_shape_3857",
        table_name="map_feature",
        postgresql_using="gist",
        column_name="shape_3857",
    )
    op.drop_geospatial_index(
        "ix_map_feature_shape", table_name="map_feature", postgresql_using="gist", column_name="shape"
    )
    op.drop_index(op.f("ix_map_feature_district_id_layer_ref"), table_name="map_feature")
    op.drop_geospatial_table("map_feature")
    op.drop_index(op.f("ix_login_session_district_id_subject_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_geospatial_table("imported_place")
    op.drop_index(
        op.f("ix_idempotent_answer_district_id_created_at"),
        table_name="idempotent_answer",
        postgresql_where=sa.text("status > 0"),
    )
    op.drop_table("idempotent_answer")
    op.drop_table("feed_health")
    op.drop_index("uq_feed_district_id_slug", table_name="feed")
    op.drop_table("feed")
    op.drop_table("engine_owner")
    op.drop_geospatial_table("district")
    op.drop_table("day_salt")
    op.drop_table("consent_text")
    op.drop_table("clock_simulation")
    op.drop_index(op.f("ix_api_key_district_id_key_hash"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("account")

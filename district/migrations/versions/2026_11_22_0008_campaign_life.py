"""Versions, owners, consents of properties, joint events and join incentives.

Revision: 2026_11_22_0008, after 2026_11_22_0007
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0008"
down_revision = "2026_11_22_0007"
branch_labels = None
depends_on = None

# What stands already becomes the first version of its campaign.
KEEP_VERSIONS = """
INSERT INTO campaign_version (district_id, campaign_id, version, name, rule, offer, fence, floor, store_ids,
                              starts_at, ends_at, made_at)
SELECT district_id, id, version, name, rule, offer, fence, floor,
       ARRAY(SELECT store_id FROM campaign_store
             WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id
             ORDER BY store_id),
       starts_at, ends_at, changed_at
FROM campaign WHERE state <> 'draft'
"""


def upgrade() -> None:
    op.alter_column("campaign", "merchant_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("campaign", sa.Column("owner_kind", sa.Text(), server_default="chain", nullable=False))
    op.add_column("campaign", sa.Column("property_id", sa.Uuid(), nullable=True))
    op.add_column("campaign", sa.Column("owner_store_id", sa.Uuid(), nullable=True))
    op.add_column("campaign", sa.Column("content_version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("campaign", sa.Column("pending_version", sa.Integer(), nullable=True))
    op.add_column(
        "campaign", sa.Column("pause_reason", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.add_column("campaign", sa.Column("holds_until", sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_campaign_property"),
        "campaign",
        "property",
        ["district_id", "property_id"],
        ["district_id", "id"],
    )
    op.create_check_constraint(
        op.f("ck_campaign_one_owner"),
        "campaign",
        "CASE owner_kind WHEN 'chain' THEN merchant_id IS NOT NULL AND property_id IS NULL"
        " WHEN 'store' THEN merchant_id IS NOT NULL AND owner_store_id IS NOT NULL AND property_id IS NULL"
        " WHEN 'property' THEN property_id IS NOT NULL AND merchant_id IS NULL"
        " WHEN 'operator' THEN merchant_id IS NULL AND property_id IS NULL ELSE false END",
    )
    op.add_column("offer", sa.Column("campaign_version", sa.Integer(), nullable=True))
    op.create_table(
        "campaign_version",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("offer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fence", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("store_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ends_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("made_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_campaign_version_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", "version", name=op.f("pk_campaign_version")),
    )
    op.create_table(
        "campaign_event",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_campaign_event_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_campaign_event")),
    )
    op.create_index(
        op.f("ix_campaign_event_district_id_campaign_id_id"),
        "campaign_event",
        ["district_id", "campaign_id", "id"],
        unique=False,
    )
    op.create_table(
        "territory_consent",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("property_id", sa.Uuid(), nullable=False),
        sa.Column("grantee_kind", sa.Text(), nullable=False),
        sa.Column("grantee_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("granted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("granted_role", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("withdrawn_role", sa.Text(), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdraw_reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "property_id"],
            ["property.district_id", "property.id"],
            name=op.f("fk_territory_consent_property"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_territory_consent")),
    )
    op.create_index(
        "uq_territory_consent_standing",
        "territory_consent",
        ["district_id", "property_id", "grantee_kind", "grantee_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "funding_share",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("party_kind", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("party_name", sa.Text(), server_default="", nullable=False),
        sa.Column("permille", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "party_kind IN ('merchant', 'property', 'platform', 'sponsor')",
            name=op.f("ck_funding_share_party_kind_known"),
        ),
        sa.CheckConstraint("permille BETWEEN 1 AND 1000", name=op.f("ck_funding_share_permille_range")),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_funding_share_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_funding_share")),
    )
    op.create_index(
        op.f("ix_funding_share_district_id_campaign_id"),
        "funding_share",
        ["district_id", "campaign_id"],
        unique=False,
    )
    op.create_table(
        "joint_event",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("enrol_until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_joint_event_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", name=op.f("pk_joint_event")),
    )
    op.create_table(
        "joint_enrolment",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("enrolled_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("enrolled_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["joint_event.district_id", "joint_event.campaign_id"],
            name=op.f("fk_joint_enrolment_joint_event"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_joint_enrolment_merchant"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "store_id"],
            ["store.district_id", "store.id"],
            name=op.f("fk_joint_enrolment_store"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "campaign_id", "store_id", name=op.f("pk_joint_enrolment")),
    )
    op.create_index(
        op.f("ix_joint_enrolment_district_id_merchant_id"),
        "joint_enrolment",
        ["district_id", "merchant_id"],
        unique=False,
    )
    op.create_table(
        "join_incentive",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("nth", sa.Integer(), server_default="1", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("plan_for_s", sa.Integer(), nullable=True),
        sa.Column("needs_contact", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ends_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "CASE kind WHEN 'coupon' THEN campaign_id IS NOT NULL WHEN 'plan' THEN plan_id IS NOT NULL AND plan_for_s > 0 ELSE false END",
            name=op.f("ck_join_incentive_gives_something"),
        ),
        sa.CheckConstraint("nth >= 1", name=op.f("ck_join_incentive_nth_from_one")),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_join_incentive_campaign"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "plan_id"], ["plan.district_id", "plan.id"], name=op.f("fk_join_incentive_plan")
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_join_incentive")),
    )
    op.create_table(
        "join_reward",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("incentive_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("wifi_session_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "incentive_id"],
            ["join_incentive.district_id", "join_incentive.id"],
            name=op.f("fk_join_reward_join_incentive"),
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_join_reward_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "incentive_id", "member_id", name=op.f("pk_join_reward")),
    )
    op.create_index(
        op.f("ix_join_reward_district_id_member_id"),
        "join_reward",
        ["district_id", "member_id"],
        unique=False,
    )
    op.execute("UPDATE campaign SET content_version = version")
    op.execute(KEEP_VERSIONS)


def downgrade() -> None:
    op.drop_table("join_reward")
    op.drop_table("join_incentive")
    op.drop_table("joint_enrolment")
    op.drop_table("joint_event")
    op.drop_table("funding_share")
    op.drop_table("territory_consent")
    op.drop_table("campaign_event")
    op.drop_table("campaign_version")
    op.drop_column("offer", "campaign_version")
    op.drop_constraint(op.f("ck_campaign_one_owner"), "campaign", type_="check")
    op.drop_constraint(op.f("fk_campaign_property"), "campaign", type_="foreignkey")
    for column in (
        "holds_until",
        "pause_reason",
        "pending_version",
        "content_version",
        "owner_store_id",
        "property_id",
        "owner_kind",
    ):
        op.drop_column("campaign", column)
    op.execute("UPDATE campaign SET state = 'approved' WHERE state = 'scheduled'")
    op.execute("UPDATE campaign SET state = 'live' WHERE state = 'exhausted'")
    # Campaigns of properties and of the operator have no place in the older schema.
    op.execute(
        "DELETE FROM offer USING campaign WHERE offer.district_id = campaign.district_id"
        " AND offer.campaign_id = campaign.id AND campaign.merchant_id IS NULL"
    )
    op.execute("DELETE FROM campaign WHERE merchant_id IS NULL")
    op.alter_column("campaign", "merchant_id", existing_type=sa.Uuid(), nullable=False)

"""Audiences: tags, uploaded lists, segments, follows, and what members did.

Revision: 2026_11_22_0005, after 2026_11_22_0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0005"
down_revision = "2026_11_22_0003"
branch_labels = None
depends_on = None

TABLES = (
    "tag",
    "member_tag",
    "contact_list",
    "contact_list_entry",
    "segment",
    "segment_version",
    "segment_member",
)
TABLES += ("follow", "member_event")


def upgrade() -> None:
    _tags()
    _lists()
    _segments()
    _versions()
    _follows()
    _events()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _tags() -> None:
    op.create_table(
        "tag",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_tag_merchant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_tag")),
    )
    op.create_index(
        "uq_tag_name",
        "tag",
        ["district_id", "merchant_id", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "member_tag",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_tag_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "tag_id"],
            ["tag.district_id", "tag.id"],
            name=op.f("fk_member_tag_tag"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "tag_id", "member_id", name=op.f("pk_member_tag")),
    )
    op.create_index(
        op.f("ix_member_tag_district_id_member_id"), "member_tag", ["district_id", "member_id"], unique=False
    )


def _lists() -> None:
    op.create_table(
        "contact_list",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("uploaded_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_contact_list_merchant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_contact_list")),
    )
    op.create_index(
        "uq_contact_list_name",
        "contact_list",
        ["district_id", "merchant_id", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "contact_list_entry",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("contact_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "list_id"],
            ["contact_list.district_id", "contact_list.id"],
            name=op.f("fk_contact_list_entry_contact_list"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "list_id", "contact_hash", name=op.f("pk_contact_list_entry")),
    )
    op.create_index(
        op.f("ix_contact_list_entry_district_id_contact_hash"),
        "contact_list_entry",
        ["district_id", "contact_hash"],
        unique=False,
    )


def _segments() -> None:
    op.create_table(
        "segment",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("frozen_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('live', 'static')", name=op.f("ck_segment_kind_known")),
        sa.ForeignKeyConstraint(
            ["district_id", "merchant_id"],
            ["merchant.district_id", "merchant.id"],
            name=op.f("fk_segment_merchant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_segment")),
    )
    op.create_index(
        "uq_segment_name",
        "segment",
        ["district_id", "merchant_id", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def _versions() -> None:
    op.create_table(
        "segment_version",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "segment_id"],
            ["segment.district_id", "segment.id"],
            name=op.f("fk_segment_version_segment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "segment_id", "version", name=op.f("pk_segment_version")),
    )
    op.create_table(
        "segment_member",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_segment_member_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "segment_id"],
            ["segment.district_id", "segment.id"],
            name=op.f("fk_segment_member_segment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "segment_id", "member_id", name=op.f("pk_segment_member")),
    )
    op.create_index(
        op.f("ix_segment_member_district_id_member_id"),
        "segment_member",
        ["district_id", "member_id"],
        unique=False,
    )


def _follows() -> None:
    op.create_table(
        "follow",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_follow_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "store_id"],
            ["store.district_id", "store.id"],
            name=op.f("fk_follow_store"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "member_id", "store_id", name=op.f("pk_follow")),
    )
    op.create_index(
        op.f("ix_follow_district_id_store_id"), "follow", ["district_id", "store_id"], unique=False
    )


def _events() -> None:
    op.create_table(
        "member_event",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_event_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_member_event")),
    )
    op.create_index(
        op.f("ix_member_event_district_id_at"), "member_event", ["district_id", "at"], unique=False
    )
    op.create_index(
        op.f("ix_member_event_district_id_kind_store_id_at"),
        "member_event",
        ["district_id", "kind", "store_id", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_member_event_district_id_member_id_at"),
        "member_event",
        ["district_id", "member_id", "at"],
        unique=False,
    )
    op.create_index(
        "ix_member_event_not_found",
        "member_event",
        ["district_id", "at"],
        unique=False,
        postgresql_where=sa.text("kind = 'search' AND found = 0"),
    )

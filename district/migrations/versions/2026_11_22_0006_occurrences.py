"""When campaigns are due, and triggers that wait to be decided.

Revision: 2026_11_22_0006, after 2026_11_22_0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0006"
down_revision = "2026_11_22_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pending_trigger",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("occurrence_key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_pending_trigger_district_id_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_pending_trigger")),
    )
    op.create_index(
        "uq_pending_trigger_once",
        "pending_trigger",
        ["district_id", "kind", "member_id", "occurrence_key", "campaign_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_pending_trigger_due",
        "pending_trigger",
        ["district_id", "due_at"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index(
        "ix_pending_trigger_done",
        "pending_trigger",
        ["district_id", "done_at"],
        postgresql_where=sa.text("done_at IS NOT NULL"),
    )
    op.create_table(
        "occurrence",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_version", sa.Integer(), nullable=False),
        sa.Column("wall_at", sa.DateTime(timezone=False), nullable=False),
        sa.Column("as_second", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="due", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_member_id", sa.Uuid(), nullable=True),
        sa.Column("planned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("issued", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('due', 'planning', 'done', 'missed')", name=op.f("ck_occurrence_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "campaign_id"],
            ["campaign.district_id", "campaign.id"],
            name=op.f("fk_occurrence_district_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_occurrence")),
    )
    op.create_index(
        "uq_occurrence_starts_at", "occurrence", ["district_id", "campaign_id", "starts_at"], unique=True
    )
    op.create_index(
        "uq_occurrence_slot",
        "occurrence",
        ["district_id", "campaign_id", "wall_at", "as_second"],
        unique=True,
    )
    op.create_index(
        "ix_occurrence_due",
        "occurrence",
        ["district_id", "next_at"],
        postgresql_where=sa.text("state IN ('due', 'planning')"),
    )
    op.add_column("member", sa.Column("birth_month", sa.SmallInteger(), nullable=True))
    op.add_column("member", sa.Column("birth_day", sa.SmallInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_member_birthday_range"),
        "member",
        "(birth_month IS NULL) = (birth_day IS NULL) AND birth_month BETWEEN 1 AND 12"
        " AND birth_day BETWEEN 1 AND 31",
    )
    op.create_index(
        "ix_member_birthday",
        "member",
        ["district_id", "birth_month", "birth_day"],
        postgresql_where=sa.text("birth_month IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_member_birthday", table_name="member")
    op.drop_constraint(op.f("ck_member_birthday_range"), "member")
    op.drop_column("member", "birth_day")
    op.drop_column("member", "birth_month")
    op.drop_table("occurrence")
    op.drop_table("pending_trigger")

"""Texts on file with gateways and carriers.

Revision: 2026_11_22_0024, after 2026_11_22_0023
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0024"
down_revision = "2026_11_22_0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "text_template",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('marketing', 'service', 'code')", name=op.f("ck_text_template_purpose_known")
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["channel_provider.district_id", "channel_provider.id"],
            name=op.f("fk_text_template_channel_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_text_template")),
    )
    op.create_index(
        op.f("ix_text_template_district_id_provider_id"),
        "text_template",
        ["district_id", "provider_id"],
        unique=False,
    )
    op.create_index(
        "uq_text_template_number",
        "text_template",
        ["district_id", "provider_id", "number"],
        unique=True,
        postgresql_where=sa.text("number <> ''"),
    )
    op.create_table(
        "text_filing",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('unfiled', 'filed', 'refused')", name=op.f("ck_text_filing_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "template_id"],
            ["text_template.district_id", "text_template.id"],
            name=op.f("fk_text_filing_text_template"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "template_id", "carrier", name=op.f("pk_text_filing")),
    )


def downgrade() -> None:
    op.drop_table("text_filing")
    op.drop_table("text_template")

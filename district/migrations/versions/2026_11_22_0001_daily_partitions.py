"""Whose form used a redirect up, and what it was answered.

Revision: 2026_11_22_0001, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0001"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("redirect_use", sa.Column("form_hash", sa.LargeBinary(), nullable=True))
    op.add_column("redirect_use", sa.Column("member_id", sa.Uuid(), nullable=True))
    op.add_column(
        "redirect_use", sa.Column("is_proven", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("redirect_use", "is_proven")
    op.drop_column("redirect_use", "member_id")
    op.drop_column("redirect_use", "form_hash")

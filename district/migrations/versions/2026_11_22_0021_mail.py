"""Why an address gets nothing any more, and which address a receipt is about.

Revision: 2026_11_22_0021, after 2026_11_22_0020
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0021"
down_revision = "2026_11_22_0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("member_endpoint", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.add_column("member_endpoint", sa.Column("failed_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_index(
        "ix_member_endpoint_failing",
        "member_endpoint",
        ["district_id", "id"],
        unique=False,
        postgresql_where=sa.text("channel IN ('sms', 'email')"),
    )
    op.add_column("delivery_receipt", sa.Column("address_hash", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("delivery_receipt", "address_hash")
    op.drop_index("ix_member_endpoint_failing", table_name="member_endpoint")
    op.drop_column("member_endpoint", "failed_at")
    op.drop_column("member_endpoint", "reason")

"""Text messages: providers, parts, filed templates, receipts.

Revision: 2026_11_22_0018, after 2026_11_22_0017
"""

revision = "2026_11_22_0018"
down_revision = "2026_11_22_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

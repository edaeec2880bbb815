"""What the rule language needs beside a campaign's documents.

Revision: 2026_11_22_0004, after 2026_11_22_0003
"""

revision = "2026_11_22_0004"
down_revision = "2026_11_22_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

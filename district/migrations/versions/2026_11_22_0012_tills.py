"""Codes that rotate and tills that work off line.

Revision: 2026_11_22_0012, after 2026_11_22_0011
"""

revision = "2026_11_22_0012"
down_revision = "2026_11_22_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

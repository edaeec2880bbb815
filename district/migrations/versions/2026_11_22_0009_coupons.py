"""Kinds of offers, pools, claims and drops.

Revision: 2026_11_22_0009, after 2026_11_22_0008
"""

revision = "2026_11_22_0009"
down_revision = "2026_11_22_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

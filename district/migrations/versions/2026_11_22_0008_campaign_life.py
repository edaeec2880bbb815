"""Versions, owners, consents of properties, joint events and join incentives.

Revision: 2026_11_22_0008, after 2026_11_22_0007
"""

revision = "2026_11_22_0008"
down_revision = "2026_11_22_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

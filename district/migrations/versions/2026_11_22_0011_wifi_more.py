"""Inbound messages, and what identity and consent still lacked.

Revision: 2026_11_22_0011, after 2026_11_22_0010
"""

revision = "2026_11_22_0011"
down_revision = "2026_11_22_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

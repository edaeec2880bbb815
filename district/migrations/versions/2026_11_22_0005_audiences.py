"""Segments, tags, lists, follows and members' events.

Revision: 2026_11_22_0005, after 2026_11_22_0004
"""

revision = "2026_11_22_0005"
down_revision = "2026_11_22_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

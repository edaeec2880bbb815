"""When campaigns are due, and triggers that wait to be decided.

Revision: 2026_11_22_0006, after 2026_11_22_0005
"""

revision = "2026_11_22_0006"
down_revision = "2026_11_22_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

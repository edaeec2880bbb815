"""The ledger, purchases, points and statements.

Revision: 2026_11_22_0010, after 2026_11_22_0009
"""

revision = "2026_11_22_0010"
down_revision = "2026_11_22_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

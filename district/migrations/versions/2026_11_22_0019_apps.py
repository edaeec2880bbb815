"""Accounts of apps, tokens of devices, passes and screens.

Revision: 2026_11_22_0019, after 2026_11_22_0018
"""

revision = "2026_11_22_0019"
down_revision = "2026_11_22_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

"""Stops by merchant and channel, short links.

Revision: 2026_11_22_0020, after 2026_11_22_0019
"""

revision = "2026_11_22_0020"
down_revision = "2026_11_22_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

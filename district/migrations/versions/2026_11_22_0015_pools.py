"""Pools and cap slots that many take from at once.

Revision: 2026_11_22_0015, after 2026_11_22_0014
"""

revision = "2026_11_22_0015"
down_revision = "2026_11_22_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

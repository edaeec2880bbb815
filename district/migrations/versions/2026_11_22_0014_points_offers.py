"""Offers of points, forms of address, hold-outs as they stood.

Revision: 2026_11_22_0014, after 2026_11_22_0013
"""

revision = "2026_11_22_0014"
down_revision = "2026_11_22_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

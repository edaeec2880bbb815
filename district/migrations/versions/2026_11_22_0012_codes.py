"""Rotating codes at the counter, typed codes that a till unlocks.

Revision: 2026_11_22_0012, after 2026_11_22_0011
"""

revision = "2026_11_22_0012"
down_revision = "2026_11_22_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

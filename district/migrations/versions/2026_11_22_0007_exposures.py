"""Who was in which arm, the district's marketing policy and what was learnt of redemptions.

Revision: 2026_11_22_0007, after 2026_11_22_0006
"""

revision = "2026_11_22_0007"
down_revision = "2026_11_22_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""

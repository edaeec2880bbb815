"""Reserved link of the chain.

Revision: 2026_11_22_0025, after 2026_11_22_0024
"""

revision = "2026_11_22_0025"
down_revision = "2026_11_22_0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

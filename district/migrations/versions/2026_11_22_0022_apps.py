"""Reserved link of the chain.

Revision: 2026_11_22_0022, after 2026_11_22_0021
"""

revision = "2026_11_22_0022"
down_revision = "2026_11_22_0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

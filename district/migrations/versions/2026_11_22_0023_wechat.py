"""Reserved link of the chain.

Revision: 2026_11_22_0023, after 2026_11_22_0022
"""

revision = "2026_11_22_0023"
down_revision = "2026_11_22_0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

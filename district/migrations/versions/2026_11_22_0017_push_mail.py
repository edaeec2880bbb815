"""Web push and e-mail: endpoints, keys, suppressions.

Revision: 2026_11_22_0017, after 2026_11_22_0016
"""

revision = "2026_11_22_0017"
down_revision = "2026_11_22_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

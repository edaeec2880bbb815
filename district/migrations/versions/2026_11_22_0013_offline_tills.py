"""Tills that go on without a line: what each may take, what they bring in, what clashes.

Revision: 2026_11_22_0013, after 2026_11_22_0012
"""

revision = "2026_11_22_0013"
down_revision = "2026_11_22_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

"""Deliveries of many channels: choice, pauses, dead letters, receipts.

Revision: 2026_11_22_0016, after 2026_11_22_0015
"""

revision = "2026_11_22_0016"
down_revision = "2026_11_22_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

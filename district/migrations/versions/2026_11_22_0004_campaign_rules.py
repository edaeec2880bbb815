"""The rule language: documents that the tables of before hold as they are.

Revision: 2026_11_22_0004, after 2026_11_22_0003
"""

revision = "2026_11_22_0004"
down_revision = "2026_11_22_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rules are JSON in campaign.rule, caps rows of cap_slot: no table changes."""


def downgrade() -> None:
    """Nothing was changed."""

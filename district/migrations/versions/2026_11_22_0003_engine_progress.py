"""How far an engine's effects are committed, and how often the stream was shorter than it had been.

Revision: 2026_11_22_0003, after 2026_11_22_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0003"
down_revision = "2026_11_22_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "engine_owner", sa.Column("done_sequence", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "engine_owner", sa.Column("done_stored_ms", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("engine_owner", sa.Column("rewinds", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("engine_owner", "rewinds")
    op.drop_column("engine_owner", "done_stored_ms")
    op.drop_column("engine_owner", "done_sequence")

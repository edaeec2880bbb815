"""A queue whose rows are leased and marked without touching an index.

PostgreSQL writes a new version of a row beside the old one, and into no index, when no column of an index or of its
condition changed and the page has room. So the queue's indexes ask whether a row has ended, which it does once, and not
which state it has; and pages keep half of their room.

Revision: 2026_11_22_0026, after 2026_11_22_0025
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0026"
down_revision = "2026_11_22_0025"
branch_labels = None
depends_on = None

DUE, SUSPECT = "ix_outbox_message_due", "ix_outbox_message_suspect"
ACTIVE = "state IN ('queued', 'leased', 'sending')"


def upgrade() -> None:
    op.execute(f"UPDATE outbox_message SET finished_at = NULL WHERE {ACTIVE} AND finished_at IS NOT NULL")
    op.execute(
        f"UPDATE outbox_message SET finished_at = clock_timestamp() WHERE NOT ({ACTIVE}) AND finished_at IS NULL"
    )
    op.create_check_constraint(
        op.f("ck_outbox_message_active_unfinished"),
        "outbox_message",
        f"finished_at IS NULL OR NOT ({ACTIVE})",
    )
    op.drop_index(DUE, table_name="outbox_message")
    op.drop_index(SUSPECT, table_name="outbox_message")
    op.create_index(
        DUE,
        "outbox_message",
        ["district_id", "channel", "retry_at", "due_at"],
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        SUSPECT,
        "outbox_message",
        ["district_id", "retry_at"],
        postgresql_where=sa.text("finished_at IS NULL AND lost_leases >= 3"),
    )
    op.execute("ALTER TABLE outbox_message SET (fillfactor = 50)")


def downgrade() -> None:
    op.execute("ALTER TABLE outbox_message RESET (fillfactor)")
    op.drop_index(SUSPECT, table_name="outbox_message")
    op.drop_index(DUE, table_name="outbox_message")
    op.create_index(
        SUSPECT,
        "outbox_message",
        ["district_id", "retry_at"],
        postgresql_where=sa.text("state = 'queued' AND lost_leases >= 3"),
    )
    op.create_index(
        DUE,
        "outbox_message",
        ["district_id", "retry_at"],
        postgresql_where=sa.text("state IN ('queued', 'leased', 'sending')"),
    )
    op.drop_constraint(op.f("ck_outbox_message_active_unfinished"), "outbox_message", type_="check")

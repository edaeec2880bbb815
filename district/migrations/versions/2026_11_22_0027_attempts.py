"""What a provider took in one go is one attempt, of so many messages.

Revision: 2026_11_22_0027, after 2026_11_22_0026
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0027"
down_revision = "2026_11_22_0026"
branch_labels = None
depends_on = None

# One for each message again: those that are still known by their own ids, the others, of which nothing but the number is
# asked, by new ones.
APART = """
WITH known AS (
    SELECT attempt.district_id, attempt.id AS attempt_id, message.id,
           row_number() OVER (PARTITION BY attempt.district_id, attempt.id ORDER BY message.id) AS number
    FROM delivery_attempt AS attempt
    JOIN outbox_message AS message
      ON message.district_id = attempt.district_id AND message.channel = attempt.channel
     AND message.provider_id IS NOT DISTINCT FROM attempt.provider_id AND message.finished_at = attempt.at
     AND message.state = 'accepted'
    WHERE attempt.delivery_id IS NULL
)
INSERT INTO delivery_attempt (district_id, id, delivery_id, channel, provider_id, outcome, detail, at)
SELECT attempt.district_id, gen_random_uuid(), coalesce(known.id, gen_random_uuid()), attempt.channel,
       attempt.provider_id, attempt.outcome, attempt.detail, attempt.at
FROM delivery_attempt AS attempt
CROSS JOIN LATERAL generate_series(1, attempt.messages) AS one (number)
LEFT JOIN known ON known.district_id = attempt.district_id AND known.attempt_id = attempt.id
                AND known.number = one.number
WHERE attempt.delivery_id IS NULL
"""


def upgrade() -> None:
    op.add_column("delivery_attempt", sa.Column("messages", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("delivery_attempt", "delivery_id", nullable=True)


def downgrade() -> None:
    op.execute(APART)
    op.execute("DELETE FROM delivery_attempt WHERE delivery_id IS NULL")
    op.alter_column("delivery_attempt", "delivery_id", nullable=False)
    op.drop_column("delivery_attempt", "messages")

"""Attempts of several messages become one of each again where the schema goes back, and nothing is lost on the way."""

from alembic import command
from sqlalchemy import create_engine, text

from district.embedded.checks import migration_config
from tests.conftest import cloned_database

ROWS = """
INSERT INTO outbox_message (district_id, id, channel, purpose, payload, state, due_at, retry_at, created_at,
                            finished_at, provider_id, attempts)
SELECT '00000000-0000-0000-0000-000000000007', ('00000000-0000-0000-0000-00000000010' || number)::uuid, 'sms', 'service',
       '{}', 'accepted', '2026-05-01', '2026-05-01', '2026-05-01', '2026-05-01 10:00+00',
       '00000000-0000-0000-0000-000000000008', 1
FROM generate_series(1, 3) AS number;
INSERT INTO delivery_attempt (district_id, id, delivery_id, channel, provider_id, outcome, at, messages) VALUES
    ('00000000-0000-0000-0000-000000000007', gen_random_uuid(), NULL, 'sms', '00000000-0000-0000-0000-000000000008',
     'accepted', '2026-05-01 10:00+00', 5),
    ('00000000-0000-0000-0000-000000000007', gen_random_uuid(), gen_random_uuid(), 'sms',
     '00000000-0000-0000-0000-000000000008', 'failed', '2026-05-01 10:00+00', 1)
"""
APART = """
SELECT outcome, count(*), count(DISTINCT delivery_id), count(message.id)
FROM delivery_attempt LEFT JOIN outbox_message AS message
  ON message.district_id = delivery_attempt.district_id AND message.id = delivery_id
GROUP BY outcome ORDER BY outcome
"""


def test_attempts_of_several_messages_are_told_apart_by_an_older_schema(addresses: dict[str, str]) -> None:
    with cloned_database(addresses["database"]) as url:
        config = migration_config(url)
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.execute(text(ROWS))
        command.downgrade(config, "2026_11_22_0026")
        with engine.connect() as connection:
            older = [tuple(row) for row in connection.execute(text(APART))]
        command.upgrade(config, "head")
        with engine.connect() as connection:
            newer = [tuple(row) for row in connection.execute(text(APART))]
            counted = connection.execute(text("SELECT sum(messages) FROM delivery_attempt")).scalar_one()
        engine.dispose()
    assert older == newer == [("accepted", 5, 5, 3), ("failed", 1, 1, 0)]
    assert counted == 6

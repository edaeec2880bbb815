"""SQL of the queue."""

ENQUEUE_SQL = """
WITH queued AS (
    INSERT INTO outbox_message (district_id, id, channel, purpose, member_id, offer_id, payload, due_at,
                                send_before, retry_at, created_at, fallbacks)
    SELECT %(district_id)s, id, channel, purpose, member_id, offer_id, payload, due_at, send_before,
           clock_timestamp(), due_at, string_to_array(fallbacks, ',')
    FROM unnest(%(ids)s::uuid[], %(channels)s::text[], %(purposes)s::text[], %(members)s::uuid[],
                %(offers)s::uuid[], %(payloads)s::jsonb[], %(due)s::timestamptz[], %(before)s::timestamptz[],
                %(fallbacks)s::text[])
         AS message (id, channel, purpose, member_id, offer_id, payload, due_at, send_before, fallbacks)
    RETURNING 1
)
SELECT pg_notify(%(channel)s, %(district_id)s::text) FROM (SELECT count(*) FROM queued) AS done
"""

FORGET_CODES_SQL = """
UPDATE outbox_message SET payload = payload - 'code' - 'to'
WHERE district_id = %(district_id)s AND id >= %(from_id)s AND purpose = 'code' AND finished_at <= %(before)s
  AND payload ? 'code'
"""

DROP_FINISHED_SQL = (
    "DELETE FROM outbox_message WHERE district_id = %(district_id)s AND finished_at <= %(before)s"
)

CONSOLE_CODES_SQL = """
SELECT id, channel, payload ->> 'to', payload ->> 'code', finished_at FROM outbox_message
WHERE district_id = :district_id AND purpose = 'code' AND state = 'accepted' AND finished_at > :since
  AND payload ? 'code'
ORDER BY finished_at DESC, id LIMIT 50
"""

"""SQL of the queue."""

ENQUEUE_SQL = """
WITH queued AS (
    INSERT INTO outbox_message (district_id, id, channel, purpose, member_id, offer_id, payload, due_at,
                                send_before, retry_at, created_at)
    SELECT %(district_id)s, id, channel, purpose, member_id, offer_id, payload, due_at, send_before,
           clock_timestamp(), due_at
    FROM unnest(%(ids)s::uuid[], %(channels)s::text[], %(purposes)s::text[], %(members)s::uuid[],
                %(offers)s::uuid[], %(payloads)s::jsonb[], %(due)s::timestamptz[], %(before)s::timestamptz[])
         AS message (id, channel, purpose, member_id, offer_id, payload, due_at, send_before)
    RETURNING 1
)
SELECT pg_notify(%(channel)s, %(district_id)s::text) FROM (SELECT count(*) FROM queued) AS done
"""

"""SQL of the dispatcher's queue and of members' inboxes. Leases and retries are the database's own time."""

# Whatever asks for `finished_at IS NULL` reads the index of what waits or leaves. A row that is lost again and again, at
# last when it was alone with its worker, is what kills them: it is parked. A lease that ends later than any does is from
# before the database's clock was set back.
RECLAIM_SQL = """
UPDATE outbox_message AS message
SET state = CASE WHEN rule.next_state = 'queued' AND message.lost_leases + 1 >= %(parked_after)s THEN 'dead'
                 ELSE rule.next_state END,
    reason = CASE WHEN rule.next_state = 'queued' AND message.lost_leases + 1 >= %(parked_after)s THEN 'parked'
                  ELSE message.reason END,
    lease_until = NULL, lost_leases = message.lost_leases + 1,
    finished_at = CASE WHEN rule.next_state = ANY(%(final)s::text[]) OR message.lost_leases + 1 >= %(parked_after)s
                       THEN clock_timestamp() END
FROM unnest(%(states)s::text[], %(purposes)s::text[], %(next)s::text[]) AS rule (state, purpose, next_state)
WHERE message.district_id = %(district_id)s AND message.channel = ANY(%(channels)s::text[])
  AND message.finished_at IS NULL AND message.state IN ('leased', 'sending')
  AND (message.lease_until < clock_timestamp()
         AND (message.state = 'leased' OR message.lease_until < coalesce(%(leases_end)s::timestamptz, 'infinity'))
       OR message.lease_until > clock_timestamp() + %(longest_lease)s
         AND (message.state = 'leased' OR %(is_settled)s))
  AND rule.purpose = message.purpose
  AND rule.state = CASE message.channel WHEN 'inbox' THEN 'leased' ELSE message.state END
"""

# Ordered by what the index is ordered by, channel by channel: a long queue is neither sorted nor read for the few rows
# that are taken. A lease that a crash of the database forgets costs nothing: its commit need not be synced, which the
# condition on set_config brings about. Rows are taken where they lie: one that is locked cannot move.
LEASE_SQL = """
WITH suspect AS (
    SELECT ctid FROM outbox_message
    WHERE district_id = %(district_id)s AND finished_at IS NULL AND state = 'queued' AND lost_leases >= 3
      AND lost_leases >= %(alone_after)s AND retry_at <= (SELECT clock_timestamp()) AND due_at <= %(now)s
      AND channel = ANY(%(channels)s::text[]) AND %(takes_suspects)s
    ORDER BY retry_at LIMIT 1 FOR UPDATE SKIP LOCKED
), ordinary AS (
    SELECT waiting.ctid FROM unnest(%(channels)s::text[]) AS wanted (channel)
    CROSS JOIN LATERAL (
        SELECT ctid, retry_at FROM outbox_message
        WHERE district_id = %(district_id)s AND channel = wanted.channel AND finished_at IS NULL
          AND state = 'queued' AND retry_at <= (SELECT clock_timestamp()) AND due_at <= %(now)s
          AND lost_leases < %(alone_after)s
        ORDER BY retry_at LIMIT CASE WHEN EXISTS (SELECT FROM suspect) THEN 0 ELSE %(limit)s END
        FOR UPDATE SKIP LOCKED
    ) AS waiting
    ORDER BY waiting.retry_at LIMIT %(limit)s
)
UPDATE outbox_message AS message
SET state = 'leased', fence = message.fence + 1, lease_until = clock_timestamp() + %(lease_for)s
WHERE (SELECT set_config('synchronous_commit', 'off', true)) = 'off' AND message.district_id = %(district_id)s
  AND message.ctid = ANY(ARRAY(SELECT ctid FROM suspect UNION ALL SELECT ctid FROM ordinary))
RETURNING message.id, message.fence, message.attempts, message.channel, message.purpose, message.member_id,
          message.offer_id, message.payload, message.due_at, message.send_before, message.fallbacks,
          message.lost_leases
"""

ENDPOINTS_SQL = """
SELECT id, url, secret FROM webhook_endpoint
WHERE district_id = %(district_id)s AND id = ANY(%(endpoints)s::uuid[]) AND disabled_at IS NULL
"""

FACTS_SQL = """
SELECT message.id, message.member_id, member.state, member.zone, member.quiet_from, member.quiet_until,
       offer.state, campaign.id, campaign.state, campaign.content_version,
       coalesce((SELECT (queued.payload ->> 'by_location')::boolean FROM outbox_message AS queued
                 WHERE queued.district_id = %(district_id)s AND queued.id = message.id), true),
       EXISTS (SELECT FROM member_mute AS mute WHERE mute.district_id = %(district_id)s AND mute.member_id = member.id
               AND mute.merchant_id = campaign.merchant_id)
FROM unnest(%(ids)s::uuid[], %(members)s::uuid[], %(offers)s::uuid[]) AS message (id, member_id, offer_id)
JOIN member ON member.district_id = %(district_id)s AND member.id = message.member_id
JOIN offer ON offer.district_id = %(district_id)s AND offer.id = message.offer_id
JOIN campaign ON campaign.district_id = %(district_id)s AND campaign.id = offer.campaign_id
"""

MARK_SENDING_SQL = """
UPDATE outbox_message AS message SET state = 'sending'
FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS ours (id, fence)
WHERE message.district_id = %(district_id)s AND message.id = ours.id AND message.fence = ours.fence
  AND message.state = 'leased' AND message.lease_until > clock_timestamp()
RETURNING message.id
"""

RELEASE_SQL = """
UPDATE outbox_message AS message SET state = 'queued', lease_until = NULL, lost_leases = 0
FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS ours (id, fence)
WHERE message.district_id = %(district_id)s AND message.id = ours.id AND message.fence = ours.fence
  AND message.state = 'leased'
"""

LOCK_READERS_SQL = """
SELECT member.id FROM member
WHERE member.district_id = %(district_id)s AND member.id IN (
    SELECT member_id FROM outbox_message
    WHERE district_id = %(district_id)s AND id = ANY(%(ids)s::uuid[]) AND member_id IS NOT NULL
)
ORDER BY member.id FOR NO KEY UPDATE OF member
"""

RECORD_SQL = """
WITH changed AS (
    UPDATE outbox_message AS message
    SET state = result.state, reason = result.reason, lease_until = NULL, lost_leases = 0,
        retry_at = clock_timestamp() + result.delay, due_at = coalesce(result.due_at, message.due_at),
        attempts = CASE WHEN result.channel = '' THEN message.attempts + result.counts::int ELSE 0 END,
        channel = CASE WHEN result.channel = '' THEN message.channel ELSE result.channel END,
        fallbacks = CASE WHEN result.channel = '' THEN message.fallbacks ELSE message.fallbacks[2:] END,
        provider_id = coalesce(result.provider_id, message.provider_id),
        provider_message_id = CASE WHEN result.message_id = '' THEN message.provider_message_id
                                   ELSE result.message_id END,
        payload = CASE WHEN message.purpose = 'code' AND result.state <> 'accepted' AND result.is_final
                       THEN message.payload - 'code' - 'to' ELSE message.payload END,
        finished_at = CASE WHEN result.is_final THEN clock_timestamp() END
    FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[], %(states)s::text[], %(reasons)s::text[],
                %(delays)s::interval[], %(due)s::timestamptz[], %(counts)s::bool[], %(finals)s::bool[],
                %(next_channels)s::text[], %(providers)s::uuid[], %(message_ids)s::text[], %(tried)s::text[])
         AS result (id, fence, state, reason, delay, due_at, counts, is_final, channel, provider_id, message_id, tried)
    WHERE message.district_id = %(district_id)s AND message.id = result.id AND message.fence = result.fence
      AND message.state IN ('leased', 'sending')
    RETURNING message.id, message.channel, message.state, message.reason, message.attempts, message.member_id,
              message.offer_id, message.payload, result.counts, result.provider_id, result.tried,
              message.fallbacks
), tried AS (
    INSERT INTO delivery_attempt (district_id, id, delivery_id, channel, provider_id, outcome, detail, at)
    SELECT %(district_id)s, attempt.id, changed.id, tried, provider_id, state, reason, clock_timestamp()
    FROM changed JOIN unnest(%(ids)s::uuid[], %(attempts)s::uuid[]) AS attempt (delivery_id, id)
      ON attempt.delivery_id = changed.id
    WHERE counts AND tried <> 'inbox'
), arrived AS (
    INSERT INTO inbox_item (district_id, id, member_id, offer_id, store_id, title, body, why, kind, at,
                            committed_at)
    SELECT %(district_id)s, id, member_id, offer_id, (payload ->> 'store_id')::uuid, payload -> 'title',
           payload -> 'body', coalesce(payload -> 'why', '{}'), coalesce(payload ->> 'kind', 'offer'), %(now)s,
           clock_timestamp()
    FROM changed WHERE channel = 'inbox' AND state = 'accepted'
    ON CONFLICT DO NOTHING
    RETURNING member_id
), told AS (
    SELECT pg_notify(%(notice)s, %(district_id)s::text || ':' || member_id::text)
    FROM (SELECT DISTINCT member_id FROM arrived) AS member
)
SELECT id, channel, state, reason, attempts, member_id, offer_id, payload, (SELECT count(*) FROM told), fallbacks
FROM changed
"""

RELEASE_CHANNEL_SLOTS_SQL = """
DELETE FROM cap_slot USING unnest(%(members)s::uuid[], %(offers)s::uuid[], %(channels)s::text[])
                           AS unused (member_id, offer_id, channel)
WHERE cap_slot.district_id = %(district_id)s AND cap_slot.member_id = unused.member_id
  AND cap_slot.offer_id = unused.offer_id AND cap_slot.scope LIKE 'channel:' || unused.channel || ':%%'
"""

DISABLE_ENDPOINTS_SQL = """
UPDATE webhook_endpoint SET disabled_at = %(now)s
WHERE district_id = %(district_id)s AND id = ANY(%(endpoints)s::uuid[]) AND disabled_at IS NULL
"""

VOID_CAMPAIGNS_SQL = """
SELECT id, campaign_id, member_id FROM offer
WHERE district_id = %(district_id)s AND id = ANY(%(offers)s::uuid[]) AND state = 'void'
"""

# From one district and channel that has something to the next, however much each has.
DISTRICTS_DUE_SQL = """
WITH RECURSIVE active AS (
    (SELECT district_id, channel FROM outbox_message WHERE finished_at IS NULL
     ORDER BY district_id, channel LIMIT 1)
    UNION ALL
    SELECT following.district_id, following.channel FROM active CROSS JOIN LATERAL (
        SELECT district_id, channel FROM outbox_message AS message
        WHERE finished_at IS NULL AND (message.district_id, message.channel) > (active.district_id, active.channel)
        ORDER BY district_id, channel LIMIT 1
    ) AS following
)
SELECT DISTINCT district_id FROM active
WHERE channel = ANY(%(channels)s::text[]) AND (
    EXISTS (
        SELECT FROM outbox_message AS message
        WHERE message.district_id = active.district_id AND message.channel = active.channel
          AND finished_at IS NULL AND state = 'queued' AND retry_at <= (SELECT clock_timestamp())
          AND due_at <= %(now)s
    ) OR %(ended_too)s AND EXISTS (
        SELECT FROM outbox_message AS message
        WHERE message.district_id = active.district_id AND message.channel = active.channel
          AND finished_at IS NULL AND state IN ('leased', 'sending')
          AND (lease_until < clock_timestamp() OR lease_until > clock_timestamp() + %(longest_lease)s)
    )
)
"""

INBOX_AFTER_SQL = """
SELECT sequence, id, offer_id, title, body, why, store_id, at, kind, read_at FROM inbox_item
WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND sequence > %(after)s
ORDER BY sequence LIMIT %(limit)s
"""

INBOX_NEWEST_SQL = """
SELECT sequence, id, offer_id, title, body, why, store_id, at, kind, read_at FROM inbox_item
WHERE district_id = %(district_id)s AND member_id = %(member_id)s
  AND (%(before)s::bigint IS NULL OR sequence < %(before)s::bigint)
ORDER BY sequence DESC LIMIT %(limit)s
"""

LANGUAGE_SQL = """
SELECT language FROM member WHERE district_id = %(district_id)s AND id = %(member_id)s AND state = 'active'
"""

# Receipts of messages that nobody knew when they came: by the provider's name for the message, or by the delivery's id.
LATE_RECEIPTS_SQL = """
SELECT receipt.provider_id, receipt.event_key, receipt.kind, receipt.received_at, known.id, receipt.detail,
       receipt.address_hash
FROM delivery_receipt AS receipt
CROSS JOIN LATERAL (
    SELECT id FROM outbox_message AS message
    WHERE message.district_id = :district_id AND message.provider_id = receipt.provider_id
      AND message.provider_message_id = receipt.provider_message_id AND message.provider_message_id <> ''
    UNION ALL
    SELECT id FROM outbox_message AS message
    WHERE message.district_id = :district_id AND message.provider_id = receipt.provider_id
      AND message.id = CASE WHEN receipt.provider_message_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                            THEN receipt.provider_message_id::uuid END
    LIMIT 1
) AS known
WHERE receipt.district_id = :district_id AND receipt.delivery_id IS NULL AND receipt.received_at > :since
ORDER BY receipt.received_at, receipt.event_key LIMIT :limit
FOR UPDATE OF receipt SKIP LOCKED
"""

JUDGE_SQL = """
UPDATE channel_provider AS provider SET success = judged.success
FROM (
    SELECT provider_id, coalesce(sum(messages) FILTER (WHERE outcome = 'accepted'), 0)::float / sum(messages) AS success
    FROM delivery_attempt
    WHERE district_id = %(district_id)s AND at > %(since)s AND provider_id IS NOT NULL
    GROUP BY provider_id
) AS judged
WHERE provider.district_id = %(district_id)s AND provider.id = judged.provider_id
  AND provider.success IS DISTINCT FROM judged.success
"""

FORGET_ATTEMPTS_SQL = """
DELETE FROM delivery_attempt WHERE district_id = %(district_id)s AND id IN (
    SELECT id FROM delivery_attempt WHERE district_id = %(district_id)s AND at <= %(before)s
    ORDER BY at LIMIT %(limit)s)
"""

FORGET_RECEIPTS_SQL = """
DELETE FROM delivery_receipt WHERE district_id = %(district_id)s AND (provider_id, event_key) IN (
    SELECT provider_id, event_key FROM delivery_receipt
    WHERE district_id = %(district_id)s AND received_at <= %(before)s
    ORDER BY received_at LIMIT %(limit)s)
"""

# A lease lasts 30 s, so that a row was leased 30 s before its lease ends.
WAITING_SQL = """
SELECT channel,
       count(*) FILTER (WHERE is_waiting),
       coalesce(extract(epoch FROM max(clock_timestamp() - retry_at) FILTER (WHERE is_waiting)), 0),
       count(*) FILTER (WHERE state = 'sending'),
       coalesce(extract(epoch FROM max(clock_timestamp() - lease_until + interval '30 s')
                        FILTER (WHERE state = 'sending')), 0)
FROM (
    SELECT channel, state, retry_at, lease_until,
           state IN ('queued', 'leased') AND due_at <= %(now)s AND retry_at <= clock_timestamp() AS is_waiting
    FROM outbox_message
    WHERE district_id = %(district_id)s AND finished_at IS NULL AND state IN ('queued', 'leased', 'sending')
) AS message
GROUP BY channel ORDER BY channel
"""

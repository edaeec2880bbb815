"""SQL of issuing and of the wallet."""

LOCK_MEMBERS_SQL = """
SELECT id, called FROM member
WHERE district_id = %(district_id)s AND id = ANY(%(members)s::uuid[]) AND state = 'active'
ORDER BY id FOR NO KEY UPDATE
"""

TELL_CAMPAIGNS_SQL = "SELECT pg_notify('campaign_changed', %(district_id)s::text)"

LOCK_STOCK_SQL = """
SELECT campaign_id FROM campaign_stock
WHERE district_id = %(district_id)s AND campaign_id = ANY(%(campaigns)s::uuid[])
ORDER BY campaign_id FOR NO KEY UPDATE
"""

INSERT_OFFERS_SQL = """
INSERT INTO offer (district_id, id, campaign_id, member_id, occurrence_key, code, kind, value, title, text, why,
                   valid_from, valid_until, issued_at, trigger_lon, trigger_lat, state, reserved_until, variant,
                   stacks_with, campaign_version)
SELECT %(district_id)s, draft.id, draft.campaign_id, draft.member_id, draft.occurrence_key, draft.code,
       draft.kind, draft.value, draft.title, draft.text, draft.why, draft.valid_from, draft.valid_until, %(now)s,
       draft.lon, draft.lat, CASE WHEN draft.reserved_until IS NULL THEN 'issued' ELSE 'reserved' END,
       draft.reserved_until, draft.variant, ARRAY(SELECT jsonb_array_elements_text(draft.stacks)),
       draft.version
FROM unnest(%(ids)s::uuid[], %(campaigns)s::uuid[], %(members)s::uuid[], %(keys)s::text[], %(codes)s::text[],
            %(kinds)s::text[], %(values)s::jsonb[], %(titles)s::jsonb[], %(texts)s::jsonb[], %(whys)s::jsonb[],
            %(from)s::timestamptz[], %(until)s::timestamptz[], %(lons)s::float8[], %(lats)s::float8[],
            %(reserved)s::timestamptz[], %(variants)s::text[], %(stacks)s::jsonb[], %(versions)s::int[])
     AS draft (id, campaign_id, member_id, occurrence_key, code, kind, value, title, text, why,
               valid_from, valid_until, lon, lat, reserved_until, variant, stacks, version)
ORDER BY draft.campaign_id, draft.member_id, draft.occurrence_key
ON CONFLICT (district_id, campaign_id, member_id, occurrence_key) DO NOTHING
RETURNING id
"""

SAY_AMOUNTS_SQL = """
UPDATE offer SET value = said.value, title = said.title, text = said.text
FROM unnest(%(ids)s::uuid[], %(values)s::jsonb[], %(titles)s::jsonb[], %(texts)s::jsonb[])
     AS said (id, value, title, text)
WHERE offer.district_id = %(district_id)s AND offer.id = said.id
"""

# The first slot that is free, of those who have fewer in use than their cap; the key decides between two that did not
# wait for each other.
TAKE_SLOTS_SQL = """
INSERT INTO cap_slot (district_id, member_id, scope, slot, taken_at, offer_id)
SELECT %(district_id)s, wanted.member_id, wanted.scope, free.slot, %(now)s, wanted.offer_id
FROM unnest(%(members)s::uuid[], %(scopes)s::text[], %(offers)s::uuid[], %(reusable)s::timestamptz[],
            %(slots)s::int[], %(most)s::int[]) AS wanted (member_id, scope, offer_id, reusable, slots, most)
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(held.slot::int), '{}') AS slots FROM cap_slot AS held
    WHERE held.district_id = %(district_id)s AND held.member_id = wanted.member_id
      AND held.scope = wanted.scope AND held.taken_at > wanted.reusable
) AS used
CROSS JOIN LATERAL (
    SELECT place AS slot FROM generate_series(0, wanted.slots - 1) AS place
    WHERE place <> ALL (used.slots) ORDER BY place LIMIT 1
) AS free
WHERE cardinality(used.slots) < wanted.most
ORDER BY wanted.member_id, wanted.scope
ON CONFLICT (district_id, member_id, scope, slot)
DO UPDATE SET taken_at = EXCLUDED.taken_at, offer_id = EXCLUDED.offer_id
WHERE cap_slot.taken_at <= (
    SELECT min(reusable)
    FROM unnest(%(members)s::uuid[], %(scopes)s::text[], %(reusable)s::timestamptz[])
         AS wanted (member_id, scope, reusable)
    WHERE wanted.member_id = cap_slot.member_id AND wanted.scope = cap_slot.scope
)
RETURNING offer_id, scope
"""

TAKE_STOCK_SQL = """
WITH wanted AS (
    SELECT campaign_id, amount
    FROM unnest(%(campaigns)s::uuid[], %(amounts)s::int[]) AS wanted (campaign_id, amount)
), before AS (
    SELECT campaign_id, issued
    FROM campaign_stock WHERE district_id = %(district_id)s AND campaign_id = ANY(%(campaigns)s::uuid[])
)
UPDATE campaign_stock AS stock
SET issued = stock.issued + least(wanted.amount, coalesce(stock.quota - stock.issued, wanted.amount))
FROM wanted JOIN before USING (campaign_id)
WHERE stock.district_id = %(district_id)s AND stock.campaign_id = wanted.campaign_id
  AND (stock.quota IS NULL OR stock.issued < stock.quota)
RETURNING stock.campaign_id, stock.issued - before.issued
"""

RETURN_STOCK_SQL = """
UPDATE campaign_stock SET issued = issued - returned.amount
FROM unnest(%(campaigns)s::uuid[], %(amounts)s::int[]) AS returned (campaign_id, amount)
WHERE campaign_stock.district_id = %(district_id)s AND campaign_stock.campaign_id = returned.campaign_id
"""

RELEASE_SLOTS_SQL = """
DELETE FROM cap_slot
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
  AND offer_id = ANY(%(offers)s::uuid[])
"""

DELETE_OFFERS_SQL = "DELETE FROM offer WHERE district_id = %(district_id)s AND id = ANY(%(offers)s::uuid[])"

ENDPOINTS_SQL = """
SELECT merchant_id, id FROM webhook_endpoint
WHERE district_id = %(district_id)s AND merchant_id = ANY(%(merchants)s::uuid[]) AND disabled_at IS NULL
ORDER BY merchant_id, id
"""

UPSERT_REFUSALS_SQL = """
INSERT INTO refusal (district_id, trading_day, member_id, campaign_id, reason, times, last_at, winner_id, would_have)
SELECT %(district_id)s, trading_day, member_id, campaign_id, reason, times, last_at, winner_id, would_have
FROM unnest(%(days)s::date[], %(members)s::uuid[], %(campaigns)s::uuid[], %(reasons)s::text[], %(times)s::int[],
            %(last)s::timestamptz[], %(winners)s::uuid[], %(would)s::int[])
     AS refused (trading_day, member_id, campaign_id, reason, times, last_at, winner_id, would_have)
WHERE EXISTS (
    SELECT FROM member WHERE member.district_id = %(district_id)s AND member.id = refused.member_id
)
ORDER BY trading_day, member_id, campaign_id, reason
ON CONFLICT (district_id, trading_day, member_id, campaign_id, reason)
DO UPDATE SET times = refusal.times + EXCLUDED.times, last_at = greatest(refusal.last_at, EXCLUDED.last_at),
              winner_id = coalesce(EXCLUDED.winner_id, refusal.winner_id),
              would_have = refusal.would_have + EXCLUDED.would_have
"""

VOID_UNSENT_SQL = """
UPDATE offer SET state = 'void'
WHERE district_id = %(district_id)s AND id = ANY(%(offers)s::uuid[]) AND state IN ('issued', 'reserved')
  AND NOT EXISTS (
    SELECT FROM inbox_item
    WHERE inbox_item.district_id = %(district_id)s AND inbox_item.member_id = offer.member_id
      AND inbox_item.offer_id = offer.id
  )
  AND NOT EXISTS (
    SELECT FROM outbox_message AS message
    WHERE message.district_id = %(district_id)s AND message.offer_id = offer.id AND message.member_id = offer.member_id
      AND message.state NOT IN ('suppressed', 'expired', 'failed', 'dead')
  )
RETURNING id, campaign_id, member_id, held_day, held_minor
"""

VOID_RESERVED_SQL = """
UPDATE offer SET state = 'void'
WHERE district_id = %(district_id)s AND id = ANY(%(offers)s::uuid[]) AND state = 'reserved'
  AND reserved_until <= %(now)s
RETURNING id, campaign_id, member_id, held_day, held_minor
"""

VOID_ABANDONED_SQL = """
UPDATE offer SET state = 'void'
WHERE district_id = %(district_id)s AND id = ANY(%(offers)s::uuid[]) AND state IN ('issued', 'opened')
  AND valid_until > %(now)s
  AND EXISTS (
    SELECT FROM member
    WHERE member.district_id = %(district_id)s AND member.id = offer.member_id AND member.state = 'erased'
  )
RETURNING id, campaign_id, member_id, held_day, held_minor
"""

OFFER_OWNERS_SQL = """
SELECT member_id, campaign_id FROM offer WHERE district_id = %(district_id)s AND id = ANY(%(offers)s::uuid[])
"""

_SHOWN = """
SELECT offer.id, offer.campaign_id, offer.state, offer.kind, offer.code, offer.value, offer.title, offer.text,
       offer.why, offer.valid_from, offer.valid_until, offer.redeemed_at,
       ARRAY(
           SELECT store_id FROM campaign_store
           WHERE campaign_store.district_id = offer.district_id
             AND campaign_store.campaign_id = offer.campaign_id
             AND (offer.offline_store_id IS NULL OR campaign_store.store_id = offer.offline_store_id)
           ORDER BY store_id
       ),
       member.language, offer.reserved_until,
       EXISTS (
           SELECT FROM campaign
           WHERE campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
             AND campaign.offer ->> 'code' = 'rotating'
       )
FROM offer JOIN member ON member.district_id = offer.district_id AND member.id = offer.member_id
WHERE offer.district_id = %(district_id)s AND offer.member_id = %(member_id)s AND member.state = 'active'
"""

WALLET_SQL = (
    _SHOWN
    + """
  AND offer.state <> 'void'
  AND (%(after)s::uuid IS NULL OR (offer.issued_at, offer.id) < (
      SELECT last.issued_at, last.id FROM offer AS last
      WHERE last.district_id = %(district_id)s AND last.member_id = %(member_id)s AND last.id = %(after)s::uuid
  ))
ORDER BY offer.issued_at DESC, offer.id DESC LIMIT %(limit)s
"""
)

ONE_OFFER_SQL = _SHOWN + " AND offer.id = %(offer_id)s"

OPEN_OFFER_SQL = """
UPDATE offer SET state = 'opened', opened_at = %(now)s
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND member_id = %(member_id)s AND state = 'issued'
"""

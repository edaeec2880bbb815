"""SQL of what is held: terms, pools, allowances, claims, drops and posters. Nothing is counted and then inserted."""

from district.campaigns.queries import ENDS_AT, STARTS_AT

TERMS_SQL = """
SELECT campaign.id, campaign.content_version, campaign.merchant_id, campaign.state, campaign.rule, campaign.offer,
       stock.quota, campaign.starts_at, campaign.ends_at, place.name, place.name_zh, place.id,
       (SELECT value_minor FROM points_rule
        WHERE points_rule.district_id = campaign.district_id AND points_rule.is_on)
FROM campaign
LEFT JOIN campaign_stock AS stock
       ON stock.district_id = campaign.district_id AND stock.campaign_id = campaign.id
LEFT JOIN LATERAL (
    SELECT store.id, coalesce(store.name, imported.name, '') AS name,
           coalesce(store.name_zh, imported.name_zh, '') AS name_zh
    FROM campaign_store
    JOIN store ON store.district_id = campaign_store.district_id AND store.id = campaign_store.store_id
    LEFT JOIN imported_place AS imported
           ON imported.district_id = store.district_id AND imported.ref = store.ref
    WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id
      AND store.closed_at IS NULL
    ORDER BY store.id LIMIT 1
) AS place ON true
WHERE campaign.district_id = %(district_id)s AND campaign.id = ANY(%(campaigns)s::uuid[])
ORDER BY campaign.id
"""

# Each taker begins somewhere else and goes round once: those who began at the first free piece would all pass the pieces
# that others hold or have taken, whose index entries stay until they are vacuumed.
TAKE_PIECE_SQL = """
UPDATE pool_piece SET offer_id = %(offer_id)s
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND number = (
    SELECT coalesce((
        SELECT number FROM pool_piece
        WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND offer_id IS NULL
          AND number >= %(start)s
        ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
    ), (
        SELECT number FROM pool_piece
        WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND offer_id IS NULL
          AND number < %(start)s
        ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
    ))
)
RETURNING offer_id, amount_minor
"""

TAKE_PIECES_SQL = """
WITH wanted AS (
    SELECT offer_id, place FROM unnest(%(offers)s::uuid[]) WITH ORDINALITY AS wanted (offer_id, place)
), free AS (
    SELECT number, row_number() OVER () AS place
    FROM (
        SELECT number FROM (
            SELECT number FROM pool_piece
            WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND offer_id IS NULL
              AND number >= %(start)s
            ORDER BY number LIMIT %(amount)s FOR UPDATE SKIP LOCKED
        ) AS after_start
        UNION ALL
        SELECT number FROM (
            SELECT number FROM pool_piece
            WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND offer_id IS NULL
              AND number < %(start)s
            ORDER BY number LIMIT %(amount)s FOR UPDATE SKIP LOCKED
        ) AS before_start
        LIMIT %(amount)s
    ) AS piece
)
UPDATE pool_piece SET offer_id = wanted.offer_id
FROM free JOIN wanted USING (place)
WHERE pool_piece.district_id = %(district_id)s AND pool_piece.campaign_id = %(campaign_id)s
  AND pool_piece.number = free.number
RETURNING pool_piece.offer_id, pool_piece.amount_minor
"""

LOCK_ONE_STOCK_SQL = """
SELECT quota FROM campaign_stock
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s FOR NO KEY UPDATE
"""

POOL_SIZE_SQL = """
SELECT count(*), coalesce(max(number), -1) FROM pool_piece
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s
"""

UNMADE_POOLS_SQL = """
SELECT wanted.campaign_id FROM unnest(%(campaigns)s::uuid[]) AS wanted (campaign_id)
WHERE NOT EXISTS (
    SELECT FROM pool_piece
    WHERE pool_piece.district_id = %(district_id)s AND pool_piece.campaign_id = wanted.campaign_id
)
ORDER BY wanted.campaign_id
"""

FILL_POOL_SQL = """
INSERT INTO pool_piece (district_id, campaign_id, number, amount_minor)
SELECT %(district_id)s, %(campaign_id)s, %(first)s + place - 1, amount_minor
FROM unnest(%(amounts)s::bigint[]) WITH ORDINALITY AS piece (amount_minor, place)
ON CONFLICT DO NOTHING
"""

SHRINK_POOL_SQL = """
DELETE FROM pool_piece
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND number IN (
    SELECT number FROM pool_piece
    WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND offer_id IS NULL
    ORDER BY number DESC LIMIT %(amount)s FOR UPDATE SKIP LOCKED
)
"""

SET_QUOTA_SQL = """
UPDATE campaign_stock SET quota = %(quota)s
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND quota IS DISTINCT FROM %(quota)s
"""

POOLED_CAMPAIGNS_SQL = """
SELECT campaign.id FROM campaign
LEFT JOIN campaign_stock AS stock
       ON stock.district_id = campaign.district_id AND stock.campaign_id = campaign.id
WHERE campaign.district_id = %(district_id)s
  AND campaign.state IN ('approved', 'scheduled', 'live', 'paused', 'exhausted')
  AND (campaign.offer ->> 'kind' = 'red_packet'
       OR (campaign.offer -> 'claim' ->> 'mode' = 'drop' AND stock.quota IS NOT NULL))
ORDER BY campaign.id
"""

FOLD_POOLS_SQL = """
WITH pool AS (
    SELECT campaign_id, count(offer_id) AS taken FROM pool_piece
    WHERE district_id = %(district_id)s AND campaign_id = ANY(%(campaigns)s::uuid[])
    GROUP BY campaign_id
)
UPDATE campaign_stock AS stock SET issued = pool.taken
FROM pool
WHERE stock.district_id = %(district_id)s AND stock.campaign_id = pool.campaign_id
  AND stock.issued <> pool.taken AND (stock.quota IS NULL OR pool.taken <= stock.quota)
RETURNING stock.campaign_id, stock.quota IS NOT NULL AND stock.issued >= stock.quota
"""

ENSURE_ALLOWANCES_SQL = """
INSERT INTO allowance (district_id, campaign_id, period, most_offers, most_minor)
SELECT %(district_id)s, campaign_id, period, most_offers, most_minor
FROM unnest(%(campaigns)s::uuid[], %(periods)s::text[], %(most_offers)s::int[], %(most_minors)s::bigint[])
     AS wanted (campaign_id, period, most_offers, most_minor)
ORDER BY campaign_id, period
ON CONFLICT (district_id, campaign_id, period) DO UPDATE
SET most_offers = greatest(EXCLUDED.most_offers, CASE WHEN EXCLUDED.most_offers IS NOT NULL THEN allowance.offers END),
    most_minor = greatest(EXCLUDED.most_minor, CASE WHEN EXCLUDED.most_minor IS NOT NULL THEN allowance.minor END)
"""

TAKE_ALLOWANCES_SQL = """
WITH wanted AS (
    SELECT * FROM unnest(%(campaigns)s::uuid[], %(amounts)s::int[], %(costs)s::bigint[], %(days)s::text[])
                  AS wanted (campaign_id, amount, cost, day)
), granted AS (
    SELECT wanted.campaign_id, wanted.cost, wanted.day, min(least(
               wanted.amount,
               coalesce(held.most_offers - held.offers, wanted.amount),
               CASE WHEN held.most_minor IS NULL OR wanted.cost = 0 THEN wanted.amount
                    ELSE (held.most_minor - held.minor) / wanted.cost END
           ))::int AS amount
    FROM wanted JOIN allowance AS held
      ON held.district_id = %(district_id)s AND held.campaign_id = wanted.campaign_id
     AND held.period IN ('total', wanted.day)
    GROUP BY wanted.campaign_id, wanted.cost, wanted.day
)
UPDATE allowance SET offers = allowance.offers + granted.amount,
                     minor = allowance.minor + granted.amount * granted.cost
FROM granted
WHERE allowance.district_id = %(district_id)s AND allowance.campaign_id = granted.campaign_id
  AND allowance.period IN ('total', granted.day) AND granted.amount > 0
RETURNING allowance.campaign_id, granted.amount
"""

RETURN_ALLOWANCES_SQL = """
UPDATE allowance SET offers = allowance.offers - back.offers, minor = allowance.minor - back.minor
FROM (
    SELECT campaign_id, period, sum(offers)::int AS offers, sum(minor)::bigint AS minor
    FROM unnest(%(campaigns)s::uuid[], %(days)s::text[], %(counts)s::int[], %(minors)s::bigint[])
         AS given (campaign_id, day, offers, minor)
    CROSS JOIN LATERAL (VALUES ('total'), (given.day)) AS both_periods (period)
    GROUP BY campaign_id, period
) AS back
WHERE allowance.district_id = %(district_id)s AND allowance.campaign_id = back.campaign_id
  AND allowance.period = back.period
"""

HOLD_SQL = """
UPDATE offer SET held_minor = held.minor, held_day = held.day
FROM unnest(%(offers)s::uuid[], %(minors)s::bigint[], %(days)s::text[]) AS held (id, minor, day)
WHERE offer.district_id = %(district_id)s AND offer.id = held.id
"""

RETURN_PIECES_SQL = """
UPDATE pool_piece SET offer_id = NULL
WHERE district_id = %(district_id)s AND offer_id = ANY(%(offers)s::uuid[])
RETURNING campaign_id
"""

OVERDUE_RESERVATIONS_SQL = """
SELECT id FROM offer
WHERE district_id = %(district_id)s AND state = 'reserved' AND reserved_until <= %(now)s
ORDER BY reserved_until LIMIT %(limit)s
"""

EXPIRED_HOLDINGS_SQL = """
WITH over AS (
    SELECT id, campaign_id, held_day, held_minor FROM offer
    WHERE district_id = %(district_id)s AND held_minor > 0 AND state IN ('issued', 'opened')
      AND valid_until <= %(now)s
      AND (offline_store_id IS NULL OR valid_until <= %(now)s::timestamptz - interval '3 days')
    ORDER BY valid_until LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE offer SET held_minor = 0 FROM over
WHERE offer.district_id = %(district_id)s AND offer.id = over.id
RETURNING over.campaign_id, over.held_day, over.held_minor
"""

OWN_OFFERS_SQL = """
SELECT id, state, occurrence_key FROM offer
WHERE district_id = %(district_id)s AND member_id = %(member_id)s
  AND (id = %(id)s OR campaign_id = %(id)s) AND state <> 'void'
ORDER BY (state = 'reserved') DESC, issued_at DESC, id DESC
"""

CLAIM_RESERVED_SQL = """
UPDATE offer SET state = 'issued', claimed_at = %(now)s, reserved_until = NULL, valid_from = %(now)s
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND member_id = %(member_id)s AND state = 'reserved'
  AND %(now)s < valid_until
RETURNING id
"""

INSERT_CLAIM_SQL = """
WITH slot AS (
    INSERT INTO cap_slot (district_id, member_id, scope, slot, taken_at, offer_id)
    SELECT %(district_id)s, %(member_id)s, %(scope)s, place, %(now)s, %(id)s
    FROM generate_series(0, %(slots)s - 1) AS place
    WHERE NOT EXISTS (
        SELECT FROM cap_slot AS taken
        WHERE taken.district_id = %(district_id)s AND taken.member_id = %(member_id)s
          AND taken.scope = %(scope)s AND taken.slot = place
    )
    ORDER BY place LIMIT 1
    ON CONFLICT DO NOTHING
    RETURNING offer_id
)
INSERT INTO offer (district_id, id, campaign_id, member_id, occurrence_key, code, kind, value, title, text, why,
                   valid_from, valid_until, issued_at, claimed_at, variant, stacks_with, campaign_version)
SELECT %(district_id)s, slot.offer_id, %(campaign_id)s, %(member_id)s, %(key)s, %(code)s, %(kind)s, %(value)s,
       %(title)s, %(text)s, %(why)s, %(now)s, %(until)s, %(now)s, %(now)s, %(variant)s, %(stacks)s::text[], %(version)s
FROM slot
RETURNING id
"""

TAKE_ONE_SQL = """
UPDATE campaign_stock SET issued = issued + 1
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND (quota IS NULL OR issued < quota)
"""

CLAIMABLE_SQL = TERMS_SQL.replace(
    "campaign.id = ANY(%(campaigns)s::uuid[])",
    """campaign.state IN ('live', 'exhausted')
  AND campaign.offer -> 'claim' ->> 'mode' IN ('open', 'drop')
  AND coalesce((campaign.offer -> 'claim' ->> 'listed')::boolean, true)
  AND coalesce(<starts>, %(now)s) <= %(now)s AND coalesce(<ends> > %(now)s, true)
  AND (%(after)s::uuid IS NULL OR campaign.id > %(after)s::uuid)""",
).replace("ORDER BY campaign.id", "ORDER BY campaign.id LIMIT %(limit)s")
CLAIMABLE_SQL = CLAIMABLE_SQL.replace("<starts>", STARTS_AT).replace("<ends>", ENDS_AT)

LEFT_SQL = """
SELECT campaign_id, quota - issued FROM stock_now
WHERE district_id = %(district_id)s AND campaign_id = ANY(%(campaigns)s::uuid[])
"""

STORES_OF_SQL = """
SELECT campaign_id, store_id FROM campaign_store
WHERE district_id = %(district_id)s AND campaign_id = ANY(%(campaigns)s::uuid[]) ORDER BY campaign_id, store_id
"""

LINK_SQL = """
SELECT campaign_id FROM claim_link
WHERE district_id = %(district_id)s AND token = %(token)s AND revoked_at IS NULL
"""

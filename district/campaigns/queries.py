"""SQL of the campaigns that are in force."""

LIVE_CAMPAIGNS_SQL = """
SELECT campaign.id, campaign.content_version,
       coalesce(campaign.merchant_id, campaign.property_id, campaign.district_id),
       'live', campaign.rule, campaign.offer,
       ST_AsBinary(campaign.fence), campaign.floor, campaign.starts_at, campaign.ends_at,
       coalesce(stock.is_sold_out, false),
       coalesce(places.ids, '{}'), coalesce(places.names, '{}'), coalesce(places.names_zh, '{}'),
       coalesce(places.hours, '{}'), campaign.merchant_id, campaign.property_id
FROM campaign
LEFT JOIN stock_now AS stock
       ON stock.district_id = campaign.district_id AND stock.campaign_id = campaign.id
LEFT JOIN LATERAL (
    SELECT array_agg(store.id ORDER BY store.id) AS ids,
           array_agg(coalesce(store.name, imported.name, '') ORDER BY store.id) AS names,
           array_agg(coalesce(store.name_zh, imported.name_zh, '') ORDER BY store.id) AS names_zh,
           array_agg(coalesce(store.opening_hours, imported.opening_hours, '') ORDER BY store.id) AS hours
    FROM campaign_store
    JOIN store ON store.district_id = campaign_store.district_id AND store.id = campaign_store.store_id
    LEFT JOIN imported_place AS imported
           ON imported.district_id = store.district_id AND imported.ref = store.ref
    WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id
      AND store.closed_at IS NULL
) AS places ON true
WHERE campaign.district_id = %(district_id)s AND campaign.state IN ('live', 'exhausted')
  AND (%(campaigns)s::uuid[] IS NULL OR campaign.id = ANY(%(campaigns)s::uuid[]))
ORDER BY campaign.id
"""

CAPS_SQL = """
SELECT coalesce(merchant_id, property_id, district_id), rule -> 'cap' FROM campaign
WHERE district_id = %(district_id)s AND state IN ('live', 'exhausted') AND rule ? 'cap'
"""

# A campaign's dates are its own and those of its rule: it holds while both do.
STARTS_AT = "greatest(campaign.starts_at, (campaign.rule #>> '{when,starts_at}')::timestamptz)"
ENDS_AT = "least(campaign.ends_at, (campaign.rule #>> '{when,ends_at}')::timestamptz)"

# Nothing more can be given: the stock is gone, or less of the budget is left than one more offer may cost.
EXHAUSTED = """(
    coalesce(stock.is_sold_out, false)
    OR coalesce((campaign.rule #>> '{budget,total_minor}')::bigint < coalesce((
        SELECT allowance.minor FROM allowance
        WHERE allowance.district_id = campaign.district_id AND allowance.campaign_id = campaign.id
          AND allowance.period = 'total'
    ), 0) + greatest(1, coalesce(CASE campaign.offer #>> '{value,type}'
        WHEN 'amount' THEN (campaign.offer #>> '{value,minor_units}')::bigint
        WHEN 'percent' THEN (campaign.offer #>> '{value,max_discount_minor}')::bigint
        WHEN 'in_store_price' THEN (campaign.offer #>> '{value,regular_minor}')::bigint
                                   - (campaign.offer #>> '{value,price_minor}')::bigint
        WHEN 'points' THEN (campaign.offer #>> '{value,points}')::bigint * (
            SELECT value_minor FROM points_rule WHERE points_rule.district_id = campaign.district_id)
    END, 0)), false)
)"""

IS_EXHAUSTED_SQL = f"""
SELECT {EXHAUSTED} FROM campaign
LEFT JOIN stock_now AS stock
       ON stock.district_id = campaign.district_id AND stock.campaign_id = campaign.id
WHERE campaign.district_id = :district_id AND campaign.id = :campaign_id
"""

DUE_SQL = f"""
SELECT campaign.id, campaign.state, {STARTS_AT}, {ENDS_AT}, campaign.holds_until,
       {EXHAUSTED} AS is_exhausted,
       campaign.holds_until IS NULL OR EXISTS (
           SELECT FROM campaign_store
           WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id
       ) AS has_stores,
       campaign.content_version
FROM campaign
LEFT JOIN stock_now AS stock
       ON stock.district_id = campaign.district_id AND stock.campaign_id = campaign.id
WHERE campaign.district_id = %(district_id)s
  AND (campaign.state = 'approved'
       OR (campaign.state = 'scheduled' AND coalesce({STARTS_AT}, %(now)s) <= %(now)s)
       OR (campaign.state = 'live' AND ({STARTS_AT} > %(now)s OR {EXHAUSTED}))
       OR (campaign.state = 'exhausted' AND NOT {EXHAUSTED})
       OR (campaign.state IN ('scheduled', 'live', 'paused', 'exhausted') AND {ENDS_AT} <= %(now)s))
ORDER BY campaign.id
FOR NO KEY UPDATE OF campaign SKIP LOCKED
"""

MOVE_SQL = """
UPDATE campaign SET state = %(state)s, changed_at = %(now)s
WHERE district_id = %(district_id)s AND id = %(id)s
"""

NOTE_SQL = """
INSERT INTO campaign_event (district_id, id, campaign_id, at, what, from_state, to_state, version, role)
VALUES (%(district_id)s, %(event_id)s, %(id)s, %(now)s, %(what)s, %(before)s, %(state)s, %(version)s, %(role)s)
"""

NOTIFY_SQL = "SELECT pg_notify(%(channel)s, %(payload)s)"

STOCK_NOW_SQL = """
SELECT campaign_id, quota, issued, is_pooled FROM stock_now
WHERE district_id = :district_id AND campaign_id = ANY(:campaigns)
"""

# Offers stand above this slice; of their pools it only takes out what nobody holds. Who draws never waits for a piece, so
# waiting here for those that draw makes no ring. Pieces are added under the lock of the stock, which is held.
SHRINK_POOL_SQL = """
DELETE FROM pool_piece
WHERE district_id = :district_id AND campaign_id = :campaign_id AND number IN (
    SELECT number FROM pool_piece
    WHERE district_id = :district_id AND campaign_id = :campaign_id AND offer_id IS NULL
    ORDER BY number DESC
    LIMIT (SELECT greatest(0, count(*) - :quota) FROM pool_piece
           WHERE district_id = :district_id AND campaign_id = :campaign_id)
    FOR UPDATE
)
"""

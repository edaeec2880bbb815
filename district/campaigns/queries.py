"""SQL of the campaigns that are in force."""

LIVE_CAMPAIGNS_SQL = """
SELECT campaign.id, campaign.version, campaign.merchant_id, campaign.state, campaign.rule, campaign.offer,
       ST_AsBinary(campaign.fence), campaign.floor, campaign.starts_at, campaign.ends_at,
       stock.quota IS NOT NULL AND stock.issued >= stock.quota AS is_sold_out,
       coalesce(places.ids, '{}'), coalesce(places.names, '{}'), coalesce(places.names_zh, '{}'),
       coalesce(places.hours, '{}')
FROM campaign
LEFT JOIN campaign_stock AS stock
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
WHERE campaign.district_id = %(district_id)s AND campaign.state = 'live'
  AND (%(campaigns)s::uuid[] IS NULL OR campaign.id = ANY(%(campaigns)s::uuid[]))
ORDER BY campaign.id
"""

ADVANCE_SQL = """
WITH due AS (
    UPDATE campaign
    SET state = CASE state WHEN 'approved' THEN 'live' ELSE 'ended' END,
        version = version + 1, changed_at = %(now)s
    WHERE district_id = %(district_id)s
      AND ((state = 'approved' AND coalesce(starts_at, %(now)s) <= %(now)s)
           OR (state IN ('live', 'paused') AND ends_at <= %(now)s))
    RETURNING 1
)
SELECT count(*), max(pg_notify(%(channel)s, %(district_id)s::text)::text) FROM due
"""

"""SQL of the portal: rates of the sign-in page, providers' logins used once, what is on offer."""

SHOWN_SQL = """
INSERT INTO sign_in_visit (district_id, gateway_id, day, device, variant, shown_at)
SELECT :district_id, :gateway_id, :day, :device, :variant, :shown_at
WHERE EXISTS (SELECT FROM gateway WHERE district_id = :district_id AND id = :gateway_id)
ON CONFLICT DO NOTHING
"""

SIGN_INS_SQL = """
SELECT CASE WHEN grouping(variant) = 1 THEN '' ELSE variant END AS variant,
       count(*) AS shown, count(let_in_at) AS connected, count(*) FILTER (WHERE is_new) AS new_members,
       coalesce(sum(codes), 0)::bigint AS codes, coalesce(sum(cost), 0)::bigint AS cost
FROM sign_in_visit
WHERE district_id = :district_id AND gateway_id = :gateway_id AND day >= :since AND day < :until
GROUP BY GROUPING SETS ((), (variant))
"""

OFFERS_TODAY_SQL = """
SELECT campaign.offer -> 'title' AS title, store.name, store.name_zh
FROM campaign
CROSS JOIN LATERAL (
    SELECT coalesce(store.name, imported.name, '') AS name, coalesce(store.name_zh, imported.name_zh, '') AS name_zh
    FROM campaign_store
    JOIN store ON store.district_id = campaign_store.district_id AND store.id = campaign_store.store_id
    LEFT JOIN imported_place AS imported
           ON imported.district_id = store.district_id AND imported.ref = store.ref
    WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id
      AND store.closed_at IS NULL
    ORDER BY store.id LIMIT 1
) AS store
LEFT JOIN stock_now AS stock
  ON stock.district_id = campaign.district_id AND stock.campaign_id = campaign.id
WHERE campaign.district_id = :district_id AND campaign.state = 'live'
  AND coalesce(campaign.offer #>> '{claim,listed}', 'true') <> 'false'
  AND (campaign.starts_at IS NULL OR campaign.starts_at <= :now)
  AND (campaign.ends_at IS NULL OR :now < campaign.ends_at)
  AND stock.is_sold_out IS NOT TRUE
ORDER BY campaign.changed_at DESC, campaign.id LIMIT 3
"""

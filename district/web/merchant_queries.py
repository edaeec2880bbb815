"""SQL of the merchants' console. Every statement names the district and the merchant first."""

RESULTS_SQL = """
SELECT campaign.id, campaign.name, campaign.state, campaign.ends_at,
       (SELECT stock.quota - stock.issued FROM stock_now AS stock
        WHERE stock.district_id = :district_id AND stock.campaign_id = campaign.id) AS left,
       count(offer.id) FILTER (WHERE offer.state <> 'void') AS issued,
       count(arrived.id) AS delivered,
       count(offer.opened_at) AS opened,
       count(offer.id) FILTER (WHERE offer.state = 'redeemed') AS redeemed
FROM campaign
LEFT JOIN offer ON offer.district_id = campaign.district_id AND offer.campaign_id = campaign.id
               AND offer.issued_at >= :since
LEFT JOIN LATERAL (
    SELECT id FROM inbox_item
    WHERE inbox_item.district_id = offer.district_id AND inbox_item.member_id = offer.member_id
      AND inbox_item.offer_id = offer.id
    LIMIT 1
) AS arrived ON true
WHERE campaign.district_id = :district_id AND campaign.merchant_id = :merchant_id
  AND (CAST(:campaign_id AS uuid) IS NULL OR campaign.id = :campaign_id)
GROUP BY campaign.id, campaign.name, campaign.state, campaign.ends_at
ORDER BY (campaign.state = 'live') DESC, campaign.id DESC
LIMIT 200
"""

DAYS_SQL = """
SELECT CAST(offer.issued_at AT TIME ZONE :zone - CAST(:day_start AS interval) AS date) AS day,
       count(*) AS issued, count(offer.opened_at) AS opened,
       count(*) FILTER (WHERE offer.state = 'redeemed') AS redeemed
FROM offer JOIN campaign ON campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
WHERE offer.district_id = :district_id AND campaign.merchant_id = :merchant_id AND offer.state <> 'void'
  AND offer.issued_at >= :since AND (CAST(:campaign_id AS uuid) IS NULL OR campaign.id = :campaign_id)
GROUP BY 1 ORDER BY 1 DESC
"""

REFUSALS_SQL = """
SELECT refusal.reason, count(DISTINCT refusal.member_id) AS people
FROM refusal JOIN campaign ON campaign.district_id = refusal.district_id AND campaign.id = refusal.campaign_id
WHERE refusal.district_id = :district_id AND campaign.merchant_id = :merchant_id
  AND refusal.trading_day >= :first_day
  AND (CAST(:campaign_id AS uuid) IS NULL OR campaign.id = :campaign_id)
GROUP BY refusal.reason ORDER BY people DESC, refusal.reason
"""

SHOPS_INSIDE_SQL = """
SELECT count(*) FROM store
LEFT JOIN imported_place ON imported_place.district_id = store.district_id AND imported_place.ref = store.ref
WHERE store.district_id = :district_id AND store.closed_at IS NULL
  AND ST_Covers(ST_GeomFromWKB(:area, 4326), coalesce(store.location, imported_place.location))
"""

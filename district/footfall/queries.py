"""SQL of footfall: counts of recorded visits, today's figures, and who is where now."""

PLACES_OF_DISTRICT_SQL = """
SELECT 'zone', id, slug, name, name_zh FROM zone WHERE district_id = %(district_id)s ORDER BY name, id
"""

PLACES_OF_PROPERTY_SQL = """
SELECT 'zone', zone.id, zone.slug, zone.name, zone.name_zh
FROM zone JOIN property ON property.district_id = zone.district_id AND property.id = %(property_id)s
WHERE zone.district_id = %(district_id)s AND ST_Covers(property.outline, ST_PointOnSurface(zone.outline))
ORDER BY zone.name, zone.id
"""

PLACES_OF_MERCHANT_SQL = """
SELECT 'store', store.id, store.id::text, coalesce(store.name, place.name, ''),
       coalesce(store.name_zh, place.name_zh, '')
FROM store LEFT JOIN imported_place AS place ON place.district_id = store.district_id AND place.ref = store.ref
WHERE store.district_id = %(district_id)s AND store.merchant_id = %(merchant_id)s
ORDER BY 4, store.id
"""

# Members are told apart over days, devices of nobody known within one trading day only.
_COUNTS_SQL = """
WITH counted AS (
    SELECT place_id, width_bucket(started_at, %(starts)s::timestamptz[]) AS bucket, member_id, device,
           extract(epoch FROM ended_at - started_at) / 60 AS dwell_min, started_at
    FROM visit
    WHERE district_id = %(district_id)s AND place_kind = %(kind)s AND {place}
      AND started_at >= %(first)s AND started_at < %(last)s
), known AS (
    SELECT place_id, bucket, member_id, min(started_at) AS first_at FROM counted
    WHERE member_id IS NOT NULL GROUP BY place_id, bucket, member_id
), judged AS (
    SELECT known.place_id, known.bucket, EXISTS (
        SELECT 1 FROM visit AS earlier
        WHERE earlier.district_id = %(district_id)s AND earlier.member_id = known.member_id
          AND earlier.place_kind = %(kind)s AND earlier.place_id IS NOT DISTINCT FROM known.place_id
          AND earlier.started_at < known.first_at AND earlier.started_at >= known.first_at - interval '180 days'
    ) AS is_returning
    FROM known WHERE %(with_history)s
), members AS (
    SELECT place_id, bucket, count(*) FILTER (WHERE NOT is_returning) AS new,
           count(*) FILTER (WHERE is_returning) AS returning
    FROM judged GROUP BY place_id, bucket
), totals AS (
    SELECT place_id, bucket, count(*) AS visits, count(DISTINCT member_id) AS members,
           count(DISTINCT device) FILTER (WHERE member_id IS NULL) AS devices,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY dwell_min) AS median_dwell_min
    FROM counted GROUP BY place_id, bucket
)
SELECT totals.place_id, totals.bucket, totals.visits, totals.members, totals.devices, totals.median_dwell_min,
       coalesce(members.new, 0), coalesce(members.returning, 0)
FROM totals LEFT JOIN members ON members.bucket = totals.bucket
     AND members.place_id IS NOT DISTINCT FROM totals.place_id
"""
# Two texts, so that each can use the index of places and times.
DISTRICT_COUNTS_SQL = _COUNTS_SQL.format(place="place_id IS NULL")
PLACE_COUNTS_SQL = _COUNTS_SQL.format(place="place_id = ANY(%(places)s::uuid[])")

NEWEST_RECORDED_SQL = """
SELECT max(last_at) FROM feed_health
WHERE district_id = %(district_id)s AND outcome = 'recorded' AND trading_day >= %(day)s
"""

TODAY_SQL = """
SELECT (SELECT count(*) FROM visit
        WHERE district_id = %(district_id)s AND trading_day = %(day)s AND place_kind = 'district'),
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at) / 60)
        FROM visit WHERE district_id = %(district_id)s AND trading_day = %(day)s AND place_kind = 'district'),
       (SELECT count(DISTINCT coalesce(member_id::text, encode(device, 'hex'))) FROM visit
        WHERE district_id = %(district_id)s AND trading_day = %(day)s AND place_kind = 'district'),
       (SELECT coalesce(sum(part.offers), 0) FROM campaign, LATERAL (
            SELECT count(*) AS offers FROM offer
            WHERE offer.district_id = campaign.district_id AND offer.campaign_id = campaign.id
              AND offer.issued_at >= %(since)s) AS part
        WHERE campaign.district_id = %(district_id)s),
       (SELECT count(*) FROM redemption
        WHERE district_id = %(district_id)s AND redeemed_at >= %(since)s AND reversed_at IS NULL)
"""

POSITIONS_SQL = """
SELECT DISTINCT ON (member_id, CASE WHEN member_id IS NULL THEN device END) lon, lat
FROM raw_sighting
WHERE district_id = %(district_id)s AND feed_id = ANY(ARRAY(SELECT id FROM feed WHERE district_id = %(district_id)s))
  AND at > %(since)s AND at <= %(now)s
ORDER BY member_id, CASE WHEN member_id IS NULL THEN device END, at DESC
"""

# Ids are in the order in which they were made, so the newest offers need no index of their own.
RECENT_SQL = """
SELECT at, kind, campaign_id, reason FROM (
    (SELECT issued_at AS at, 'offer' AS kind, campaign_id, '' AS reason FROM offer
     WHERE district_id = %(district_id)s ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT last_at, 'refusal', campaign_id, reason FROM refusal
     WHERE district_id = %(district_id)s AND trading_day = %(day)s ORDER BY last_at DESC LIMIT %(limit)s)
) AS line ORDER BY at DESC LIMIT %(limit)s
"""

CAMPAIGN_NAMES_SQL = """
SELECT campaign.id, campaign.name, coalesce(merchant.name, '') FROM campaign
LEFT JOIN merchant ON merchant.district_id = campaign.district_id AND merchant.id = campaign.merchant_id
WHERE campaign.district_id = %(district_id)s AND campaign.id = ANY(%(ids)s::uuid[])
"""

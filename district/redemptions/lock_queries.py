"""SQL of lock-outs: counts of refused tries that have reached their limit, and what they were of."""

STANDING_SQL = """
SELECT subject, count FROM rate_count
WHERE district_id = %(district_id)s AND period_start = %(period_start)s
  AND (subject LIKE 'unknown:%%' AND count >= %(most_unknown)s
       OR (subject LIKE 'offer:%%' OR subject LIKE 'unlock:%%') AND count >= %(most_refused)s)
ORDER BY count DESC, subject LIMIT %(limit)s
"""

LIFT_SQL = """
DELETE FROM rate_count
WHERE district_id = %(district_id)s AND subject = %(subject)s AND period_start = %(period_start)s
  AND count >= %(most)s
RETURNING count
"""

# What was lifted is counted under who lifted it, as long as all counts are kept: a day.
NOTE_LIFTED_SQL = """
INSERT INTO rate_count (district_id, subject, period_start, count)
VALUES (%(district_id)s, %(noted)s, %(period_start)s, %(count)s)
ON CONFLICT (district_id, subject, period_start) DO UPDATE SET count = rate_count.count + excluded.count
"""

FORGET_LIFTED_SQL = """
DELETE FROM rate_count
WHERE district_id = %(district_id)s AND period_start = %(period_start)s AND subject LIKE %(noted_by_any)s
RETURNING count
"""

COUNT_AGAIN_SQL = """
INSERT INTO rate_count (district_id, subject, period_start, count)
VALUES (%(district_id)s, %(subject)s, %(period_start)s, %(count)s)
ON CONFLICT (district_id, subject, period_start) DO UPDATE SET count = rate_count.count + excluded.count
"""

LIFTED_SQL = """
SELECT subject, period_start, count FROM rate_count
WHERE district_id = %(district_id)s AND subject LIKE 'lifted:%%' AND period_start > %(since)s
ORDER BY period_start DESC, subject LIMIT %(limit)s
"""

# A till's key may stand for a till or for a whole store.
TILLS_SQL = """
SELECT till.id, till.name, coalesce(store.name, imported_place.name, store.ref),
       coalesce(nullif(store.name_zh, ''), nullif(imported_place.name_zh, ''), store.name, imported_place.name, store.ref)
FROM till JOIN store ON store.district_id = till.district_id AND store.id = till.store_id
LEFT JOIN imported_place ON imported_place.district_id = store.district_id AND imported_place.ref = store.ref
WHERE till.district_id = %(district_id)s AND till.id = ANY(%(ids)s)
UNION ALL
SELECT store.id, '', coalesce(store.name, imported_place.name, store.ref),
       coalesce(nullif(store.name_zh, ''), nullif(imported_place.name_zh, ''), store.name, imported_place.name, store.ref)
FROM store
LEFT JOIN imported_place ON imported_place.district_id = store.district_id AND imported_place.ref = store.ref
WHERE store.district_id = %(district_id)s AND store.id = ANY(%(ids)s)
"""

KEYS_SQL = """
SELECT api_key.id, api_key.label, merchant.name, coalesce(nullif(merchant.name_zh, ''), merchant.name)
FROM api_key JOIN merchant ON merchant.district_id = api_key.district_id AND merchant.id = api_key.merchant_id
WHERE api_key.district_id = %(district_id)s AND api_key.id = ANY(%(ids)s)
"""

COUPONS_SQL = """
SELECT offer.id, campaign.name, coalesce(merchant.name, property.name, ''),
       coalesce(nullif(merchant.name_zh, ''), merchant.name, nullif(property.name_zh, ''), property.name, ''),
       campaign.id
FROM offer
JOIN campaign ON campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
LEFT JOIN merchant ON merchant.district_id = campaign.district_id AND merchant.id = campaign.merchant_id
LEFT JOIN property ON property.district_id = campaign.district_id AND property.id = campaign.property_id
WHERE offer.district_id = %(district_id)s AND offer.id = ANY(%(ids)s)
"""

WHO_SQL = "SELECT id, coalesce(nullif(display_name, ''), username) FROM account WHERE id = ANY(%(ids)s)"

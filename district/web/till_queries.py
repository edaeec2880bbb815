"""SQL of the till pages. Every statement names the district and the merchant first."""

TILLS_SQL = """
SELECT store.id, coalesce(store.name, imported.name, store.ref), coalesce(store.name_zh, imported.name_zh, ''),
       till.id, till.name
FROM store
LEFT JOIN imported_place AS imported ON imported.district_id = store.district_id AND imported.ref = store.ref
LEFT JOIN till ON till.district_id = store.district_id AND till.store_id = store.id
WHERE store.district_id = %(district_id)s AND store.merchant_id = %(merchant_id)s AND store.closed_at IS NULL
ORDER BY 2, store.id, till.name, till.id
LIMIT 500
"""

USES_SQL = """
SELECT redemption.id, redemption.till, redemption.redeemed_at, redemption.reversed_at, redemption.value, offer.title
FROM redemption
JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
WHERE redemption.district_id = %(district_id)s AND store.merchant_id = %(merchant_id)s
  AND (%(redemption_id)s::uuid IS NULL OR redemption.id = %(redemption_id)s::uuid)
  AND redemption.redeemed_at > %(since)s
ORDER BY redemption.redeemed_at DESC, redemption.id DESC
LIMIT 10
"""

SPENDS_SQL = """
SELECT id, till, at, returned_at, points, amount_minor FROM points_spend
WHERE district_id = %(district_id)s AND merchant_id = %(merchant_id)s
  AND (%(spend_id)s::uuid IS NULL OR id = %(spend_id)s::uuid) AND at > %(since)s
ORDER BY at DESC, id DESC
LIMIT 10
"""

OFFERS_SQL = """
SELECT id, title, value FROM offer WHERE district_id = %(district_id)s AND id = ANY(%(offer_ids)s::uuid[])
"""

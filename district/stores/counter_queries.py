"""SQL of where a till stands."""

# A key's scope is a till or a store: the till names its store, so that one row is read and not all stores of the district.
TILL_SQL = """
SELECT store.id, store.merchant_id, till.name
FROM store LEFT JOIN till ON till.district_id = store.district_id AND till.store_id = store.id
                         AND till.id = %(scope_id)s
WHERE store.district_id = %(district_id)s AND store.closed_at IS NULL
  AND store.id = coalesce(
      (SELECT of.store_id FROM till AS of WHERE of.district_id = %(district_id)s AND of.id = %(scope_id)s),
      %(scope_id)s
  )
"""

MERCHANTS_STORE_SQL = """
SELECT id FROM store
WHERE district_id = %(district_id)s AND id = %(store_id)s AND merchant_id = %(merchant_id)s AND closed_at IS NULL
"""

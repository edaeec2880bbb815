"""SQL of stores. What a store does not say itself comes from the imported place with the same ``ref``."""

EFFECTIVE_COLUMNS = """
    s.district_id, s.id, s.ref,
    coalesce(s.name, p.name, '') AS name,
    coalesce(s.name_zh, p.name_zh, '') AS name_zh,
    coalesce(s.category, p.category, '') AS category,
    coalesce(s.brand, p.brand, '') AS brand,
    coalesce(s.opening_hours, p.opening_hours, '') AS opening_hours,
    coalesce(s.floor, p.floor) AS floor,
    coalesce(s.address, p.address, '') AS address,
    ST_X(coalesce(s.location, p.location)) AS lon,
    ST_Y(coalesce(s.location, p.location)) AS lat
"""

STORES_OF_DISTRICT_SQL = f"""
SELECT {EFFECTIVE_COLUMNS},
       coalesce(p.tags->>'website', p.tags->>'contact:website', '') AS website,
       coalesce(p.tags->>'phone', p.tags->>'contact:phone', '') AS phone
FROM store s LEFT JOIN imported_place p ON p.district_id = s.district_id AND p.ref = s.ref
WHERE s.district_id = %(district_id)s AND s.closed_at IS NULL
  AND coalesce(s.location, p.location) IS NOT NULL
ORDER BY s.id
"""

LIVE_OFFERS_SQL = """
SELECT cs.store_id, c.starts_at, c.ends_at
FROM campaign c
JOIN campaign_store cs ON cs.district_id = c.district_id AND cs.campaign_id = c.id
LEFT JOIN stock_now k ON k.district_id = c.district_id AND k.campaign_id = c.id
WHERE c.district_id = %(district_id)s AND c.state = 'live'
  AND k.is_sold_out IS NOT TRUE
"""

# One number per district that changes with any row behind it, so that a poll reads again only what changed.
STORES_FINGERPRINT_SQL = """
SELECT district_id, bit_xor(part) FROM (
    SELECT district_id, hashtextextended(store::text, 1) AS part FROM store
    UNION ALL
    SELECT district_id, hashtextextended(imported_place::text, 2) FROM imported_place
) AS parts GROUP BY district_id
"""

UPSERT_PLACES_SQL = """
INSERT INTO imported_place (district_id, ref, source, name, name_zh, category, brand, opening_hours, floor,
                            address, location, tags, imported_at)
SELECT :district_id, ref, :source, name, name_zh, category, brand, opening_hours, floor, address,
       ST_SetSRID(ST_MakePoint(lon, lat), 4326), tags::jsonb, :imported_at
FROM unnest(CAST(:refs AS text[]), CAST(:names AS text[]), CAST(:names_zh AS text[]),
            CAST(:categories AS text[]), CAST(:brands AS text[]), CAST(:hours AS text[]),
            CAST(:floors AS text[]), CAST(:addresses AS text[]), CAST(:lons AS float8[]),
            CAST(:lats AS float8[]), CAST(:tags AS text[]))
     AS row (ref, name, name_zh, category, brand, opening_hours, floor, address, lon, lat, tags)
ON CONFLICT (district_id, ref) DO UPDATE SET
    source = excluded.source, name = excluded.name, name_zh = excluded.name_zh,
    category = excluded.category, brand = excluded.brand, opening_hours = excluded.opening_hours,
    floor = excluded.floor, address = excluded.address, location = excluded.location, tags = excluded.tags,
    imported_at = excluded.imported_at
WHERE (imported_place.source, imported_place.name, imported_place.name_zh, imported_place.category,
       imported_place.brand, imported_place.opening_hours, imported_place.floor, imported_place.address,
       imported_place.location::text, imported_place.tags)
   IS DISTINCT FROM
      (excluded.source, excluded.name, excluded.name_zh, excluded.category, excluded.brand,
       excluded.opening_hours, excluded.floor, excluded.address, excluded.location::text, excluded.tags)
RETURNING (xmax = 0) AS is_new
"""

ADD_STORES_SQL = """
INSERT INTO store (district_id, id, ref, created_at)
SELECT :district_id, id, ref, :created_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:refs AS text[])) AS row (id, ref)
ON CONFLICT (district_id, ref) DO NOTHING
RETURNING id
"""

OFFERS_FINGERPRINT_SQL = """
SELECT c.district_id,
       bit_xor(hashtextextended(concat_ws('|', cs.store_id, c.id, c.starts_at, c.ends_at), 3))
FROM campaign c
JOIN campaign_store cs ON cs.district_id = c.district_id AND cs.campaign_id = c.id
LEFT JOIN stock_now k ON k.district_id = c.district_id AND k.campaign_id = c.id
WHERE c.state = 'live' AND k.is_sold_out IS NOT TRUE
GROUP BY c.district_id
"""

FEED_EXISTS_SQL = "SELECT true FROM feed WHERE district_id = :district_id AND id = :id"
STORE_IS_OPEN_SQL = """
SELECT true FROM store s LEFT JOIN imported_place p ON p.district_id = s.district_id AND p.ref = s.ref
WHERE s.district_id = %(district_id)s AND (s.id = %(id)s OR s.ref = %(ref)s)
  AND s.closed_at IS NULL AND coalesce(s.location, p.location) IS NOT NULL
"""

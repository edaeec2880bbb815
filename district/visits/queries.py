"""SQL of visits: raw rows in, visits out, and what members' histories are made of."""

LOCK_SQL = "SELECT pg_try_advisory_xact_lock(hashtextextended('visits:' || %(district_id)s::text, 0))"

TIMEOUT_SQL = "SET LOCAL statement_timeout = '120s'"

NEWEST_VISIT_SQL = """
SELECT max(ended_at) FROM visit
WHERE district_id = %(district_id)s AND trading_day >= %(day)s AND place_kind = 'district'
  AND place_id IS NULL AND started_at >= %(since)s AND NOT is_demo
"""

# Every column has one width, so that numpy reads the answer as it comes.
FIXES_SQL = """
COPY (
    SELECT coalesce(member_id, '00000000-0000-0000-0000-000000000000'), device, at, lon, lat, accuracy_m,
           coalesce(array_position(%(floors)s::text[], floor), 0)::int4
    FROM raw_sighting
    WHERE district_id = %(district_id)s
      AND feed_id = ANY(ARRAY(SELECT id FROM feed WHERE district_id = %(district_id)s))
      AND at >= %(since)s AND at <= %(until)s AND octet_length(device) = 16
) TO STDOUT (FORMAT BINARY)
"""

ZONES_SQL = """
SELECT id, ST_AsBinary(outline), floor FROM zone WHERE district_id = %(district_id)s ORDER BY id
"""

STORES_SQL = """
SELECT store.id, ST_X(coalesce(store.location, place.location)), ST_Y(coalesce(store.location, place.location)),
       coalesce(store.floor, place.floor)
FROM store LEFT JOIN imported_place AS place ON place.district_id = store.district_id AND place.ref = store.ref
WHERE store.district_id = %(district_id)s AND store.merchant_id IS NOT NULL AND store.closed_at IS NULL
  AND coalesce(store.location, place.location) IS NOT NULL
ORDER BY store.id
"""

VISITS_NEAR_SQL = """
SELECT id, place_kind, place_id, member_id, device, started_at, ended_at, fixes FROM visit
WHERE district_id = %(district_id)s AND trading_day >= %(day)s AND started_at >= %(earliest)s
  AND ended_at >= %(since)s AND NOT is_demo
"""

UPSERT_SQL = """
INSERT INTO visit (district_id, trading_day, id, place_kind, place_id, member_id, device, started_at, ended_at, fixes)
SELECT %(district_id)s, one.* FROM unnest(
    %(days)s::date[], %(ids)s::uuid[], %(kinds)s::text[], %(places)s::uuid[], %(members)s::uuid[],
    %(devices)s::bytea[], %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(fixes)s::int2[]) AS one
ON CONFLICT (district_id, trading_day, id) DO UPDATE SET ended_at = EXCLUDED.ended_at, fixes = EXCLUDED.fixes
"""

DELETE_SQL = """
DELETE FROM visit
WHERE district_id = %(district_id)s AND trading_day >= %(day)s AND id = ANY(%(ids)s::uuid[]) AND NOT is_demo
"""

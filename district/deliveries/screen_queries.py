"""SQL of screens in shops. What ends later than anything lasts was written before the database's clock was set back."""

BROKERS_SQL = """
SELECT id, slug, kind, options, sealed FROM channel_provider
WHERE district_id = %(district_id)s AND kind = %(kind)s AND is_on
  AND (paused_until IS NULL OR paused_until <= clock_timestamp()
       OR paused_until > clock_timestamp() + %(longest_pause)s)
ORDER BY id
"""

SHOPS_SQL = """
SELECT store.id, store.ref, coalesce(store.name, place.name, store.ref), coalesce(store.name_zh, place.name_zh, '')
FROM store LEFT JOIN imported_place AS place ON place.district_id = store.district_id AND place.ref = store.ref
WHERE store.district_id = %(district_id)s AND store.id = ANY(%(stores)s::uuid[]) AND store.closed_at IS NULL
"""

# Session locks: they end with the connection of whoever died with one.
LOCK_SQL = "SELECT pg_try_advisory_lock(hashtextextended(%(lock)s, 0))"
UNLOCK_SQL = "SELECT pg_advisory_unlock(hashtextextended(%(lock)s, 0))"

SAID_SQL = """
SELECT store_id, topic, body_hash,
       again_at <= clock_timestamp() OR again_at > clock_timestamp() + %(again_after)s
FROM screen_topic
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s
"""

KEEP_SQL = """
INSERT INTO screen_topic (district_id, provider_id, store_id, topic, body_hash, said_at, again_at)
SELECT %(district_id)s, %(provider_id)s, said.store_id, said.topic, said.body_hash, clock_timestamp(),
       clock_timestamp() + %(again_after)s
FROM unnest(%(stores)s::uuid[], %(topics)s::text[], %(hashes)s::bytea[]) AS said (store_id, topic, body_hash)
ON CONFLICT (district_id, provider_id, store_id) DO UPDATE
SET topic = excluded.topic, body_hash = excluded.body_hash, said_at = excluded.said_at, again_at = excluded.again_at
"""

FORGET_SQL = """
DELETE FROM screen_topic
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND store_id = ANY(%(stores)s::uuid[])
"""

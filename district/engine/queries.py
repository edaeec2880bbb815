"""SQL of the engine: ownership, what is watched, whom it decides about."""

TRY_LOCK_SQL = "SELECT pg_try_advisory_lock(%(key)s)"

UNLOCK_SQL = "SELECT pg_advisory_unlock(%(key)s)"

TAKE_SQL = """
INSERT INTO engine_owner (district_id, epoch, owner, taken_at)
VALUES (%(district_id)s, 1, %(owner)s, clock_timestamp())
ON CONFLICT (district_id) DO UPDATE
SET epoch = engine_owner.epoch + 1, owner = EXCLUDED.owner, taken_at = EXCLUDED.taken_at
RETURNING epoch
"""

CHECK_EPOCH_SQL = "SELECT epoch FROM engine_owner WHERE district_id = %(district_id)s FOR SHARE"

PROGRESS_SQL = """
SELECT done_sequence, done_stored_ms FROM engine_owner WHERE district_id = %(district_id)s
"""

DONE_SQL = """
UPDATE engine_owner SET done_sequence = %(sequence)s, done_stored_ms = %(stored_ms)s
WHERE district_id = %(district_id)s
"""

REWIND_SQL = """
UPDATE engine_owner SET done_sequence = %(sequence)s, done_stored_ms = %(stored_ms)s, rewinds = rewinds + 1
WHERE district_id = %(district_id)s
"""

END_OWNER_SQL = """
SELECT count(pg_terminate_backend(activity.pid))
FROM pg_stat_activity AS activity
WHERE activity.datname = current_database() AND activity.pid <> pg_backend_pid()
  AND activity.application_name LIKE 'district-engine-%%'
  AND activity.application_name = (
    SELECT owner.application_name
    FROM pg_locks AS held JOIN pg_stat_activity AS owner USING (pid)
    WHERE held.locktype = 'advisory' AND held.granted AND owner.datname = current_database()
      AND held.objsubid = 1
      AND (held.classid::bigint << 32) | held.objid::bigint = %(key)s
  )
"""

ZONES_SQL = """
SELECT id, ST_AsBinary(outline), floor FROM zone WHERE district_id = %(district_id)s ORDER BY id
"""

FINGERPRINT_SQL = """
SELECT (SELECT (count(*), max(changed_at), sum(version))::text FROM campaign
        WHERE district_id = %(district_id)s AND state = 'live'),
       (SELECT count(*) FROM campaign_stock
        WHERE district_id = %(district_id)s AND quota IS NOT NULL AND issued >= quota),
       (SELECT md5(string_agg(id::text || coalesce(floor, '') || md5(ST_AsBinary(outline)), ',' ORDER BY id))
        FROM zone WHERE district_id = %(district_id)s)
"""

MEMBERS_SQL = """
SELECT id, language, zone, quiet_from, quiet_until, bucket, state, is_personalised FROM member
WHERE district_id = %(district_id)s AND id = ANY(%(members)s::uuid[])
"""

CONSENTS_SQL = """
SELECT DISTINCT ON (member_id, purpose, channel) member_id, purpose, channel, granted, at
FROM consent
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
ORDER BY member_id, purpose, channel, id DESC
"""

SLOTS_SQL = """
SELECT member_id, scope, taken_at FROM cap_slot
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
"""

HISTORY_SQL = """
SELECT visit.member_id, visit.place_kind, visit.place_id, store.merchant_id, store.property_id,
       count(*), min(visit.started_at), max(visit.started_at)
FROM visit
LEFT JOIN store ON store.district_id = visit.district_id AND store.id = visit.place_id
               AND visit.place_kind = 'store'
WHERE visit.district_id = %(district_id)s AND visit.member_id = ANY(%(members)s::uuid[])
  AND visit.ended_at < %(before)s AND visit.place_kind IN ('district', 'store')
GROUP BY visit.member_id, visit.place_kind, visit.place_id, store.merchant_id, store.property_id
"""

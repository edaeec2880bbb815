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
        WHERE district_id = %(district_id)s AND state IN ('live', 'exhausted')),
       (SELECT count(*) FROM campaign_stock
        WHERE district_id = %(district_id)s AND quota IS NOT NULL AND issued >= quota),
       (SELECT md5(string_agg(id::text || coalesce(floor, '') || md5(ST_AsBinary(outline)), ',' ORDER BY id))
        FROM zone WHERE district_id = %(district_id)s)
"""

"""SQL of sightings: what the edge must know, and the raw store."""

ACCESS_POINTS_SQL = """
SELECT district_id, id, mac, ST_X(location), ST_Y(location), floor FROM access_point
"""

OPT_OUTS_SQL = "SELECT district_id, alias FROM opt_out"

SALTS_SQL = "SELECT district_id, trading_day, salt, dies_at FROM day_salt WHERE dies_at > %(now)s"

MAKE_SALT_SQL = """
INSERT INTO day_salt (district_id, trading_day, salt, dies_at)
VALUES (%(district_id)s, %(trading_day)s, %(salt)s, %(dies_at)s) ON CONFLICT DO NOTHING
"""

DEAD_SALTS_SQL = "DELETE FROM day_salt WHERE district_id = %(district_id)s AND dies_at <= %(now)s"

# A ctid names a row of one partition only: the conditions stand outside as well, or a row of another day would go.
OLD_PASSIVE_ROWS_SQL = """
DELETE FROM raw_sighting
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM raw_sighting
    WHERE district_id = %(district_id)s AND at >= %(after)s AND at < %(before)s AND member_id IS NULL
    LIMIT %(limit)s
)) AND district_id = %(district_id)s AND at >= %(after)s AND at < %(before)s AND member_id IS NULL
"""

OLD_LEFT_ROWS_SQL = """
DELETE FROM raw_sighting_default WHERE district_id = %(district_id)s AND at < %(kept_from)s
"""

PARTITIONS_SQL = """
SELECT partition.relname FROM pg_inherits JOIN pg_class AS partition ON partition.oid = pg_inherits.inhrelid
WHERE pg_inherits.inhparent = 'raw_sighting'::regclass
"""

PATIENCE_SQL = "SET LOCAL lock_timeout = '2s'"

SOLE_MAKER_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('raw_sighting:partitions', 0))"

MAKE_DAY_SQL = "CREATE TABLE {partition} (LIKE raw_sighting INCLUDING ALL)"

MOVE_TO_DAY_SQL = """
WITH moved AS (
    DELETE FROM raw_sighting_default WHERE at >= {first} AND at < {end} RETURNING *
)
INSERT INTO {partition} SELECT * FROM moved
"""

ATTACH_DAY_SQL = "ALTER TABLE raw_sighting ATTACH PARTITION {partition} FOR VALUES FROM ({first}) TO ({end})"

ALIASES_SQL = """
SELECT alias, member_id, last_seen_at FROM device_alias WHERE district_id = %(district_id)s
"""

ALIASES_SINCE_SQL = """
SELECT alias, member_id, last_seen_at FROM device_alias
WHERE district_id = %(district_id)s AND last_seen_at >= %(since)s
"""

ALIASES_OF_MEMBERS_SQL = """
SELECT alias, member_id, last_seen_at FROM device_alias
WHERE district_id = %(district_id)s AND member_id = ANY(%(member_ids)s)
"""

STAGE_SQL = """
CREATE TEMPORARY TABLE IF NOT EXISTS stage_sighting (
    district_id uuid, feed_id uuid, at timestamptz, device bytea, member_id uuid, lon float8, lat float8,
    accuracy_m float4, floor text, access_point_id uuid, rssi_dbm float4, received_at timestamptz, late boolean,
    source_id text
) ON COMMIT DELETE ROWS
"""

STAGE_COPY_SQL = "COPY stage_sighting FROM STDIN (FORMAT BINARY)"

RECORD_SQL = """
WITH added AS (
    INSERT INTO raw_sighting (district_id, feed_id, at, source_id, device, member_id, lon, lat, accuracy_m, floor,
                              access_point_id, rssi_dbm, received_at, late)
    SELECT district_id, feed_id, at, source_id, device,
           NULLIF(member_id, '00000000-0000-0000-0000-000000000000'), lon, lat, accuracy_m, NULLIF(floor, ''),
           NULLIF(access_point_id, '00000000-0000-0000-0000-000000000000'),
           NULLIF(rssi_dbm, 'NaN'::float4), received_at, late
    FROM stage_sighting AS stage
    WHERE NOT EXISTS (SELECT FROM member WHERE member.district_id = stage.district_id
                      AND member.id = stage.member_id AND member.state = 'erased')
    ON CONFLICT (district_id, feed_id, at, source_id) DO NOTHING
    RETURNING district_id, feed_id
)
SELECT district_id, feed_id, count(*) FROM added GROUP BY district_id, feed_id
"""

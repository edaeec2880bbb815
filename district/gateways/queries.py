"""SQL of the gateways' self-test."""

# Rows that another request is removing are left to it: nobody waits.
NOTE_REDIRECT_SQL = """
INSERT INTO redirect_event (district_id, id, gateway_id, at, outcome, cause, detail, shown)
SELECT :district_id, :id, :gateway_id, :at, :outcome, :cause, :detail, :shown
WHERE EXISTS (SELECT FROM gateway WHERE district_id = :district_id AND id = :gateway_id)
"""

FORGET_REDIRECTS_SQL = """
WITH oldest AS (
    SELECT id FROM redirect_event
    WHERE district_id = :district_id AND gateway_id = :gateway_id AND outcome <> 'polled'
    ORDER BY id DESC OFFSET CAST(:kept AS integer) - 1 LIMIT 1
), gone AS (
    SELECT id FROM redirect_event
    WHERE district_id = :district_id AND gateway_id = :gateway_id AND outcome <> 'polled'
      AND id < (SELECT id FROM oldest)
    FOR UPDATE SKIP LOCKED
)
DELETE FROM redirect_event WHERE district_id = :district_id AND id IN (SELECT id FROM gone)
"""

NOTE_POLL_SQL = """
WITH gone AS (
    SELECT id FROM redirect_event
    WHERE district_id = :district_id AND gateway_id = :gateway_id AND outcome = 'polled'
      AND at <= CAST(:at AS timestamptz) - interval '1 minute'
    FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM redirect_event WHERE district_id = :district_id AND id IN (SELECT id FROM gone)
)
INSERT INTO redirect_event (district_id, id, gateway_id, at, outcome)
SELECT :district_id, :id, :gateway_id, :at, 'polled'
WHERE NOT EXISTS (
    SELECT FROM redirect_event
    WHERE district_id = :district_id AND gateway_id = :gateway_id AND outcome = 'polled'
      AND at > CAST(:at AS timestamptz) - interval '1 minute'
)
"""

LAST_OF_EACH_SQL = """
SELECT gateway_id,
       max(at) FILTER (WHERE outcome <> 'polled') AS redirect_at,
       (array_agg(detail ORDER BY id DESC) FILTER (WHERE outcome IN ('refused', 'failed')))[1] AS problem,
       max(at) FILTER (WHERE outcome IN ('refused', 'failed')) AS problem_at,
       max(at) FILTER (WHERE outcome = 'let_in') AS let_in_at
FROM redirect_event WHERE district_id = :district_id GROUP BY gateway_id
"""

# What RADIUS says of a gateway; its tables belong to a slice above this one.
RADIUS_SQL = """
SELECT (SELECT count(*) FROM radius_client
        WHERE district_id = :district_id AND gateway_id = :gateway_id) AS clients,
       greatest(
           (SELECT max(updated_at) FROM radius_session
            WHERE district_id = :district_id AND gateway_id = :gateway_id),
           (SELECT max(used_at) FROM radius_token
            WHERE district_id = :district_id AND gateway_id = :gateway_id)
       ) AS heard_at
"""

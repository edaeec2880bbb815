"""SQL of triggers that wait, and of the times at which schedules take place."""

# What no live campaign waits for is not kept at all: most visits bring nothing.
ENQUEUE_SQL = """
INSERT INTO pending_trigger (district_id, id, kind, member_id, campaign_id, subject_id, occurrence_key, at, due_at,
                             expires_at, facts)
SELECT %(district_id)s, wanted.id, wanted.kind, wanted.member_id, wanted.campaign_id, wanted.subject_id,
       wanted.occurrence_key, wanted.at, wanted.due_at, wanted.expires_at, wanted.facts
FROM unnest(%(ids)s::uuid[], %(kinds)s::text[], %(members)s::uuid[], %(campaigns)s::uuid[], %(subjects)s::uuid[],
            %(keys)s::text[], %(ats)s::timestamptz[], %(dues)s::timestamptz[], %(expires)s::timestamptz[],
            %(facts)s::jsonb[])
     AS wanted (id, kind, member_id, campaign_id, subject_id, occurrence_key, at, due_at, expires_at, facts)
JOIN member ON member.district_id = %(district_id)s AND member.id = wanted.member_id AND member.state = 'active'
WHERE EXISTS (
    SELECT FROM campaign
    WHERE campaign.district_id = %(district_id)s AND campaign.state = 'live'
      AND (wanted.campaign_id IS NULL OR campaign.id = wanted.campaign_id)
      AND campaign.rule @> jsonb_build_object(
          'trigger', jsonb_build_object('any', jsonb_build_array(jsonb_build_object('on', wanted.kind))))
)
ORDER BY wanted.kind, wanted.member_id, wanted.occurrence_key
ON CONFLICT (district_id, kind, member_id, occurrence_key, campaign_id) DO NOTHING
"""

SCHEDULED_SQL = """
SELECT id, version, state, rule, starts_at FROM campaign
WHERE district_id = %(district_id)s AND state IN ('live', 'paused')
  AND rule @> '{"trigger": {"any": [{"on": "schedule"}]}}'
ORDER BY id
"""

LOCK_SCHEDULES_SQL = (
    "SELECT pg_try_advisory_xact_lock(hashtextextended('occurrences:' || %(district_id)s::text, 0))"
)

# What a changed rule, or changed rules of a time zone, no longer name. A paused campaign keeps its own.
DROP_OCCURRENCES_SQL = """
DELETE FROM occurrence
WHERE district_id = %(district_id)s AND state = 'due' AND starts_at > %(now)s
  AND NOT (campaign_id = ANY(%(kept)s::uuid[]))
  AND NOT EXISTS (
    SELECT FROM unnest(%(ids)s::uuid[], %(starts)s::timestamptz[]) AS wanted (id, starts_at)
    WHERE wanted.id = occurrence.id AND wanted.starts_at = occurrence.starts_at
  )
"""

INSERT_OCCURRENCES_SQL = """
INSERT INTO occurrence (district_id, id, campaign_id, campaign_version, wall_at, as_second, zone, starts_at, next_at,
                        changed_at)
SELECT %(district_id)s, wanted.id, wanted.campaign_id, wanted.version, wanted.wall_at, wanted.as_second, wanted.zone,
       wanted.starts_at, wanted.starts_at, %(now)s
FROM unnest(%(ids)s::uuid[], %(campaigns)s::uuid[], %(versions)s::int[], %(walls)s::timestamp[],
            %(seconds)s::boolean[], %(zones)s::text[], %(starts)s::timestamptz[])
     AS wanted (id, campaign_id, version, wall_at, as_second, zone, starts_at)
ORDER BY wanted.id
ON CONFLICT DO NOTHING
"""

FORGET_OCCURRENCES_SQL = """
DELETE FROM occurrence
WHERE district_id = %(district_id)s AND state IN ('done', 'missed') AND starts_at < %(before)s
"""

FORGET_TRIGGERS_SQL = (
    "DELETE FROM pending_trigger WHERE district_id = %(district_id)s AND done_at < %(before)s"
)

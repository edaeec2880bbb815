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
WHERE district_id = %(district_id)s AND state IN ('live', 'paused', 'exhausted')
  AND rule @> '{"trigger": {"any": [{"on": "schedule"}]}}'
ORDER BY id
"""

LOCK_SCHEDULES_SQL = (
    "SELECT pg_try_advisory_xact_lock(hashtextextended('occurrences:' || %(district_id)s::text, 0))"
)

# What a changed rule, or changed rules of a time zone, no longer name. A campaign that only pauses keeps its own.
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

GREETING_CAMPAIGNS_SQL = """
SELECT campaign.id, one ->> 'on', coalesce((one ->> 'days')::int, 0)
FROM campaign, jsonb_array_elements(campaign.rule -> 'trigger' -> 'any') AS one
WHERE campaign.district_id = %(district_id)s AND campaign.state = 'live'
  AND one ->> 'on' IN ('member.birthday', 'member.lapsed')
ORDER BY campaign.id
"""

BIRTHDAYS_SQL = """
SELECT id FROM member
JOIN unnest(%(months)s::int[], %(days)s::int[]) AS today (month, day)
  ON member.birth_month = today.month AND member.birth_day = today.day
WHERE district_id = %(district_id)s AND state = 'active'
  AND NOT EXISTS (
    SELECT FROM pending_trigger AS told
    WHERE told.district_id = member.district_id AND told.kind = 'member.birthday'
      AND told.member_id = member.id AND told.occurrence_key = %(key)s
  )
ORDER BY id
"""

# Whose latest visit to the campaign's stores was on that day. Who wants no personal offers is not looked at.
LAPSED_SQL = """
SELECT visit.member_id, max(visit.started_at)
FROM campaign_store
JOIN visit ON visit.district_id = campaign_store.district_id AND visit.place_kind = 'store'
          AND visit.place_id = campaign_store.store_id
JOIN member ON member.district_id = visit.district_id AND member.id = visit.member_id
WHERE campaign_store.district_id = %(district_id)s AND campaign_store.campaign_id = %(campaign_id)s
  AND visit.started_at >= %(since)s AND member.state = 'active' AND member.is_personalised
  AND NOT EXISTS (
    SELECT FROM pending_trigger AS told
    WHERE told.district_id = member.district_id AND told.kind = 'member.lapsed' AND told.member_id = member.id
      AND told.campaign_id = campaign_store.campaign_id AND told.occurrence_key = %(key)s
  )
GROUP BY visit.member_id
HAVING max(visit.started_at) < %(before)s
"""

VISITS_TOLD_SQL = """
SELECT member_id, subject_id, at FROM pending_trigger
WHERE district_id = %(district_id)s AND kind = ANY(%(kinds)s::text[]) AND member_id = ANY(%(members)s::uuid[])
  AND at >= %(since)s
"""

IS_WAITED_FOR_SQL = """
SELECT EXISTS (
    SELECT FROM campaign, jsonb_array_elements(rule -> 'trigger' -> 'any') AS one
    WHERE district_id = %(district_id)s AND state = 'live' AND one ->> 'on' = ANY(%(kinds)s::text[])
)
"""

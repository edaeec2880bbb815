"""SQL of what waits to be decided: happenings and occurrences, claimed row by row."""

# The member is locked with the row, and neither is waited for: whoever erases a member locks him first, too.
CLAIM_TRIGGERS_SQL = """
SELECT waiting.id, waiting.kind, waiting.member_id, waiting.campaign_id, waiting.subject_id, waiting.occurrence_key,
       waiting.at, waiting.due_at, waiting.expires_at, waiting.facts
FROM pending_trigger AS waiting
JOIN member ON member.district_id = waiting.district_id AND member.id = waiting.member_id
WHERE waiting.district_id = %(district_id)s AND waiting.done_at IS NULL AND waiting.due_at <= %(now)s
  AND (%(only)s::uuid IS NULL OR waiting.id = %(only)s)
ORDER BY waiting.due_at, waiting.id LIMIT %(limit)s
FOR NO KEY UPDATE OF member, waiting SKIP LOCKED
"""

DUE_TRIGGERS_SQL = """
SELECT id FROM pending_trigger
WHERE district_id = %(district_id)s AND done_at IS NULL AND due_at <= %(now)s
ORDER BY due_at, id LIMIT %(limit)s
"""

LISTENING_SQL = """
SELECT id FROM campaign
WHERE district_id = %(district_id)s AND state = 'live' AND EXISTS (
    SELECT FROM jsonb_array_elements(rule -> 'trigger' -> 'any') AS one
    WHERE one ->> 'on' = ANY(%(kinds)s::text[])
)
"""

STORE_PLACES_SQL = """
SELECT store.id, ST_X(coalesce(store.location, imported.location)), ST_Y(coalesce(store.location, imported.location))
FROM store
LEFT JOIN imported_place AS imported ON imported.district_id = store.district_id AND imported.ref = store.ref
WHERE store.district_id = %(district_id)s AND store.id = ANY(%(stores)s::uuid[])
  AND coalesce(store.location, imported.location) IS NOT NULL
"""

ACCESS_POINT_PLACES_SQL = """
SELECT mac, ST_X(location), ST_Y(location) FROM access_point
WHERE district_id = %(district_id)s AND mac = ANY(%(macs)s::text[]) AND location IS NOT NULL
"""

# Which visit of a member to these stores one that began at a moment was, the first being 1; of who wants no personal
# offers none is counted.
VISITS_UNTIL_SQL = """
SELECT wanted.number, count(visit.id)
FROM unnest(%(numbers)s::int[], %(members)s::uuid[], %(ats)s::timestamptz[], %(campaigns)s::uuid[])
     AS wanted (number, member_id, at, campaign_id)
LEFT JOIN campaign_store ON campaign_store.district_id = %(district_id)s
                        AND campaign_store.campaign_id = wanted.campaign_id
LEFT JOIN member ON member.district_id = %(district_id)s AND member.id = wanted.member_id
                AND member.is_personalised
LEFT JOIN visit ON visit.district_id = %(district_id)s AND visit.member_id = member.id
               AND visit.place_kind = 'store' AND visit.place_id = campaign_store.store_id
               AND visit.started_at <= wanted.at
GROUP BY wanted.number
"""

FINISH_TRIGGERS_SQL = """
UPDATE pending_trigger SET done_at = %(now)s, outcome = done.outcome
FROM unnest(%(ids)s::uuid[], %(outcomes)s::text[]) AS done (id, outcome)
WHERE pending_trigger.district_id = %(district_id)s AND pending_trigger.id = done.id
"""

DEFER_TRIGGERS_SQL = """
UPDATE pending_trigger SET due_at = later.due_at
FROM unnest(%(ids)s::uuid[], %(dues)s::timestamptz[]) AS later (id, due_at)
WHERE pending_trigger.district_id = %(district_id)s AND pending_trigger.id = later.id
"""

FAIL_TRIGGER_SQL = """
UPDATE pending_trigger
SET attempts = attempts + 1, due_at = %(again_at)s,
    outcome = CASE WHEN attempts + 1 >= %(most)s THEN 'failed' ELSE outcome END,
    done_at = CASE WHEN attempts + 1 >= %(most)s THEN %(now)s END
WHERE district_id = %(district_id)s AND id = %(id)s AND done_at IS NULL
"""

CLAIM_OCCURRENCES_SQL = """
SELECT occurrence.id, occurrence.campaign_id, occurrence.starts_at, occurrence.state, occurrence.after_member_id
FROM occurrence
JOIN campaign ON campaign.district_id = occurrence.district_id AND campaign.id = occurrence.campaign_id
WHERE occurrence.district_id = %(district_id)s AND occurrence.state IN ('due', 'planning')
  AND occurrence.next_at <= %(now)s AND campaign.state = 'live'
ORDER BY occurrence.next_at, occurrence.id LIMIT %(limit)s
FOR NO KEY UPDATE OF occurrence SKIP LOCKED
"""

ADVANCE_OCCURRENCES_SQL = """
UPDATE occurrence
SET state = done.state, after_member_id = done.after_member_id, next_at = done.next_at, changed_at = %(now)s,
    planned = occurrence.planned + done.planned, issued = occurrence.issued + done.issued,
    refused = occurrence.refused + done.refused
FROM unnest(%(ids)s::uuid[], %(states)s::text[], %(afters)s::uuid[], %(nexts)s::timestamptz[], %(planned)s::int[],
            %(issued)s::int[], %(refused)s::int[])
     AS done (id, state, after_member_id, next_at, planned, issued, refused)
WHERE occurrence.district_id = %(district_id)s AND occurrence.id = done.id
"""

# A campaign that was paused, or a district whose workers all stood still, until the offers would be dead; and a plan that
# had begun when the last piece of its campaign went, or its campaign was ended: nobody goes on with it.
MISS_OCCURRENCES_SQL = """
UPDATE occurrence SET state = CASE occurrence.state WHEN 'due' THEN 'missed' ELSE 'done' END, changed_at = %(now)s
FROM campaign
WHERE occurrence.district_id = %(district_id)s AND occurrence.state IN ('due', 'planning')
  AND campaign.district_id = occurrence.district_id AND campaign.id = occurrence.campaign_id
  AND (occurrence.starts_at + CASE
      WHEN occurrence.state = 'due'
      THEN make_interval(secs => coalesce((campaign.rule ->> 'ttl_s')::float8, %(ttl_s)s)) ELSE %(longest)s END
      <= %(now)s
   OR (occurrence.state = 'planning' AND campaign.state IN ('exhausted', 'ended', 'cancelled')))
"""

WHERE_TRIGGERS_SQL = """
SELECT DISTINCT district_id FROM pending_trigger WHERE done_at IS NULL AND due_at <= %(now)s
"""

WHERE_OCCURRENCES_SQL = """
SELECT DISTINCT district_id FROM occurrence WHERE state IN ('due', 'planning') AND next_at <= %(now)s
"""

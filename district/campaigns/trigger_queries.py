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

"""SQL of members' addresses and of providers."""

ADDRESSES_SQL = """
SELECT wanted.member_id, wanted.channel, found.id, found.address, found.sealed, person.language
FROM unnest(%(members)s::uuid[], %(channels)s::text[]) AS wanted (member_id, channel)
JOIN member AS person ON person.district_id = %(district_id)s AND person.id = wanted.member_id
CROSS JOIN LATERAL (
    SELECT id, address, sealed, CASE state WHEN 'active' THEN 0 ELSE 1 END AS place, seen_at
    FROM member_endpoint AS endpoint
    WHERE endpoint.district_id = %(district_id)s AND endpoint.member_id = wanted.member_id
      AND endpoint.channel = wanted.channel AND endpoint.state <> 'gone'
      AND wanted.channel NOT IN ('sms', 'email')
    UNION ALL
    SELECT NULL, contact.address, NULL, 0, NULL
    FROM member CROSS JOIN LATERAL (
        SELECT CASE wanted.channel WHEN 'sms' THEN member.phone WHEN 'email' THEN member.email END AS address
    ) AS contact
    WHERE member.district_id = %(district_id)s AND member.id = wanted.member_id AND contact.address IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM member_endpoint AS dead
          WHERE dead.district_id = %(district_id)s AND dead.channel = wanted.channel AND dead.state = 'gone'
            AND dead.address_hash = sha256(convert_to(contact.address, 'UTF8')))
    ORDER BY place, seen_at DESC LIMIT 1
) AS found
"""

# Of a row of member_endpoint called endpoint: a mini-program reaches who has allowed a message.
HAS_LEAVE_SQL = """NOT (endpoint.channel = 'mini_program' AND EXISTS (
      SELECT FROM channel_provider AS provider
      WHERE provider.district_id = %(district_id)s AND provider.id = endpoint.provider_id
        AND provider.kind = 'wechat_mini' AND NOT EXISTS (
            SELECT FROM wechat_grant AS leave
            WHERE leave.district_id = %(district_id)s AND leave.member_id = endpoint.member_id
              AND leave.provider_id = provider.id AND leave.delivery_id IS NULL)))"""

# How many addresses each member has on each channel that is on.
REACHABLE_SQL = f"""
SELECT member_id, channel, count(*) FROM member_endpoint AS endpoint
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[]) AND state <> 'gone'
  AND channel = ANY(%(channels)s::text[]) AND channel NOT IN ('sms', 'email')
  AND {HAS_LEAVE_SQL}
GROUP BY member_id, channel
UNION ALL
SELECT member.id, contact.channel, 1
FROM member CROSS JOIN LATERAL (VALUES ('sms', member.phone), ('email', member.email)) AS contact (channel, address)
WHERE member.district_id = %(district_id)s AND member.id = ANY(%(members)s::uuid[])
  AND contact.address IS NOT NULL AND contact.channel = ANY(%(channels)s::text[])
  AND NOT EXISTS (
      SELECT FROM member_endpoint AS dead
      WHERE dead.district_id = %(district_id)s AND dead.channel = contact.channel AND dead.state = 'gone'
        AND dead.address_hash = sha256(convert_to(contact.address, 'UTF8')))
"""

WORKED_SQL = """
UPDATE member_endpoint SET state = 'active', failures = 0, last_ok_at = clock_timestamp()
WHERE district_id = %(district_id)s AND id = ANY(%(endpoints)s::uuid[])
"""

GONE_SQL = """
UPDATE member_endpoint SET state = 'gone', failures = failures + 1
WHERE district_id = %(district_id)s AND id = ANY(%(endpoints)s::uuid[])
"""

# A telephone number or e-mail address that does not exist: kept as an address that is gone, whoever proves it anew.
CONTACT_GONE_SQL = """
INSERT INTO member_endpoint (district_id, id, member_id, channel, address, address_hash, state, created_at, seen_at,
                             reason, failed_at)
SELECT %(district_id)s, gone.id, gone.member_id, gone.channel, gone.address,
       sha256(convert_to(gone.address, 'UTF8')), 'gone', clock_timestamp(), clock_timestamp(),
       gone.reason, clock_timestamp()
FROM unnest(%(ids)s::uuid[], %(members)s::uuid[], %(channels)s::text[], %(addresses)s::text[], %(reasons)s::text[])
     AS gone (id, member_id, channel, address, reason)
ON CONFLICT (district_id, channel, address_hash)
DO UPDATE SET state = 'gone', reason = excluded.reason, failed_at = excluded.failed_at
"""

# A message came back from the number or e-mail address that a member still has: at once for good, or after several days
# on which that happened, of which none lies long behind the next.
CAME_BACK_SQL = """
INSERT INTO member_endpoint AS known (district_id, id, member_id, channel, address, address_hash, state, created_at,
                                      seen_at, failures, reason, failed_at)
SELECT :district_id, :id, member.id, :channel, contact.address, contact.hash,
       CASE WHEN :is_gone THEN 'gone' ELSE 'suspect' END, :at, :at, 1, :reason, :at
FROM member CROSS JOIN LATERAL (
    SELECT address, sha256(convert_to(address, 'UTF8')) AS hash
    FROM (SELECT CASE :channel WHEN 'sms' THEN member.phone WHEN 'email' THEN member.email END) AS own (address)
) AS contact
WHERE member.district_id = :district_id AND member.id = :member_id AND contact.address IS NOT NULL
  AND substr(contact.hash, 1, length(:digest)) = :digest
ON CONFLICT (district_id, channel, address_hash) DO UPDATE SET
    failures = CASE WHEN known.failed_at IS NULL OR known.failed_at < :at - CAST(:forgotten_after AS interval) THEN 1
                    WHEN known.failed_at > :at - CAST(:counted_every AS interval) THEN known.failures
                    ELSE known.failures + 1 END,
    state = CASE WHEN :is_gone OR known.state = 'gone'
                   OR (known.failed_at BETWEEN :at - CAST(:forgotten_after AS interval)
                                           AND :at - CAST(:counted_every AS interval)
                       AND known.failures + 1 >= :most) THEN 'gone' ELSE 'suspect' END,
    reason = excluded.reason,
    failed_at = CASE WHEN known.failed_at > :at - CAST(:counted_every AS interval) AND NOT :is_gone
                     THEN known.failed_at ELSE :at END
"""

# What is on file for a provider: texts in the order in which they were made, each with its carriers.
TEXTS_OF_SQL = """
coalesce((
    SELECT jsonb_agg(jsonb_build_object(
               'number', one.number, 'signature', one.signature, 'purpose', one.purpose, 'language', one.language,
               'text', one.text, 'filings', (
                   SELECT jsonb_object_agg(filing.carrier, filing.state) FROM text_filing AS filing
                   WHERE filing.district_id = one.district_id AND filing.template_id = one.id))
           ORDER BY one.created_at, one.id)
    FROM text_template AS one
    WHERE one.district_id = channel_provider.district_id AND one.provider_id = channel_provider.id
), '[]')
"""

PROVIDERS_SQL = f"""
SELECT id, slug, channel, kind, name, options, sealed, weight, in_flight, per_s, {TEXTS_OF_SQL},
       changed_at, paused_until, paused_until - clock_timestamp()
FROM channel_provider WHERE district_id = %(district_id)s AND is_on ORDER BY channel, id
"""

TEXT_PROVIDERS_SQL = f"""
SELECT id, slug, name, kind, options, {TEXTS_OF_SQL}
FROM channel_provider WHERE district_id = %(district_id)s AND is_on AND channel = 'sms' ORDER BY weight DESC, id
"""

POLICY_SQL = """
SELECT policy.channel_order, district.country
FROM district LEFT JOIN channel_policy AS policy ON policy.district_id = district.id
WHERE district.id = %(district_id)s
"""

# By channel: the mean price of a message, and the share of the last month's attempts that was taken.
STANDING_SQL = """
SELECT channel, (sum(cost_micro * weight) / sum(weight))::bigint,
       sum(success * weight) / sum(weight) FILTER (WHERE success IS NOT NULL)
FROM channel_provider WHERE district_id = %(district_id)s AND is_on
GROUP BY channel
"""

PAUSE_SQL = """
UPDATE channel_provider
SET paused_until = greatest(paused_until, clock_timestamp() + %(pause)s), pause_reason = %(reason)s
WHERE district_id = %(district_id)s AND id = %(id)s
"""

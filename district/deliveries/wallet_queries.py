"""SQL of coupons in wallets. All times are machine times."""

WALLETS_SQL = """
SELECT DISTINCT ON (kind) id, slug, kind, options, sealed FROM channel_provider
WHERE district_id = %(district_id)s AND kind = ANY(%(kinds)s::text[]) AND is_on
ORDER BY kind, id
"""

HOLDER_SQL = """
SELECT offer.member_id, member.language, offer.state, offer.valid_until
FROM offer JOIN member ON member.district_id = offer.district_id AND member.id = offer.member_id
WHERE offer.district_id = %(district_id)s AND offer.id = %(offer_id)s AND member.state = 'active'
"""

# xmax is 0 of a row that was not there before.
REGISTER_SQL = """
INSERT INTO wallet_pass (district_id, id, provider_id, offer_id, member_id, device_hash, push_token, told_state,
                         changed_at, retry_at, created_at)
VALUES (%(district_id)s, %(id)s, %(provider_id)s, %(offer_id)s, %(member_id)s, %(device_hash)s, %(push_token)s,
        %(state)s, clock_timestamp(), clock_timestamp(), clock_timestamp())
ON CONFLICT (district_id, provider_id, offer_id, device_hash) DO UPDATE
SET push_token = excluded.push_token, tries = 0, retry_at = clock_timestamp()
RETURNING xmax = 0
"""

MAKE_ROOM_SQL = """
DELETE FROM wallet_pass WHERE district_id = %(district_id)s AND id IN (
    SELECT id FROM wallet_pass
    WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND offer_id = %(offer_id)s
    ORDER BY created_at DESC, id DESC OFFSET %(most)s)
"""

UNREGISTER_SQL = """
DELETE FROM wallet_pass
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND offer_id = %(offer_id)s
  AND device_hash = %(device_hash)s
"""

CHANGED_SINCE_SQL = """
SELECT offer_id, changed_at FROM wallet_pass
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND device_hash = %(device_hash)s
  AND changed_at > %(since)s
ORDER BY changed_at LIMIT %(limit)s
"""

IS_KNOWN_SQL = """
SELECT FROM wallet_pass
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND device_hash = %(device_hash)s LIMIT 1
"""

# Wallets are told when a coupon can be used no more, or again; that it was looked at changes nothing in them. What waits
# longer than its tries make it was put off before the database's clock was set back.
DUE_SQL = """
WITH due AS (
    SELECT pass.id, state.now FROM wallet_pass AS pass
    JOIN offer ON offer.district_id = pass.district_id AND offer.id = pass.offer_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN offer.state IN ('reserved', 'issued', 'opened') THEN 'live' ELSE 'over' END AS now
    ) AS state
    WHERE pass.district_id = %(district_id)s AND pass.told_state <> state.now
      AND (pass.retry_at <= clock_timestamp()
           OR pass.retry_at > clock_timestamp()
                              + least(interval '1 hour', interval '5 s' * power(2, least(pass.tries, 12))))
      AND pass.provider_id = ANY(%(providers)s::uuid[]) {which}
    ORDER BY pass.retry_at LIMIT %(limit)s
    FOR UPDATE OF pass SKIP LOCKED
)
UPDATE wallet_pass AS pass
SET changed_at = clock_timestamp(), tries = pass.tries + 1,
    retry_at = clock_timestamp() + least(interval '1 hour', interval '5 s' * power(2, least(pass.tries, 12)))
FROM due WHERE pass.district_id = %(district_id)s AND pass.id = due.id
RETURNING pass.id, pass.provider_id, pass.offer_id, pass.push_token, due.now, pass.tries
"""

# What was used, or taken back, since an id was made: ids begin with the time at which they are.
RECENT = """AND pass.offer_id IN (
        SELECT offer_id FROM redemption WHERE district_id = %(district_id)s AND id >= %(since)s
        UNION
        SELECT used.offer_id FROM reversal AS back
        JOIN redemption AS used ON used.district_id = back.district_id AND used.id = back.redemption_id
        WHERE back.district_id = %(district_id)s AND back.id >= %(since)s)"""
RECENTLY_DUE_SQL = DUE_SQL.replace("{which}", RECENT)
DUE_SQL = DUE_SQL.replace("{which}", "")

TOLD_SQL = """
UPDATE wallet_pass AS pass SET told_state = told.state, tries = 0, retry_at = clock_timestamp()
FROM unnest(%(ids)s::uuid[], %(states)s::text[]) AS told (id, state)
WHERE pass.district_id = %(district_id)s AND pass.id = told.id
"""

GONE_SQL = "DELETE FROM wallet_pass WHERE district_id = %(district_id)s AND id = ANY(%(ids)s::uuid[])"

FORGET_SQL = """
DELETE FROM wallet_pass AS pass WHERE pass.district_id = %(district_id)s AND pass.id IN (
    SELECT old.id FROM wallet_pass AS old
    LEFT JOIN offer ON offer.district_id = old.district_id AND offer.id = old.offer_id
    WHERE old.district_id = %(district_id)s AND (offer.id IS NULL OR offer.valid_until < %(before)s)
    LIMIT %(limit)s)
"""

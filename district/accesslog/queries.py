"""SQL of the access log. Each statement names its district first; sync and async callers share it."""

START_SQL = """
INSERT INTO access_chain (district_id, last_hash, hash_before_first)
VALUES (%(district_id)s, %(genesis)s, %(genesis)s) ON CONFLICT DO NOTHING
"""

# Held until the commit: of two writers the later waits, so that numbers have no gaps.
LOCK_SQL = """
SELECT last_number, last_hash, first_kept_number, hash_before_first FROM access_chain
WHERE district_id = %(district_id)s FOR UPDATE
"""

ADVANCE_SQL = """
UPDATE access_chain SET last_number = %(number)s, last_hash = %(hash)s WHERE district_id = %(district_id)s
"""

_COLUMNS = """at, event, session, member_id, identity, method, mac, inner_address, outer_address, outer_ports,
    nas, access_point_mac, detail"""

INSERT_SQL = f"""
INSERT INTO access_record (district_id, number, {_COLUMNS}, previous_hash, hash)
VALUES (%(district_id)s, %(number)s, %(at)s, %(event)s, %(session)s, %(member_id)s, %(identity)s, %(method)s, %(mac)s,
    %(inner_address)s, %(outer_address)s, %(outer_ports)s, %(nas)s, %(access_point_mac)s, %(detail)s,
    %(previous_hash)s, %(hash)s)
"""

READ_SQL = f"""
SELECT number, {_COLUMNS}, previous_hash, hash FROM access_record
WHERE district_id = %(district_id)s AND number > %(after)s ORDER BY number LIMIT %(limit)s
"""

# What an export of a time holds: the range of numbers is found first, for records come nearly in order of time.
RANGE_SQL = """
SELECT min(number), max(number) FROM access_record
WHERE district_id = %(district_id)s AND at >= %(since)s AND at < %(until)s
"""

CHAIN_SQL = """
SELECT last_number, last_hash, first_kept_number, hash_before_first FROM access_chain
WHERE district_id = %(district_id)s
"""

# Records up to the last one before which everything is old enough; bounded, the next tick goes on.
OLD_SQL = """
SELECT min(number) FILTER (WHERE at >= %(before)s), max(number) FROM (
    SELECT number, at FROM access_record WHERE district_id = %(district_id)s AND number >= %(first)s
    ORDER BY number LIMIT %(limit)s) AS oldest
"""

CUT_SQL = """
WITH kept AS (
    UPDATE access_chain SET first_kept_number = %(last)s + 1, hash_before_first = (
        SELECT hash FROM access_record WHERE district_id = %(district_id)s AND number = %(last)s)
    WHERE district_id = %(district_id)s
)
DELETE FROM access_record WHERE district_id = %(district_id)s AND number <= %(last)s
"""

FORGET_TRANSLATIONS_SQL = """
DELETE FROM address_translation WHERE district_id = %(district_id)s AND until < %(before)s
"""

OPEN_SQL = """
INSERT INTO access_session (district_id, session, member_id, identity, method, mac, inner_address, outer_address, nas,
    access_point_mac, at, is_logged)
VALUES (%(district_id)s, %(session)s, %(member_id)s, %(identity)s, %(method)s, %(mac)s, %(inner_address)s,
    %(outer_address)s, %(nas)s, %(access_point_mac)s, %(at)s, true)
"""

# Sessions of which something is not in the log yet: their beginning (RADIUS), an address of theirs, or their end.
CHANGED_SQL = """
SELECT a.session, a.member_id, CASE WHEN g.is_real_name AND NOT a.is_logged
        THEN coalesce(m.phone, m.email, '') ELSE a.identity END,
    a.method, a.mac, a.inner_address, a.outer_address, a.nas, a.access_point_mac, a.at, a.is_logged,
    w.id IS NULL, w.ended_at, coalesce(w.ended_because, 'removed'), coalesce(r.framed_address, ''),
    coalesce(nullif(r.access_point_mac, ''), a.access_point_mac)
FROM access_session a
LEFT JOIN wifi_session w ON w.district_id = a.district_id AND w.id = a.session
LEFT JOIN gateway g ON g.district_id = a.district_id AND g.id = w.gateway_id
LEFT JOIN member m ON m.district_id = a.district_id AND m.id = a.member_id
LEFT JOIN LATERAL (
    SELECT s.framed_address, s.access_point_mac FROM radius_session s
    WHERE s.district_id = a.district_id AND s.wifi_session_id = a.session AND s.framed_address <> ''
    ORDER BY s.started_at DESC LIMIT 1
) r ON true
WHERE a.district_id = %(district_id)s
    AND (NOT a.is_logged OR w.id IS NULL OR w.ended_at IS NOT NULL
         OR (r.framed_address IS NOT NULL AND r.framed_address <> a.inner_address))
ORDER BY a.at LIMIT %(limit)s FOR UPDATE OF a SKIP LOCKED
"""

FOLLOWED_SQL = """
UPDATE access_session SET inner_address = %(inner_address)s, access_point_mac = %(access_point_mac)s,
    identity = %(identity)s, is_logged = true
WHERE district_id = %(district_id)s AND session = %(session)s
"""

ENDED_SQL = "DELETE FROM access_session WHERE district_id = %(district_id)s AND session = ANY(%(sessions)s)"

NEW_TRANSLATION_SQL = """
INSERT INTO address_translation (district_id, id, line_hash, since, until, protocol, inner_address, inner_ports,
    outer_address, outer_ports)
VALUES (%(district_id)s, %(id)s, %(line_hash)s, %(since)s, %(until)s, %(protocol)s, %(inner_address)s, %(inner_ports)s,
    %(outer_address)s, %(outer_ports)s)
ON CONFLICT (district_id, line_hash) DO NOTHING
"""

# Inner addresses that stood behind an outer one at an instant, by the imported NAT log.
BEHIND_SQL = """
SELECT DISTINCT inner_address, inner_ports FROM address_translation
WHERE district_id = %(district_id)s AND outer_address = %(address)s AND since <= %(at)s AND until > %(at)s
    AND (%(protocol)s = '' OR protocol IN ('', %(protocol)s))
    AND (outer_ports = '' OR %(port)s::integer IS NULL OR %(port)s::integer BETWEEN
         split_part(outer_ports, '-', 1)::integer AND split_part(outer_ports, '-', 2)::integer)
ORDER BY inner_address LIMIT %(limit)s
"""

_HOLDER = """
WITH held AS (
    SELECT DISTINCT ON (session) session, number, member_id, identity, method, mac, inner_address, outer_address,
        nas, access_point_mac, at
    FROM access_record
    WHERE district_id = %(district_id)s AND event IN ('on', 'address') AND at <= %(at)s AND {is_it}
    ORDER BY session, number DESC
)
SELECT h.session, h.member_id, h.identity, h.method, h.mac, h.inner_address, h.outer_address, h.nas,
    h.access_point_mac, h.at, (SELECT min(o.at) FROM access_record o
        WHERE o.district_id = %(district_id)s AND o.session = h.session AND o.event = 'off')
FROM held h
WHERE NOT EXISTS (
    SELECT FROM access_record l WHERE l.district_id = %(district_id)s AND l.session = h.session AND l.number > h.number
        AND l.at <= %(at)s AND (l.event = 'off' OR (l.event = 'address' AND {is_left})))
ORDER BY h.at DESC LIMIT %(limit)s
"""

# Who had an address at an instant, by the newest word of each session up to then.
INNER_SQL = _HOLDER.format(
    is_it="inner_address = ANY(%(addresses)s) AND inner_address <> ''",
    is_left="l.inner_address <> h.inner_address",
)
OUTER_SQL = _HOLDER.format(
    is_it="outer_address = %(address)s AND outer_address <> ''", is_left="l.outer_address <> h.outer_address"
)

SESSIONS_SQL = """
SELECT h.session, h.member_id, h.identity, h.method, h.mac, h.inner_address, h.outer_address, h.nas,
    h.access_point_mac, h.at, (SELECT min(o.at) FROM access_record o
        WHERE o.district_id = %(district_id)s AND o.session = h.session AND o.event = 'off')
FROM access_record h
WHERE h.district_id = %(district_id)s AND h.event = 'on' AND h.at >= %(since)s AND h.at < %(until)s
    AND (%(mac)s = '' OR h.mac = %(mac)s) AND (%(identity)s = '' OR h.identity = %(identity)s)
ORDER BY h.at DESC, h.number DESC LIMIT %(limit)s
"""

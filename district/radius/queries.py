"""SQL of RADIUS: who may go on line, and what became of it."""

CLIENTS_SQL = """
SELECT district_id, id, address, nas_identifier, gateway_id FROM radius_client
"""

CLIENTS_OF_DISTRICT_SQL = f"{CLIENTS_SQL} WHERE district_id = %(district_id)s"

_MEMBER_COLUMNS = """
    m.language, m.state, said.granted, said.text_hash,
    EXISTS (SELECT FROM ban b WHERE b.district_id = %(district_id)s AND b.member_id = m.id
            AND (b.until IS NULL OR b.until > %(now)s))
    OR EXISTS (SELECT FROM ban b WHERE b.district_id = %(district_id)s AND b.alias = %(alias)s
               AND (b.until IS NULL OR b.until > %(now)s)),
    p.session_s, p.idle_s, p.down_kbps, p.up_kbps, p.volume_kib, p.devices, p.daily_s, p.daily_kib, p.id
"""
# The newest word on access; of two at one moment the withdrawal, as push.consent has it.
_SAID = """
LEFT JOIN LATERAL (
    SELECT c.granted, c.text_hash FROM consent c
    WHERE c.district_id = %(district_id)s AND c.member_id = m.id AND c.purpose = 'access' AND c.channel = ''
    ORDER BY c.at DESC, c.granted, c.id DESC LIMIT 1
) said ON true
"""

TOKEN_SQL = f"""
SELECT t.password, t.mac, t.gateway_id, t.expires_at, t.used_at, t.member_id, t.wifi_session_id,
    ws.ended_at IS NULL, NULL::timestamptz, {_MEMBER_COLUMNS}
FROM radius_token t
JOIN member m ON m.district_id = t.district_id AND m.id = t.member_id
LEFT JOIN wifi_session ws ON ws.district_id = t.district_id AND ws.id = t.wifi_session_id
LEFT JOIN plan p ON p.district_id = ws.district_id AND p.id = ws.plan_id
{_SAID}
WHERE t.district_id = %(district_id)s AND t.username = %(username)s
"""

CREDENTIAL_SQL = f"""
SELECT c.password, '', NULL::uuid, c.expires_at, c.revoked_at, c.member_id, ws.id, ws.id IS NOT NULL,
    ws.expires_at, {_MEMBER_COLUMNS}
FROM radius_credential c
JOIN member m ON m.district_id = c.district_id AND m.id = c.member_id
LEFT JOIN LATERAL (
    SELECT w.id, w.expires_at FROM wifi_session w
    WHERE w.district_id = %(district_id)s AND w.member_id = c.member_id AND w.alias = %(alias)s
        AND w.method = '802.1x' AND w.ended_at IS NULL AND (w.expires_at IS NULL OR w.expires_at > %(now)s)
    ORDER BY w.granted_at DESC LIMIT 1
) ws ON true
LEFT JOIN plan p ON p.district_id = c.district_id AND p.id = c.plan_id
{_SAID}
WHERE c.district_id = %(district_id)s AND c.username = %(username)s
"""

# A session that RADIUS itself began needs no other confirmation: its device was the member's before.
DEVICE_SQL = f"""
SELECT NULL, '', coalesce(%(gateway_id)s, ws.gateway_id), NULL::timestamptz, NULL::timestamptz, a.member_id, ws.id,
    coalesce(ws.is_live, false), ws.expires_at, {_MEMBER_COLUMNS}
FROM device_alias a
JOIN member m ON m.district_id = a.district_id AND m.id = a.member_id
LEFT JOIN LATERAL (
    SELECT w.id, w.gateway_id, w.plan_id, w.method, w.expires_at,
        w.ended_at IS NULL AND (w.expires_at IS NULL OR w.expires_at > %(now)s)
        AND (w.confirmed_at IS NOT NULL OR w.method IN ('mac', '802.1x')) AS is_live
    FROM wifi_session w
    WHERE w.district_id = %(district_id)s AND w.member_id = a.member_id AND w.alias = a.alias
    ORDER BY w.granted_at DESC LIMIT 1
) ws ON true
LEFT JOIN gateway g ON g.district_id = %(district_id)s AND g.id = coalesce(%(gateway_id)s, ws.gateway_id)
LEFT JOIN plan p ON p.district_id = %(district_id)s AND p.id = CASE WHEN ws.is_live THEN ws.plan_id ELSE g.plan_id END
{_SAID}
WHERE a.district_id = %(district_id)s AND a.alias = %(alias)s
    AND (ws.is_live OR (a.last_seen_at > %(remembered_after)s AND ws.method IS DISTINCT FROM 'voucher'))
"""

# What a member uses: other devices on line or just let in, and today's part of each session.
USAGE_SQL = """
SELECT
    (SELECT count(*) FROM (
        SELECT coalesce(s.wifi_session_id::text, s.unique_id) FROM radius_session s
        WHERE s.district_id = %(district_id)s AND s.member_id = %(member_id)s AND s.stopped_at IS NULL
            AND s.updated_at > %(machine_now)s - make_interval(secs => 2 * s.interim_s)
            AND s.alias IS DISTINCT FROM %(alias)s
        UNION
        SELECT t.wifi_session_id::text FROM radius_token t
        WHERE t.district_id = %(district_id)s AND t.expires_at > %(machine_now)s - interval '60 s'
            AND t.member_id = %(member_id)s AND t.mac <> %(mac)s
            AND t.used_at > %(machine_now)s - interval '60 s'
            AND NOT EXISTS (SELECT FROM radius_session s WHERE s.district_id = %(district_id)s
                            AND s.wifi_session_id = t.wifi_session_id)
        UNION
        SELECT encode(p.device, 'hex') FROM radius_place p
        WHERE p.district_id = %(district_id)s AND p.member_id = %(member_id)s
            AND p.taken_at > %(machine_now)s - interval '60 s' AND p.device IS DISTINCT FROM %(alias)s
            AND NOT EXISTS (SELECT FROM radius_session s WHERE s.district_id = %(district_id)s
                            AND s.member_id = p.member_id AND s.alias = p.device
                            AND (s.updated_at >= p.taken_at OR (s.stopped_at IS NULL
                                 AND s.updated_at > %(machine_now)s - make_interval(secs => 2 * s.interim_s))))
    ) elsewhere),
    coalesce(sum(today_s), 0)::bigint,
    coalesce(sum(CASE WHEN session_s > 0 THEN octets * today_s / session_s
                      WHEN started_at >= %(day_start)s THEN octets ELSE 0 END), 0)::bigint
FROM (
    SELECT s.session_s, s.started_at, (s.up_octets + s.down_octets)::float8 AS octets,
        least(s.session_s, greatest(0, extract(epoch FROM
            s.started_at + make_interval(secs => s.session_s) - %(day_start)s)::bigint)) AS today_s
    FROM radius_session s
    WHERE s.district_id = %(district_id)s AND s.member_id = %(member_id)s
        AND s.started_at > %(day_start)s::timestamptz - interval '7 days'
) of_today
"""

_SPEND = """
UPDATE radius_token t SET used_at = %(machine_now)s
WHERE t.district_id = %(district_id)s AND t.username = %(username)s AND t.used_at IS NULL
"""
_DEVICES = """
SELECT p.devices FROM wifi_session ws JOIN plan p ON p.district_id = ws.district_id AND p.id = ws.plan_id
WHERE ws.district_id = %(district_id)s AND ws.id = t.wifi_session_id AND p.devices IS NOT NULL
"""
SPEND_SQL = f"{_SPEND} AND NOT EXISTS ({_DEVICES}) RETURNING t.member_id"
"""Under a plan that limits no devices: one statement."""
SPEND_PLACE_SQL = f"{_SPEND} RETURNING t.member_id, ({_DEVICES})"
KEEP_PLACE_SQL = """
INSERT INTO radius_place (district_id, member_id, device, taken_at)
VALUES (%(district_id)s, %(member_id)s, %(device)s, %(machine_now)s)
ON CONFLICT (district_id, member_id, device) DO UPDATE SET taken_at = EXCLUDED.taken_at
"""
"""A device let in takes its place now; accounting tells of it within the minute."""
LOCK_MEMBER_SQL = "SELECT FROM member WHERE district_id = %(district_id)s AND id = %(member_id)s FOR UPDATE"

# The worker writes the session's beginning into the access log: this path waits for no chain.
OPEN_SESSION_SQL = """
WITH opened AS (
    INSERT INTO wifi_session
        (district_id, id, gateway_id, member_id, alias, access_point_mac, method, granted_at, device_mac, plan_id,
         expires_at)
    SELECT %(district_id)s, %(id)s, g.id, %(member_id)s, %(alias)s, %(access_point_mac)s, %(method)s, %(now)s, %(mac)s,
        %(plan_id)s, %(expires_at)s
    FROM gateway g WHERE g.district_id = %(district_id)s AND g.id = %(gateway_id)s
    RETURNING district_id, id, gateway_id, member_id, access_point_mac, method, granted_at, device_mac
), for_the_log AS (
    INSERT INTO access_session (district_id, session, member_id, method, mac, nas, access_point_mac, at)
    SELECT o.district_id, o.id, o.member_id, o.method, o.device_mac, g.slug, o.access_point_mac, o.granted_at
    FROM opened o JOIN gateway g ON g.district_id = %(district_id)s AND g.id = o.gateway_id
)
SELECT id FROM opened
"""

# Whom sessions belong to: by our mark, their one-time name, their credential, or their device. Late packets of somebody
# whose membership was closed are nobody's.
OWNERS_SQL = """
SELECT 'session', '', NULL::bytea, w.id, m.id FROM wifi_session w
LEFT JOIN member m ON m.district_id = w.district_id AND m.id = w.member_id AND m.state <> 'erased'
WHERE w.district_id = %(district_id)s AND w.id = ANY(%(session_ids)s)
UNION ALL
SELECT 'member', '', NULL::bytea, NULL::uuid, m.id FROM member m
WHERE m.district_id = %(district_id)s AND m.id = ANY(%(member_ids)s) AND m.state <> 'erased'
UNION ALL
SELECT 'name', t.username, NULL::bytea, t.wifi_session_id, t.member_id FROM radius_token t
WHERE t.district_id = %(district_id)s AND t.username = ANY(%(usernames)s)
UNION ALL
SELECT 'name', c.username, NULL::bytea, NULL::uuid, c.member_id FROM radius_credential c
WHERE c.district_id = %(district_id)s AND c.username = ANY(%(usernames)s)
UNION ALL
SELECT 'device', '', a.alias, ws.id, a.member_id FROM device_alias a
LEFT JOIN LATERAL (
    SELECT w.id FROM wifi_session w
    WHERE w.district_id = %(district_id)s AND w.alias = a.alias AND w.member_id = a.member_id AND w.ended_at IS NULL
    ORDER BY w.granted_at DESC LIMIT 1
) ws ON true
WHERE a.district_id = %(district_id)s AND a.alias = ANY(%(aliases)s)
"""

# Of two tellings the one of the later session time holds, whichever came first; what a NAS stopped stays stopped, and
# only a session that we gave up for silence comes back when it is heard of at a later time.
RECORD_SQL = """
INSERT INTO radius_session AS s
    (district_id, unique_id, session_id, username, nas_address, nas_identifier, gateway_id, wifi_session_id, member_id,
     alias, calling_station, access_point_mac, ssid, framed_address, started_at, updated_at, stopped_at, session_s,
     up_octets, down_octets, view, interim_s, terminate_cause)
SELECT %(district_id)s, unique_id, session_id, username, nas_address, nas_identifier, gateway_id, wifi_session_id,
    member_id, decode(alias, 'hex'), CASE WHEN stopped_at IS NULL THEN calling_station ELSE '' END, access_point_mac,
    ssid, framed_address, started_at, updated_at, stopped_at, session_s, up_octets, down_octets, view, interim_s,
    terminate_cause
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (
    unique_id text, session_id text, username text, nas_address text, nas_identifier text, gateway_id uuid,
    wifi_session_id uuid, member_id uuid, alias text, calling_station text, access_point_mac text, ssid text,
    framed_address text, started_at timestamptz, updated_at timestamptz, stopped_at timestamptz, session_s bigint,
    up_octets bigint, down_octets bigint, view smallint, interim_s integer, terminate_cause text)
ORDER BY unique_id
ON CONFLICT (district_id, unique_id) DO UPDATE SET
    session_id = coalesce(nullif(s.session_id, ''), EXCLUDED.session_id),
    username = coalesce(nullif(s.username, ''), EXCLUDED.username),
    gateway_id = coalesce(s.gateway_id, EXCLUDED.gateway_id),
    wifi_session_id = coalesce(s.wifi_session_id, EXCLUDED.wifi_session_id),
    member_id = coalesce(s.member_id, EXCLUDED.member_id),
    alias = coalesce(s.alias, EXCLUDED.alias),
    started_at = least(s.started_at, EXCLUDED.started_at),
    updated_at = greatest(s.updated_at, EXCLUDED.updated_at),
    stopped_at = CASE WHEN s.terminate_cause = %(lost)s AND EXCLUDED.terminate_cause <> %(lost)s
                           AND (EXCLUDED.stopped_at IS NOT NULL OR EXCLUDED.session_s > s.session_s)
                      THEN EXCLUDED.stopped_at ELSE coalesce(s.stopped_at, EXCLUDED.stopped_at) END,
    terminate_cause = CASE WHEN s.stopped_at IS NULL OR (s.terminate_cause = %(lost)s
                           AND (EXCLUDED.stopped_at IS NOT NULL OR EXCLUDED.session_s > s.session_s))
                      THEN EXCLUDED.terminate_cause ELSE s.terminate_cause END,
    calling_station = CASE WHEN EXCLUDED.stopped_at IS NOT NULL OR (s.stopped_at IS NOT NULL AND NOT (
                           s.terminate_cause = %(lost)s AND EXCLUDED.session_s > s.session_s)) THEN ''
                      ELSE coalesce(nullif(EXCLUDED.calling_station, ''), s.calling_station) END,
    access_point_mac = CASE WHEN EXCLUDED.access_point_mac <> '' AND (s.access_point_mac = ''
                            OR EXCLUDED.session_s >= s.session_s) THEN EXCLUDED.access_point_mac ELSE s.access_point_mac END,
    ssid = coalesce(nullif(s.ssid, ''), EXCLUDED.ssid),
    framed_address = CASE WHEN EXCLUDED.framed_address <> '' AND (s.framed_address = ''
                          OR EXCLUDED.session_s >= s.session_s) THEN EXCLUDED.framed_address ELSE s.framed_address END,
    up_octets = CASE WHEN EXCLUDED.session_s > s.session_s THEN EXCLUDED.up_octets
                     WHEN EXCLUDED.session_s < s.session_s THEN s.up_octets
                     ELSE greatest(s.up_octets, EXCLUDED.up_octets) END,
    down_octets = CASE WHEN EXCLUDED.session_s > s.session_s THEN EXCLUDED.down_octets
                       WHEN EXCLUDED.session_s < s.session_s THEN s.down_octets
                       ELSE greatest(s.down_octets, EXCLUDED.down_octets) END,
    session_s = greatest(s.session_s, EXCLUDED.session_s),
    view = greatest(s.view, EXCLUDED.view)
RETURNING unique_id, wifi_session_id, stopped_at, terminate_cause
"""

CLOSE_NAS_SQL = """
UPDATE radius_session SET stopped_at = %(at)s, terminate_cause = %(cause)s, calling_station = ''
WHERE district_id = %(district_id)s AND nas_address = %(nas_address)s AND nas_identifier = %(nas_identifier)s
    AND stopped_at IS NULL AND started_at < %(at)s
RETURNING unique_id, wifi_session_id, stopped_at, terminate_cause
"""

CLOSE_LOST_SQL = """
UPDATE radius_session
SET stopped_at = started_at + make_interval(secs => session_s), terminate_cause = %(lost)s, calling_station = ''
WHERE (district_id, unique_id) IN (
    SELECT district_id, unique_id FROM radius_session
    WHERE district_id = %(district_id)s AND stopped_at IS NULL
        AND updated_at < %(machine_now)s - make_interval(secs => 2 * interim_s)
    ORDER BY updated_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING unique_id, wifi_session_id, stopped_at, terminate_cause
"""

FORGET_TOKENS_SQL = """
DELETE FROM radius_token WHERE district_id = %(district_id)s AND expires_at < %(before)s
"""

FORGET_PLACES_SQL = """
DELETE FROM radius_place WHERE district_id = %(district_id)s AND taken_at < %(before)s
"""

# A NAS whose clock is right again goes on counting from there; the newest word holds.
NOTE_CLOCK_SQL = """
INSERT INTO nas_clock AS c (district_id, nas, ahead_s, packets, heard_at)
VALUES (%(district_id)s, %(nas)s, %(ahead_s)s, %(packets)s, %(heard_at)s)
ON CONFLICT (district_id, nas) DO UPDATE SET
    ahead_s = CASE WHEN EXCLUDED.heard_at >= c.heard_at THEN EXCLUDED.ahead_s ELSE c.ahead_s END,
    packets = c.packets + EXCLUDED.packets, heard_at = greatest(c.heard_at, EXCLUDED.heard_at)
"""

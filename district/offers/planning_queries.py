"""SQL of the set-based planner: members by campaigns, each pair with the first reason that refuses it.

The rules are those of push.decision.decide; a test holds the two to one answer. What only decide() can say (opening
hours, scores, competition) is asked of the pairs that nothing here refuses.
"""

from district.channels.queries import HAS_LEAVE_SQL
from push.consent import Channel

# push.holdout.bucket: the first eight bytes of a SHA-256, as an unsigned number, by 10,000: byte by byte, for no
# integer here is unsigned.
_BUCKET = " + ".join(f"get_byte(hash, {place}) * {256 ** (7 - place) % 10_000}" for place in range(8))
BUCKET = f"(({_BUCKET}) %% 10000)"

# The members of a batch, in the order of their ids, each with the zone that he named.
BATCH_SQL = """
SELECT id, zone FROM member
WHERE district_id = %(district_id)s AND state = 'active' AND (%(after)s::uuid IS NULL OR id > %(after)s)
  AND (%(members)s::uuid[] IS NULL OR id = ANY(%(members)s::uuid[]))
ORDER BY id LIMIT %(limit)s
"""

ZONES_SQL = """
SELECT DISTINCT zone FROM member
WHERE district_id = %(district_id)s AND state = 'active' AND zone IS NOT NULL LIMIT 600
"""


def _newest(purpose: str, channel: Channel | None = None) -> str:
    """The newest word on a purpose, for this channel or for all: of two at one moment the withdrawal holds."""
    channels = "channel = ''" if channel is None else f"channel IN ('', '{channel.value}')"
    chosen = f"purpose = '{purpose}' AND {channels}"
    return f"coalesce((array_agg(granted ORDER BY at DESC, granted) FILTER (WHERE {chosen}))[1], false)"


_MARKETING = ", ".join(f"{_newest('marketing', one)} AS by_{one.value}" for one in Channel)
_ANY_CHANNEL = " OR ".join(
    f"by_{one.value}" + (" AND to_others" if one is Channel.WEBHOOK else "") for one in Channel
)

# Each channel has a bit (planning_channels), 0 when it is not used here: what a member agreed to, where he has an
# address, and what no cap takes away are then one number each.
_AGREED_BITS = " | ".join(
    f"CASE WHEN by_{one.value} THEN %(bit_{one.value})s::int ELSE 0 END"
    for one in Channel
    if one is not Channel.WEBHOOK
)


def _contact(channel: Channel, column: str) -> str:
    """The bit of a number or e-mail address that exists: addresses.count() says the same of one member."""
    bit = f"%(bit_{channel.value})s::int"
    return (
        f"CASE WHEN {bit} > 0 AND {column} IS NOT NULL AND sha256(convert_to({column}, 'UTF8')) NOT IN "
        f"(SELECT address_hash FROM dead WHERE channel = '{channel.value}') THEN {bit} ELSE 0 END"
    )


# {audiences} gives the pairs (campaign, id) of the campaigns that are not for everyone. told: by what a member would
# be told first, the inbox besides; only of who passes.
CHECK_SQL = f"""
WITH dead AS MATERIALIZED (
    SELECT channel, address_hash FROM member_endpoint
    WHERE district_id = %(district_id)s AND state = 'gone' AND channel IN ('sms', 'email')
      AND channel = ANY(%(ringing)s::text[])
), batch AS MATERIALIZED (
    SELECT id, bucket, is_personalised, CASE WHEN zone = ANY(%(zones)s::text[]) THEN zone ELSE '' END AS zone,
           1 | {_contact(Channel.SMS, "phone")} | {_contact(Channel.EMAIL, "email")} AS contacts
    FROM member
    WHERE district_id = %(district_id)s AND state = 'active'
      AND (%(among)s::uuid[] IS NULL OR id = ANY(%(among)s::uuid[]))
), said AS (
    SELECT DISTINCT ON (consent.member_id, purpose, channel) consent.member_id, purpose, channel, granted, at
    FROM batch JOIN consent ON consent.district_id = %(district_id)s AND consent.member_id = batch.id
    WHERE purpose IN ('marketing', 'location', 'third_party')
    ORDER BY consent.member_id, purpose, channel, consent.id DESC
), agreed AS (
    SELECT member_id, {_MARKETING}, {_newest("location")} AS to_location, {_newest("third_party")} AS to_others
    FROM said GROUP BY member_id
), endpoint AS MATERIALIZED (
    SELECT endpoint.member_id, bit_or(used.bit) AS bits
    FROM unnest(%(ringing)s::text[], %(bits)s::int[]) AS used (name, bit)
    JOIN member_endpoint AS endpoint ON endpoint.district_id = %(district_id)s AND endpoint.channel = used.name
                                    AND endpoint.state <> 'gone'
    WHERE used.name NOT IN ('sms', 'email') AND {HAS_LEAVE_SQL}
      AND (%(among)s::uuid[] IS NULL OR endpoint.member_id = ANY(%(among)s::uuid[]))
    GROUP BY endpoint.member_id
), person AS MATERIALIZED (
    SELECT batch.id, batch.bucket, batch.is_personalised, batch.zone, convert_to(batch.id::text, 'UTF8') AS name, coalesce(to_location, false) AS may_be_located,
           coalesce({_ANY_CHANNEL}, false) AS agrees,
           ({_AGREED_BITS}) & (batch.contacts | coalesce(endpoint.bits, 0)) AS reach
    FROM batch
    LEFT JOIN agreed ON agreed.member_id = batch.id
    LEFT JOIN endpoint ON endpoint.member_id = batch.id
), cap AS MATERIALIZED (
    SELECT * FROM unnest(%(cap_campaigns)s::int[], %(cap_zones)s::text[], %(cap_scopes)s::text[],
                         %(cap_slots)s::int[], %(cap_reusable)s::timestamptz[], %(cap_bits)s::int[])
        AS one (campaign, zone, scope, slots, reusable, bits)
), capped AS MATERIALIZED (
    SELECT member_id, campaign, bit_or(bits) AS bits FROM (
        SELECT taken.member_id, cap.campaign, cap.bits
        FROM person
        JOIN cap_slot AS taken ON taken.district_id = %(district_id)s AND taken.member_id = person.id
        JOIN cap ON cap.scope = taken.scope AND cap.zone = person.zone
        WHERE taken.taken_at > cap.reusable
        GROUP BY taken.member_id, cap.campaign, cap.scope, cap.slots, cap.bits
        HAVING count(*) >= cap.slots
    ) AS full_scope GROUP BY member_id, campaign
), visited AS MATERIALIZED (
    SELECT DISTINCT visit.member_id, wanted.campaign
    FROM unnest(%(visited_campaigns)s::int[], %(visited_stores)s::uuid[], %(visited_since)s::timestamptz[])
        AS wanted (campaign, store_id, since)
    JOIN visit ON visit.district_id = %(district_id)s AND visit.place_kind = 'store'
              AND visit.place_id = wanted.store_id AND visit.started_at >= wanted.since
              AND visit.ended_at < %(visited_before)s
    JOIN person ON person.id = visit.member_id AND person.is_personalised AND person.may_be_located
), audience AS MATERIALIZED (
    {{audiences}}
), campaign AS MATERIALIZED (
    SELECT campaign, held, convert_to(salt, 'UTF8') AS salt, control, is_for_everyone, by_location, to_visit, merchant_id
    FROM unnest(%(campaigns)s::int[], %(held)s::int[], %(salts)s::text[], %(controls)s::int[],
                %(everyone)s::boolean[], %(by_location)s::boolean[], %(to_visit)s::boolean[], %(merchants)s::uuid[])
        AS one (campaign, held, salt, control, is_for_everyone, by_location, to_visit, merchant_id)
), judged AS (
    SELECT person.id AS member_id, campaign.campaign, campaign.held,
           NOT campaign.to_visit OR visited.member_id IS NOT NULL AS is_in_place,
           campaign.is_for_everyone OR audience.id IS NOT NULL AS belongs,
           mute.member_id IS NOT NULL AS is_muted,
           person.bucket < campaign.control AS is_control,
           CASE WHEN campaign.held > 0 AND (campaign.is_for_everyone OR audience.id IS NOT NULL)
                THEN sha256(campaign.salt || person.name) END AS hash,
           CASE WHEN capped.bits IS NULL THEN person.reach ELSE person.reach & (~capped.bits) END AS free,
           CASE WHEN NOT person.agrees OR (campaign.by_location AND NOT person.may_be_located) THEN 'no_consent'
                WHEN person.reach = 0 THEN 'no_endpoint'
                WHEN (person.reach & (~capped.bits)) = 0 THEN 'freq_cap' END AS refused
    FROM person CROSS JOIN campaign
    LEFT JOIN capped ON capped.member_id = person.id AND capped.campaign = campaign.campaign
    LEFT JOIN visited ON visited.member_id = person.id AND visited.campaign = campaign.campaign
    LEFT JOIN audience ON audience.id = person.id AND audience.campaign = campaign.campaign
    LEFT JOIN member_mute AS mute ON mute.district_id = %(district_id)s AND mute.member_id = person.id
                                 AND mute.merchant_id = campaign.merchant_id
    OFFSET 0  -- so that each hash is made once
), outcome AS (
    SELECT member_id, campaign,
           CASE WHEN NOT is_in_place THEN 'out_of_fence'
                WHEN NOT belongs THEN 'not_in_audience'
                WHEN is_muted THEN 'muted'
                WHEN is_control OR (hash IS NOT NULL AND {BUCKET} < held) THEN 'holdout' ELSE refused END AS reason,
           is_in_place AND belongs AND NOT is_muted AND refused IS NULL AS passes,
           CASE WHEN is_in_place AND belongs AND NOT is_muted AND refused IS NULL
                THEN (free & 1) | ((free & -2) & -(free & -2)) ELSE 0 END AS told
    FROM judged
)
SELECT campaign, coalesce(reason, ''), passes, told, count(*),
       array_agg(member_id ORDER BY member_id)
           FILTER (WHERE %(names)s = 'all' OR (passes AND %(names)s = 'passing'))
FROM outcome GROUP BY campaign, reason, passes, told
"""

NOBODY_SQL = "SELECT NULL::int AS campaign, NULL::uuid AS id WHERE false"

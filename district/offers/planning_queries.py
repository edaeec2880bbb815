"""SQL of the set-based planner: members by campaigns, each pair with the first reason that refuses it.

The rules are those of push.decision.decide; a test holds the two to one answer. What only decide() can say (opening
hours, scores, competition) is asked of the pairs that nothing here refuses.
"""

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

# {audiences} gives the pairs (campaign, id) of the campaigns that are not for everyone.
CHECK_SQL = f"""
WITH batch AS MATERIALIZED (
    SELECT id, bucket, is_personalised, CASE WHEN zone = ANY(%(zones)s::text[]) THEN zone ELSE '' END AS zone
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
), person AS MATERIALIZED (
    SELECT batch.id, batch.bucket, batch.is_personalised, batch.zone, convert_to(batch.id::text, 'UTF8') AS name, coalesce(to_location, false) AS may_be_located,
           coalesce({_ANY_CHANNEL}, false) AS agrees, coalesce(by_inbox, false) AS is_reached
    FROM batch LEFT JOIN agreed ON agreed.member_id = batch.id
), cap AS MATERIALIZED (
    SELECT * FROM unnest(%(cap_campaigns)s::int[], %(cap_zones)s::text[], %(cap_scopes)s::text[],
                         %(cap_slots)s::int[], %(cap_reusable)s::timestamptz[])
        AS one (campaign, zone, scope, slots, reusable)
), capped AS MATERIALIZED (
    SELECT DISTINCT member_id, campaign FROM (
        SELECT taken.member_id, cap.campaign
        FROM person
        JOIN cap_slot AS taken ON taken.district_id = %(district_id)s AND taken.member_id = person.id
        JOIN cap ON cap.scope = taken.scope AND cap.zone = person.zone
        WHERE taken.taken_at > cap.reusable
        GROUP BY taken.member_id, cap.campaign, cap.scope, cap.slots
        HAVING count(*) >= cap.slots
    ) AS full_scope
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
           CASE WHEN NOT person.agrees OR (campaign.by_location AND NOT person.may_be_located) THEN 'no_consent'
                WHEN NOT person.is_reached THEN 'no_endpoint'
                WHEN capped.member_id IS NOT NULL THEN 'freq_cap' END AS refused
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
           is_in_place AND belongs AND NOT is_muted AND refused IS NULL AS passes
    FROM judged
)
SELECT campaign, coalesce(reason, ''), passes, count(*),
       array_agg(member_id ORDER BY member_id)
           FILTER (WHERE %(names)s = 'all' OR (passes AND %(names)s = 'passing'))
FROM outcome GROUP BY campaign, reason, passes
"""

NOBODY_SQL = "SELECT NULL::int AS campaign, NULL::uuid AS id WHERE false"

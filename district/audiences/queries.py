"""SQL of what is known of members: each kind of fact with one statement, for a few members at a time."""

from typing import Final

MEMBERS_SQL: Final = """
SELECT id, language, zone, quiet_from, quiet_until, bucket, state, is_personalised,
       phone IS NOT NULL, email IS NOT NULL
FROM member
WHERE district_id = %(district_id)s AND id = ANY(%(members)s::uuid[])
"""

MUTES_SQL: Final = """
SELECT member_id, merchant_id FROM member_mute
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
"""

SLOTS_SQL: Final = """
SELECT member_id, scope, taken_at FROM cap_slot
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
"""

STAYS_SQL: Final = """
SELECT visit.member_id, store.id, store.merchant_id, store.property_id,
       coalesce(store.category, imported.category, ''), count(*), max(visit.started_at),
       coalesce(array_agg(visit.started_at ORDER BY visit.started_at, visit.id)
                FILTER (WHERE visit.started_at >= %(since)s), '{}'),
       coalesce(array_agg(visit.ended_at ORDER BY visit.started_at, visit.id)
                FILTER (WHERE visit.started_at >= %(since)s), '{}')
FROM visit
LEFT JOIN store ON store.district_id = visit.district_id AND store.id = visit.place_id
               AND visit.place_kind = 'store'
LEFT JOIN imported_place AS imported
       ON imported.district_id = store.district_id AND imported.ref = store.ref
WHERE visit.district_id = %(district_id)s AND visit.member_id = ANY(%(members)s::uuid[])
  AND visit.ended_at < %(before)s AND (visit.place_kind = 'district' AND visit.place_id IS NULL OR store.id IS NOT NULL)
GROUP BY visit.member_id, visit.place_kind, store.id, store.merchant_id, store.property_id,
         coalesce(store.category, imported.category, '')
"""

REDEMPTIONS_SQL: Final = """
SELECT offer.member_id, store.id, store.merchant_id, store.property_id, max(redemption.redeemed_at)
FROM offer
JOIN redemption ON redemption.district_id = offer.district_id AND redemption.offer_id = offer.id
               AND redemption.reversed_at IS NULL
JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
WHERE offer.district_id = %(district_id)s AND offer.member_id = ANY(%(members)s::uuid[])
GROUP BY offer.member_id, store.id, store.merchant_id, store.property_id
"""

EVENTS_SQL: Final = """
SELECT event.member_id, event.kind, event.at, store.id, store.merchant_id, store.property_id
FROM member_event AS event
LEFT JOIN store ON store.district_id = event.district_id AND store.id = event.store_id
WHERE event.district_id = %(district_id)s AND event.member_id = ANY(%(members)s::uuid[])
  AND event.at >= %(events_since)s
"""

FOLLOWS_SQL: Final = """
SELECT follow.member_id, store.id, store.merchant_id, store.property_id
FROM follow JOIN store ON store.district_id = follow.district_id AND store.id = follow.store_id
WHERE follow.district_id = %(district_id)s AND follow.member_id = ANY(%(members)s::uuid[])
"""

# HMAC-SHA256 (RFC 2104) of a contact, its two padded keys given: PostgreSQL itself only has the hash.
CONTACT_HASH_SQL: Final = "substring(sha256(%(list_outer)s::bytea || sha256(%(list_inner)s::bytea || convert_to({}, 'UTF8'))) for 16)"

# Each way of owning is a range of the unique index on (district, merchant, property, name).
_OWNED = """({0}.merchant_id = wanted.owner_id
             OR ({0}.merchant_id IS NULL AND {0}.property_id = wanted.owner_id)
             OR (wanted.owner_id IS NULL AND {0}.merchant_id IS NULL AND {0}.property_id IS NULL))
            AND {0}.district_id = %(district_id)s AND {0}.name = wanted.name"""

# A list to which nothing was uploaded and a static segment that was never frozen are no sets yet.
LABELS_SQL: Final = f"""
WITH wanted AS (
    SELECT * FROM unnest(%(label_owners)s::uuid[], %(label_kinds)s::text[], %(label_names)s::text[])
        AS one (owner_id, kind, name)
), known AS (
    SELECT wanted.*, tag.id FROM wanted JOIN tag ON {_OWNED.format("tag")} WHERE wanted.kind = 'tag'
    UNION ALL
    SELECT wanted.*, list.id FROM wanted JOIN contact_list AS list ON {_OWNED.format("list")}
    WHERE wanted.kind = 'list' AND list.uploaded_at IS NOT NULL
    UNION ALL
    SELECT wanted.*, segment.id FROM wanted JOIN segment ON {_OWNED.format("segment")}
    WHERE wanted.kind = 'segment' AND segment.kind = 'static' AND segment.frozen_at IS NOT NULL
), hashed AS MATERIALIZED (
    SELECT id AS member_id, {CONTACT_HASH_SQL.format("phone")} AS contact_hash FROM member
    WHERE district_id = %(district_id)s AND id = ANY(%(members)s::uuid[]) AND phone IS NOT NULL
    UNION ALL
    SELECT id, {CONTACT_HASH_SQL.format("email")} FROM member
    WHERE district_id = %(district_id)s AND id = ANY(%(members)s::uuid[]) AND email IS NOT NULL
), has AS (
    SELECT tag_id AS id, member_id FROM member_tag
    WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
    UNION ALL
    SELECT segment_id, member_id FROM segment_member
    WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
    UNION ALL
    SELECT entry.list_id, hashed.member_id FROM hashed
    JOIN contact_list_entry AS entry
      ON entry.district_id = %(district_id)s AND entry.contact_hash = hashed.contact_hash
)
SELECT known.owner_id, known.kind, known.name,
       coalesce(array_agg(has.member_id) FILTER (WHERE has.member_id IS NOT NULL), '{{}}')
FROM known LEFT JOIN has ON has.id = known.id
GROUP BY known.owner_id, known.kind, known.name
"""

PROPERTIES_SQL: Final = """
SELECT id, property_id FROM store
WHERE district_id = %(district_id)s AND id = ANY(%(stores)s::uuid[]) AND property_id IS NOT NULL
"""

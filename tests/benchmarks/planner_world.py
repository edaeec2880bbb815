"""A district for the planner: members with their consents, histories and taken slots, and campaigns that compete for
them, all drawn from one seed."""

import uuid
from typing import Any, Final, LiteralString

import psycopg
from psycopg.types.json import Jsonb

CAMPAIGNS: Final = 20
_WHO: Final[tuple[Any, ...]] = (
    "everyone",
    "everyone",
    "returning",
    {"all": [{"attr": "visits", "op": ">=", "value": 2, "window_d": 90}]},
)

_MEMBERS: Final[LiteralString] = """
INSERT INTO member (district_id, id, language, bucket, joined_at, zone)
SELECT %(district_id)s, md5('member ' || n)::uuid, CASE n %% 3 WHEN 0 THEN 'en' ELSE 'zh' END,
       (n * 7919) %% 10000, %(now)s - interval '100 days', CASE n %% 50 WHEN 0 THEN 'Asia/Tokyo' END
FROM generate_series(1, %(members)s) AS n
"""

# Seven of ten agree to marketing, nine of ten of these to location; some take it back.
_CONSENTS: Final[LiteralString] = """
INSERT INTO consent (district_id, id, member_id, purpose, channel, granted, action, at)
SELECT %(district_id)s, md5('consent ' || n || purpose || said)::uuid, md5('member ' || n)::uuid, purpose, '',
       said = 1 AND (n * 31 + number) %% 10 < 9, 'box', %(now)s - interval '90 days' * said
FROM generate_series(1, %(members)s) AS n,
     (VALUES (1, 'marketing'), (2, 'location')) AS asked (number, purpose),
     generate_series(1, 2) AS said
WHERE n %% 10 < 7 AND (said = 1 OR n %% 7 = 0)
"""

# Two channels ring besides: six of ten have a number, three of ten a browser; some of either are gone.
_PROVIDERS: Final[LiteralString] = """
INSERT INTO channel_provider (district_id, id, slug, channel, kind, name, options, sealed, cost_micro, created_at, changed_at)
SELECT %(district_id)s, md5(channel)::uuid, channel, channel, 'none', channel, '{}', '', price, %(now)s, %(now)s
FROM (VALUES ('sms', 45000), ('web_push', 0)) AS one (channel, price)
"""

_NUMBERS: Final[LiteralString] = """
UPDATE member SET phone = '+35840' || lpad((abs(hashtext(id::text)) %% 100000000)::text, 8, '0') || bucket
WHERE district_id = %(district_id)s AND bucket %% 10 < 6
"""

_ENDPOINTS: Final[LiteralString] = """
INSERT INTO member_endpoint (district_id, id, member_id, channel, address, address_hash, state, created_at, seen_at)
SELECT %(district_id)s, md5('endpoint ' || n)::uuid, md5('member ' || n)::uuid, 'web_push', 'https://push.example/' || n,
       sha256(convert_to('https://push.example/' || n, 'UTF8')), CASE n %% 50 WHEN 0 THEN 'gone' ELSE 'active' END,
       %(now)s, %(now)s
FROM generate_series(1, %(members)s) AS n WHERE n %% 10 < 3
UNION ALL
SELECT district_id, md5('gone ' || id)::uuid, id, 'sms', phone, sha256(convert_to(phone, 'UTF8')), 'gone', %(now)s, %(now)s
FROM member WHERE district_id = %(district_id)s AND phone IS NOT NULL AND bucket %% 100 = 3
"""

_VISITS: Final[LiteralString] = """
INSERT INTO visit (district_id, trading_day, id, place_kind, place_id, member_id, started_at, ended_at, fixes)
SELECT %(district_id)s, (at AT TIME ZONE 'UTC')::date, md5('visit ' || n || k)::uuid, 'store', store.id,
       md5('member ' || n)::uuid, at, at + interval '20 minutes', 20
FROM generate_series(1, %(members)s) AS n
CROSS JOIN generate_series(1, 2) AS k
CROSS JOIN LATERAL (SELECT %(now)s - make_interval(hours => (n * 13 + k * 971) %% 2400 + 1) AS at) AS moment
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM store WHERE district_id = %(district_id)s) AS store
  ON store.place = (n * 17 + k) %% %(stores)s + 1
WHERE n %% 4 <> 0
"""

_SLOTS: Final[LiteralString] = """
INSERT INTO cap_slot (district_id, member_id, scope, slot, taken_at, offer_id)
SELECT DISTINCT ON (n, scope, slot) %(district_id)s, md5('member ' || n)::uuid, scope, slot,
       %(now)s - make_interval(hours => (n * 29 + slot) %% 30), md5('offer ' || n)::uuid
FROM generate_series(1, %(members)s) AS n
CROSS JOIN generate_series(0, 1) AS slot
CROSS JOIN LATERAL (VALUES ('global:day'), ('campaign:' || (%(campaigns)s::uuid[])[n %% 20 + 1] || ':day')) AS s (scope)
WHERE n %% 3 = 0
"""


def build(dsn: str, *, members: int, now: Any) -> uuid.UUID:
    """Write the world into an empty, migrated database; the district."""
    district_id = uuid.UUID(int=0x51)
    campaigns = [uuid.uuid5(district_id, f"campaign {number}") for number in range(CAMPAIGNS)]
    values: dict[str, Any] = {
        "district_id": district_id,
        "now": now,
        "members": members,
        "stores": CAMPAIGNS,
        "campaigns": campaigns,
    }
    with psycopg.connect(dsn) as connection:
        _ground(connection, values)
        for statement in (_MEMBERS, _CONSENTS, _VISITS, _SLOTS, _PROVIDERS, _NUMBERS, _ENDPOINTS):
            connection.execute(statement, values)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return district_id


def _ground(connection: psycopg.Connection, values: dict[str, Any]) -> None:
    """The district, a store for each campaign, and the campaigns: one slot a day each, two in all."""
    connection.execute(
        """INSERT INTO district (id, slug, name, center, zone, currency, alias_key, created_at)
           VALUES (%(district_id)s, 'bench', 'Bench', ST_SetSRID(ST_MakePoint(24.94, 60.17), 4326),
                   'Europe/Helsinki', 'EUR', sha256('bench'), %(now)s)""",
        values,
    )
    for number, campaign_id in enumerate(values["campaigns"]):
        merchant_id, store_id = uuid.uuid5(campaign_id, "merchant"), uuid.uuid5(campaign_id, "store")
        rule = {
            "v": 1,
            "trigger": {"any": [{"on": "schedule", "rrule": "DTSTART:20260101T120000\nRRULE:FREQ=DAILY"}]},
            "who": _WHO[number % len(_WHO)],
            "cap": {"campaign": {"n": 1, "per": "day"}},
            "holdout": {"pct": 10},
        }
        offer = {
            "kind": "coupon",
            "value": {"type": "percent", "percent": 20},
            "title": {"en": "20 % off"},
            "text": {"en": "Today"},
        }
        row = values | {
            "campaign_id": campaign_id,
            "merchant_id": merchant_id,
            "store_id": store_id,
            "rule": Jsonb(rule),
            "offer": Jsonb(offer),
        }
        for statement in (
            """INSERT INTO merchant (district_id, id, name, created_at)
               VALUES (%(district_id)s, %(merchant_id)s, 'M', %(now)s)""",
            """INSERT INTO store (district_id, id, ref, name, merchant_id, created_at)
               VALUES (%(district_id)s, %(store_id)s, %(store_id)s::text, 'S', %(merchant_id)s, %(now)s)""",
            """INSERT INTO campaign (district_id, id, merchant_id, name, state, rule, offer, fence, created_at, changed_at)
               VALUES (%(district_id)s, %(campaign_id)s, %(merchant_id)s, 'C', 'live', %(rule)s, %(offer)s,
                       ST_GeomFromText('MULTIPOLYGON(((0 0,0 1,1 1,0 0)))', 4326), %(now)s, %(now)s)""",
            """INSERT INTO campaign_stock (district_id, campaign_id) VALUES (%(district_id)s, %(campaign_id)s)""",
            """INSERT INTO campaign_store (district_id, campaign_id, store_id)
               VALUES (%(district_id)s, %(campaign_id)s, %(store_id)s)""",
        ):
            connection.execute(statement, row)

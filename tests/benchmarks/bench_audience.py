"""The reach of an audience of five terms over a whole district: one statement against asking member by member.

    python -m tests.benchmarks.bench_audience DSN [--members 200000]

Both must find the same members. The plan of the statement is printed, and reads visits by an index.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences.compile import Compiled, compile_sql
from district.audiences.contexts import load
from district.districts.queries import ALL_DISTRICTS_SQL
from district.districts.service import DistrictInfo, of_row
from push.audience import Audience, matches
from push.audience_asked import asked
from push.audience_document import parse_who
from push.audience_facts import Owner
from push.identifiers import MerchantId, StoreId
from push.problems import Report
from tests.benchmarks import planner_world
from tests.benchmarks.measures import Figure, verdict

MEMBERS: Final = 200_000
NOW: Final = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
SAMPLE: Final = 10_000
AT_ONCE: Final = 500
ROUNDS: Final = 5
GOAL_RATIO: Final = 20.0
GOAL_S: Final = 5.0
WHO: Final[dict[str, Any]] = {
    "all": [
        {"attr": "visits", "op": ">=", "value": 1, "window_d": 90},
        {"attr": "last_redeem_days", "op": ">", "value": 14},
        {"attr": "language", "value": "zh"},
        {"not": {"attr": "tag", "value": "staff"}},
        {
            "any": [
                {"attr": "follows", "value": "merchant"},
                {"attr": "category_interest", "value": "cafe", "window_d": 60},
            ]
        },
    ]
}
_MORE_VISITS: Final[LiteralString] = """
INSERT INTO visit (district_id, trading_day, id, place_kind, place_id, member_id, started_at, ended_at, fixes)
SELECT %(district_id)s, (at AT TIME ZONE 'UTC')::date, md5('more ' || n || k)::uuid, 'district', NULL,
       md5('member ' || n)::uuid, at, at + interval '90 minutes', 90
FROM generate_series(1, %(members)s) AS n
CROSS JOIN generate_series(1, 5) AS k
CROSS JOIN LATERAL (SELECT %(now)s - make_interval(hours => (n * 7 + k * 577) %% 4000 + 1) AS at) AS moment
"""
_CATEGORIES: Final[LiteralString] = """
UPDATE store SET category = CASE WHEN id::text < '8' THEN 'cafe' ELSE 'clothes' END
WHERE district_id = %(district_id)s
"""
_CHAIN: Final[LiteralString] = """
UPDATE store SET merchant_id = %(merchant_id)s
WHERE district_id = %(district_id)s
  AND id IN (SELECT id FROM store WHERE district_id = %(district_id)s ORDER BY id LIMIT 6)
"""
_REDEEMED: Final[LiteralString] = """
WITH made AS (
    INSERT INTO offer (district_id, id, campaign_id, member_id, occurrence_key, code, kind, value, title, text, why,
                       valid_from, valid_until, issued_at)
    SELECT %(district_id)s, md5('offer ' || n)::uuid,
           (SELECT id FROM campaign WHERE district_id = %(district_id)s ORDER BY id LIMIT 1), md5('member ' || n)::uuid,
           'o' || n, 'c' || n, 'coupon', '{}', '{}', '{}', '{}', %(now)s, %(now)s, %(now)s
    FROM generate_series(1, %(members)s) AS n WHERE n %% 10 = 3 RETURNING id, member_id
)
INSERT INTO redemption (district_id, id, offer_id, store_id, till, use_request_no, body_hash, value, redeemed_at)
SELECT %(district_id)s, gen_random_uuid(), made.id, store.id, 'till', made.id::text, '', '{}',
       %(now)s - make_interval(days => row_number() OVER ()::int %% 60)
FROM made, (SELECT id FROM store WHERE district_id = %(district_id)s ORDER BY id LIMIT 1) AS store
"""
_FOLLOWS: Final[LiteralString] = """
INSERT INTO follow (district_id, member_id, store_id, at)
SELECT %(district_id)s, md5('member ' || n)::uuid, store.id, %(now)s
FROM generate_series(1, %(members)s) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM store WHERE district_id = %(district_id)s) AS store
  ON store.place = n %% 20 + 1
WHERE n %% 9 = 0
"""
_TAG: Final[LiteralString] = """
WITH made AS (
    INSERT INTO tag (district_id, id, merchant_id, name, title, created_at)
    VALUES (%(district_id)s, gen_random_uuid(), %(merchant_id)s, 'staff', 'Staff', %(now)s) RETURNING id
)
INSERT INTO member_tag (district_id, tag_id, member_id, at)
SELECT %(district_id)s, made.id, md5('member ' || n)::uuid, %(now)s
FROM made, generate_series(1, %(members)s) AS n WHERE n %% 40 = 0
"""
_MERCHANT: Final[LiteralString] = """
SELECT merchant_id, array_agg(id) FROM store
WHERE district_id = %(district_id)s AND merchant_id IS NOT NULL GROUP BY merchant_id ORDER BY 1 LIMIT 1
"""
_OF_MERCHANT: Final[LiteralString] = """
SELECT merchant_id, array_agg(id) FROM store
WHERE district_id = %(district_id)s AND merchant_id = %(merchant_id)s GROUP BY merchant_id
"""


def build(dsn: str, members: int) -> tuple[uuid.UUID, Owner]:
    """The planner's district with more of everything; a merchant of it."""
    district_id = planner_world.build(dsn, members=members, now=NOW)
    values: dict[str, Any] = {"district_id": district_id, "members": members, "now": NOW}
    with psycopg.connect(dsn) as connection:
        row = connection.execute(_MERCHANT, values).fetchone()
        assert row is not None
        for statement in (_CHAIN, _MORE_VISITS, _CATEGORIES, _FOLLOWS, _TAG, _REDEEMED):
            connection.execute(statement, values | {"merchant_id": row[0]})
        row = connection.execute(_OF_MERCHANT, values | {"merchant_id": row[0]}).fetchone()
        assert row is not None
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return district_id, Owner(merchant_id=MerchantId(row[0]), store_ids=frozenset(map(StoreId, row[1])))


async def measure(dsn: str, district_id: uuid.UUID, owner: Owner, members: int) -> list[Figure]:
    """Both ways, and that they agree."""
    audience = parse_who(WHO, Report())
    async with await psycopg.AsyncConnection.connect(dsn, options="-c timezone=UTC") as connection:
        rows = await (await connection.execute(ALL_DISTRICTS_SQL)).fetchall()
        info = next(info for info in map(of_row, rows) if info.id == district_id)
        compiled = compile_sql(audience, info, owner, now=NOW)
        await _explain(connection, compiled)
        spent, found = [], set[uuid.UUID]()
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = await (await connection.execute(compiled.sql, compiled.params)).fetchall()
            spent.append(time.perf_counter() - began)
            found = {row[0] for row in answer}
        sample_s = await _one_by_one(connection, info, owner, audience, found)
    reach_s = sorted(spent)[ROUNDS // 2]
    by_set, by_one = members / reach_s, SAMPLE / sample_s
    made_of = f"{by_set:,.0f} / {by_one:,.0f} members a second; {len(found):,} found"
    return [
        Figure(
            name="set against member by member",
            value=by_set / by_one,
            goal=GOAL_RATIO,
            unit="x",
            made_of=made_of,
        ),
        Figure(
            name="reach of five terms",
            value=reach_s,
            goal=GOAL_S,
            unit="s",
            made_of=f"{members:,} members, median of {ROUNDS}",
            is_ceiling=True,
        ),
    ]


async def _one_by_one(
    connection: AsyncConnection[TupleRow],
    info: DistrictInfo,
    owner: Owner,
    audience: Audience,
    found: set[uuid.UUID],
) -> float:
    """Seconds to judge a sample; it must come to the same answer."""
    cursor = await connection.execute(
        "SELECT id FROM member WHERE district_id = %s ORDER BY id LIMIT %s", (info.id, SAMPLE)
    )
    ids = [row[0] for row in await cursor.fetchall()]
    wanted = asked(audience, owner_id=owner.merchant_id, stores=owner.store_ids)
    began, belong = time.perf_counter(), set[uuid.UUID]()
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        known = await load(connection, info, part, wanted=wanted, now=NOW)
        belong |= {one for one in part if matches(audience, known[one].as_owner_sees(owner), now=NOW)}
    spent_s = time.perf_counter() - began
    if belong != found & set(ids) or not belong:
        sys.exit(f"{len(belong)} belong one by one, {len(found & set(ids))} by the statement")
    return spent_s


async def _explain(connection: AsyncConnection[TupleRow], compiled: Compiled) -> None:
    cursor = await connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled.sql}", compiled.params)
    row = await cursor.fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    for line in sorted(set(_scans(plan[0]["Plan"]))):
        print(f"  {line}")


def _scans(node: dict[str, Any]) -> list[str]:
    """How each table is read."""
    found = []
    if "Relation Name" in node or "Index Name" in node:
        by = f" by {node['Index Name']}" if "Index Name" in node else ""
        found.append(f"{node.get('Relation Name', '')}: {node['Node Type']}{by}")
    for inner in node.get("Plans", []):
        found += _scans(inner)
    return found


def main(arguments: Sequence[str]) -> int:
    """Build, measure, judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--slack", type=float, default=1.0)
    options = parser.parse_args(arguments)
    district_id, owner = build(options.dsn, options.members)
    figures = asyncio.run(measure(options.dsn, district_id, owner, options.members))
    return verdict("Audience: whom a rule of five terms reaches", figures, options.slack)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

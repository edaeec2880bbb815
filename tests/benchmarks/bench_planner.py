"""Who gets which scheduled offer: the planner's one statement against asking member by member.

    python -m tests.benchmarks.bench_planner DSN

A check is one member and one campaign: audience, control, hold-out, consent, endpoint and caps. Both sides start from
the rows of the database and end with a reason or none for every pair; both are told in CPU seconds, the database's
and ours together. The loop loads one member at a time, as whoever
serves one member does, and asks push.decision for all campaigns. Answers are compared before either is timed.
"""

import argparse
import asyncio
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from district.audiences import contexts
from district.campaigns.live import live_campaigns
from district.districts.queries import ALL_DISTRICTS_SQL
from district.districts.service import DistrictInfo, of_row
from district.offers.planning import Connection, Names, Range, check
from district.offers.policies import decision_policy_of
from push.audience_asked import Asked
from push.campaign import Campaign
from push.decision import Ask, Crossing, OfferDraft, Refusal, decide_batch
from push.identifiers import VisitId
from push.policy import DecisionPolicy
from push.rule import TriggerKind
from tests.benchmarks.measures import Figure, cpu_seconds, verdict
from tests.benchmarks.planner_world import CAMPAIGNS, build

NOW: Final = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
MEMBERS: Final = 100_000
LOOPED: Final = 1_500
WINDOWS: Final = 3
Reasons = Counter[tuple[uuid.UUID, str, bool]]


async def by_set(
    connection: Connection,
    district: DistrictInfo,
    campaigns: Sequence[Campaign],
    policy: DecisionPolicy,
    members: Sequence[uuid.UUID] | None = None,
) -> Reasons:
    """How many members each campaign has with each answer."""
    checked = await check(
        connection,
        district,
        campaigns,
        trigger=TriggerKind.SCHEDULE,
        policy=policy,
        now=NOW,
        among=Range() if members is None else Range(members=members),
        names=Names.NONE,
    )
    found: Reasons = Counter()
    for campaign_id, groups in checked.groups.items():
        for one in groups:  # one for each channel that would be tried first
            found[campaign_id, one.reason or "", one.passes] += one.count
    return found


async def by_loop(
    connection: Connection,
    district: DistrictInfo,
    campaigns: Sequence[Campaign],
    policy: DecisionPolicy,
    members: Sequence[uuid.UUID],
) -> Reasons:
    """The same, one member after the other."""
    wanted = Asked()
    for one in campaigns:
        wanted = wanted.together(contexts.asked_by(one))
    crossings = {one.id: _crossing(one) for one in campaigns}
    found: Reasons = Counter()
    for member_id in members:
        known = (await contexts.load(connection, district, [member_id], wanted=wanted, now=NOW))[member_id]
        asks = [Ask(crossings[one.id], one, known.for_campaign(one), NOW) for one in campaigns]
        for campaign, decision in zip(campaigns, decide_batch(asks, policy=policy), strict=True):
            reason = decision.reason if isinstance(decision, Refusal) else ""
            passes = isinstance(decision, OfferDraft) or decision.ghost is not None
            found[campaign.id, reason, passes] += 1
    return found


def _crossing(campaign: Campaign) -> Crossing:
    visit = VisitId(uuid.uuid5(campaign.id, "noon"))
    return Crossing(
        trigger=TriggerKind.SCHEDULE, campaign_id=campaign.id, visit_id=visit, at=NOW, received_at=NOW
    )


async def run(dsn: str, *, members: int, looped: int) -> tuple[float, float]:
    """Checks a CPU-second of the statement (best of three), and of the loop."""
    district_id = build(dsn, members=members, now=NOW)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("SET timezone = 'UTC'")
        # What other processes do for it would not be counted.
        await connection.execute("SET max_parallel_workers_per_gather = 0")
        backend = connection.info.backend_pid
        rows = await (await connection.execute(ALL_DISTRICTS_SQL.encode())).fetchall()
        district = next(info for info in map(of_row, rows) if info.id == district_id)
        campaigns = [one.campaign for one in await live_campaigns(connection, district)]
        policy = decision_policy_of(district, fresh_for=timedelta(minutes=3))
        cursor = await connection.execute(
            "SELECT id FROM member WHERE district_id = %s ORDER BY id LIMIT %s", (district_id, looped)
        )
        some = [row[0] for row in await cursor.fetchall()]
        if await by_set(connection, district, campaigns, policy, some) != await by_loop(
            connection, district, campaigns, policy, some
        ):
            sys.exit("The answers differ, so neither is worth timing.")
        rates = []
        for _ in range(WINDOWS):
            began = _spent_s(backend)
            answers = await by_set(connection, district, campaigns, policy)
            rates.append(answers.total() / (_spent_s(backend) - began))
        began = _spent_s(backend)
        answers = await by_loop(connection, district, campaigns, policy, some)
        return max(rates), answers.total() / (_spent_s(backend) - began)


def _spent_s(backend_pid: int) -> float:
    """Ours and the database's CPU time."""
    return time.process_time() + cpu_seconds(backend_pid)


def main(arguments: list[str]) -> int:
    """Run and judge; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_planner")
    parser.add_argument("dsn")
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--looped", type=int, default=LOOPED)
    parser.add_argument("--slack", type=float, default=1.0)
    options = parser.parse_args(arguments)
    ours, loop = asyncio.run(run(options.dsn, members=options.members, looped=options.looped))
    pairs = f"{options.members:,} members x {CAMPAIGNS} campaigns"
    figures = (
        Figure(name="planner, one statement", value=ours, goal=200_000, unit="checks/CPU-s", made_of=pairs),
        Figure(
            name="against member by member",
            value=ours / loop,
            goal=20,
            unit="x",
            made_of=f"{ours:,.0f} against {loop:,.0f} checks/CPU-s of {options.looped:,} members",
        ),
    )
    return verdict("planner", figures, options.slack)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

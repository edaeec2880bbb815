"""The days of the past campaigns, lived through again with an earlier clock: crossings are decided, offers issued and
delivered, coupons used, purchases told and days closed by the services that do it every day. What people do is invented.

All of it may be done again: offers, uses, purchases and closed days are known again by their keys.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import exp

from district.campaigns import jobs as campaign_jobs
from district.campaigns.live import live_campaigns
from district.clock import FixedClock, monotonic
from district.database import Pool, transaction
from district.deliveries.channels import InboxChannel
from district.deliveries.queue import SqlOutbox
from district.demo.past_campaigns import FROM, Ran
from district.demo.past_plans import PLANS
from district.districts.service import DistrictInfo
from district.offers import policies, wallet
from district.offers.deciding import Occasion, decide_all, known_of
from district.offers.queries import OPEN_OFFER_SQL
from district.offers.service import issue_batch
from district.purchases import service as purchases
from district.purchases.service import Notice
from district.redemptions import service as redemptions
from district.redemptions.schemas import Return, Use
from district.settlement import jobs as settlement
from push.campaign import Campaign
from push.consent import Channel
from push.decision import Crossing, visit_id
from push.dispatch import Dispatcher, DispatchPolicy
from push.identifiers import CampaignId
from push.policy import DecisionPolicy
from push.rule import TriggerKind

STEP = timedelta(hours=1)
"""Offers go out on the full hours: each is one batch."""
FRESH_FOR = timedelta(minutes=3)
LEAST_LEFT = timedelta(minutes=15)
"""Who leaves sooner is told nothing in these days: he would not come any more."""
WALK = timedelta(minutes=4)
STAY = timedelta(minutes=11)
AT_THE_TILL = timedelta(minutes=7)
SHARE_CROSSING = 0.85
SHARE_OPENING = 0.55
SHARE_LINKED = 0.8
"""Of members who let their purchases be told of."""
SHARE_BUYING = 0.8
SHARE_REVERSED = 0.04
BILL_SPREAD = 0.5
MANY = DispatchPolicy(lease_rows=200, in_flight=200)
"""The inbox is a table of our own: nothing is lost if a start that is cut short left many under way."""
_NAMESPACE = uuid.UUID("7c1f5d0e-6f0b-5b4e-8a10-5f5d2a6e9b01")

OUTINGS_SQL = """
SELECT member_id, started_at, ended_at FROM visit
WHERE district_id = %(district_id)s AND place_kind = 'district' AND member_id IS NOT NULL AND is_demo
  AND trading_day BETWEEN %(first)s AND %(last)s
ORDER BY started_at, member_id
"""
STAYS_SQL = """
SELECT id, place_id, member_id, started_at FROM visit
WHERE district_id = %(district_id)s AND place_kind = 'store' AND place_id = ANY(%(stores)s)
  AND member_id IS NOT NULL AND is_demo
ORDER BY started_at, member_id
"""
ADD_STAY_SQL = """
INSERT INTO visit (district_id, trading_day, id, place_kind, place_id, member_id, started_at, ended_at, fixes, is_demo)
VALUES (%(district_id)s, %(day)s, %(id)s, 'store', %(store_id)s, %(member_id)s, %(started_at)s, %(ended_at)s, 15, true)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, kw_only=True)
class _Stay:
    """A member in one of the campaigns' stores."""

    ran: Ran
    member_id: uuid.UUID
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class _Passing:
    """A member who comes by a store with a campaign, at a time at which he can be told."""

    ran: Ran
    member_id: uuid.UUID
    told_at: datetime
    leaves_at: datetime


@dataclass(frozen=True, kw_only=True)
class _Met:
    """A member whom the campaign met, with the offer that he got; None: he was held out."""

    passing: _Passing
    offer_id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class _Morning:
    """What holds for a day."""

    campaigns: Mapping[CampaignId, Campaign]
    policy: DecisionPolicy


@dataclass(kw_only=True)
class Days:
    """One district's past campaigns."""

    pool: Pool
    district: DistrictInfo
    ran: Sequence[Ran]
    machine_now: datetime
    _stays: list[_Stay] = field(default_factory=list)
    _stays_of: dict[uuid.UUID, list[_Stay]] = field(default_factory=lambda: defaultdict(list))
    _opened: list[tuple[_Met, datetime]] = field(default_factory=list)

    async def live_through(self, *, until: date) -> None:
        """Everything up to the end of the trading day before ``until``."""
        await self._read_stays()
        by_day: dict[date, dict[datetime, list[_Passing]]] = defaultdict(dict)
        for at, passing in sorted((await self._passing()).items()):
            by_day[self.district.trading_day(at)][at] = passing
        met: list[_Met] = []
        for steps in by_day.values():
            known = await self._morning(min(steps))
            for at, passing in steps.items():
                met += await self._tell(known, passing, at)
        await campaign_jobs.advance(self.pool, self.district.id, now=self.district.day_starts_at(until))
        for one in met:
            await self._follow(one)
        await self._open()
        await self._buy()
        await self._close(until)

    async def _morning(self, at: datetime) -> _Morning:
        """The campaigns that run today, and by what is decided."""
        await campaign_jobs.advance(self.pool, self.district.id, now=at)
        async with self.pool.connection() as connection:
            live = await live_campaigns(connection, self.district, only=[one.id for one in self.ran])
            policy = await policies.decision_policy(connection, self.district, fresh_for=FRESH_FOR)
        return _Morning(campaigns={one.campaign.id: one.campaign for one in live}, policy=policy)

    async def _read_stays(self) -> None:
        values = {"district_id": self.district.id, "stores": [one.counter.store_id for one in self.ran]}
        of_store = {one.counter.store_id: one for one in self.ran}
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(STAYS_SQL.encode(), values)).fetchall()
        for id_, store_id, member_id, started_at in rows:
            if id_ == _stay_id(store_id, member_id, started_at):
                continue  # added by a start that was cut short: it is added again
            self._keep(_Stay(ran=of_store[store_id], member_id=member_id, started_at=started_at))

    def _keep(self, stay: _Stay) -> None:
        self._stays.append(stay)
        self._stays_of[stay.member_id].append(stay)

    async def _passing(self) -> Mapping[datetime, list[_Passing]]:
        """Who comes by at which full hour; not everybody does, and not who is about to leave."""
        found: dict[datetime, list[_Passing]] = defaultdict(list)
        for ran in self.ran:
            values = {"district_id": self.district.id, "first": ran.first, "last": ran.last}
            async with self.pool.connection() as connection:
                rows = await (await connection.execute(OUTINGS_SQL.encode(), values)).fetchall()
            for member_id, came_at, leaves_at in rows:
                told_at = _next_step(came_at)
                luck = _luck("crosses", ran, member_id, came_at)
                is_open = told_at.astimezone(self.district.zone).time() > FROM
                if is_open and leaves_at - told_at >= LEAST_LEFT and luck.random() < SHARE_CROSSING:
                    passing = _Passing(ran=ran, member_id=member_id, told_at=told_at, leaves_at=leaves_at)
                    found[told_at].append(passing)
        return found

    async def _tell(self, known: _Morning, passing: Sequence[_Passing], at: datetime) -> list[_Met]:
        """Decide about everybody of one hour, issue, and bring the offers to the inboxes."""
        occasions = [
            _occasion(one, campaign)
            for one in passing
            if (campaign := known.campaigns.get(CampaignId(one.ran.id))) is not None
        ]
        async with transaction(self.pool) as connection:
            members = await known_of(connection, self.district, occasions, now=at)
            decided = decide_all(occasions, members, known.policy, now=at)
            batch = await issue_batch(connection, self.district, decided.drafts, decided.refusals, now=at)
        await self._deliver(at)
        by_pair = {(one.ran.id, one.member_id): one for one in passing}
        treated = [(one.draft.campaign_id, one.draft.member_id, one.id) for one in batch.issued]
        control = [(one.campaign_id, one.member_id, None) for one in batch.refused if one.ghost is not None]
        return [
            _Met(passing=by_pair[campaign_id, member_id], offer_id=offer_id)
            for campaign_id, member_id, offer_id in (*treated, *control)
        ]

    async def _deliver(self, at: datetime) -> None:
        clock = self._clock(at)
        store = SqlOutbox(
            pool=self.pool, district=self.district, clock=clock, channels=frozenset({Channel.INBOX})
        )
        dispatcher = Dispatcher(
            store=store,
            channels={Channel.INBOX: InboxChannel()},
            clock=_Times(at=at),
            chance=random.Random(0),  # noqa: S311 nothing is tried twice here
            policy=MANY,
        )
        while (await dispatcher.run_once()).leased == MANY.lease_rows:
            pass

    async def _follow(self, met: _Met) -> None:
        """What becomes of it: an offer is looked at or not, leads to the store or not, is used there or not."""
        passing, plan = met.passing, met.passing.ran.plan
        luck = _luck("follows", passing.ran, passing.member_id, passing.told_at)
        looks, comes, uses, back = (luck.random() for _ in range(4))
        came = self._comes_by_himself(passing)
        if came is None and comes < plan.anyway_share + (plan.caused_share if met.offer_id else 0):
            came = min(passing.told_at + WALK, passing.leaves_at)
            await self._add_stay(passing, came)
        is_used = came is not None and uses < plan.used_share
        if met.offer_id is None or (looks >= SHARE_OPENING and not is_used):
            return
        if came is not None and is_used:
            await self._use(met, came + AT_THE_TILL, is_returned=back < SHARE_REVERSED)
        else:
            self._opened.append((met, passing.told_at + WALK / 2))

    def _comes_by_himself(self, passing: _Passing) -> datetime | None:
        """When he is in the store on this outing, by the visits that the demo has had all along."""
        return next(
            (
                one.started_at
                for one in self._stays_of[passing.member_id]
                if one.ran.counter == passing.ran.counter
                and passing.told_at <= one.started_at <= passing.leaves_at
            ),
            None,
        )

    async def _add_stay(self, passing: _Passing, started_at: datetime) -> None:
        store_id = passing.ran.counter.store_id
        values = {
            "district_id": self.district.id,
            "day": self.district.trading_day(started_at),
            "id": _stay_id(store_id, passing.member_id, started_at),
            "store_id": store_id,
            "member_id": passing.member_id,
            "started_at": started_at,
            "ended_at": min(started_at + STAY, passing.leaves_at),
        }
        async with self.pool.connection() as connection:
            await connection.execute(ADD_STAY_SQL.encode(), values)
        self._keep(_Stay(ran=passing.ran, member_id=passing.member_id, started_at=started_at))

    async def _open(self) -> None:
        """Offers that were looked at, and no more."""
        values = [
            {
                "district_id": self.district.id,
                "offer_id": met.offer_id,
                "member_id": met.passing.member_id,
                "now": at,
            }
            for met, at in self._opened
        ]
        async with transaction(self.pool) as connection, connection.cursor() as cursor:
            await cursor.executemany(OPEN_OFFER_SQL.encode(), values)

    async def _use(self, met: _Met, at: datetime, *, is_returned: bool) -> None:
        """A use at the store's till, and the next day's change of mind."""
        ran, number = met.passing.ran, f"past:{met.offer_id}"
        luck = _luck("pays", ran, met.passing.member_id, at)
        use = Use(code=await self._code(met, at), use_request_no=number, bill_minor=_bill(ran, luck))
        used = await redemptions.redeem(self.pool, ran.till(self.district), use, clock=self._clock(at))
        if is_returned:
            later = self._clock(at + timedelta(hours=20))
            back = Return(return_request_no=number)
            await redemptions.reverse(
                self.pool, ran.till(self.district), used.redemption_id, back, clock=later
            )

    async def _code(self, met: _Met, at: datetime) -> str:
        """What the member's page shows."""
        assert met.offer_id is not None  # noqa: S101 the caller's condition
        member_id = met.passing.member_id
        seen = await wallet.find(self.pool, self.district.id, member_id, met.offer_id, now=at)
        return seen.code or ""

    async def _buy(self) -> None:
        """What members who are linked bought in these stores, as their tills told it."""
        async with transaction(self.pool) as connection:
            for stay in sorted(self._stays, key=lambda one: (one.started_at, one.member_id)):
                is_linked = _luck("links", None, stay.member_id).random() < SHARE_LINKED
                luck = _luck("buys", None, stay.member_id, stay.started_at)
                if is_linked and luck.random() < SHARE_BUYING:
                    await purchases.take(connection, self.district, self._notice(stay, luck))

    def _notice(self, stay: _Stay, luck: random.Random) -> Notice:
        at = stay.started_at + AT_THE_TILL
        number = f"past:{stay.member_id}:{stay.started_at.isoformat()}"
        amount = _bill(stay.ran, luck)
        return Notice(
            source=f"till:{stay.ran.counter.till_id}",
            id=number,
            body_hash=purchases.digest(number, amount),
            amount_minor=amount,
            at=at,
            reference=number,
            member_id=stay.member_id,
            store_id=stay.ran.counter.store_id,
            now=at,
            machine_now=self.machine_now,
        )

    async def _close(self, until: date) -> None:
        end = self.district.day_starts_at(until)
        for day in await settlement.due(self.pool, self.district, now=end + settlement.GRACE):
            closed_at = self.district.day_starts_at(day + timedelta(days=1)) + settlement.GRACE
            await settlement.close_day(self.pool, self.district, day, now=closed_at)

    def _clock(self, at: datetime) -> FixedClock:
        return FixedClock(at, machine=self.machine_now)


@dataclass(frozen=True, kw_only=True)
class _Times:
    """The dispatcher's two times: one moment of the past, and how long its work takes."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return monotonic()


def _occasion(passing: _Passing, campaign: Campaign) -> Occasion:
    """Coming into the campaign's fence, a moment before it is decided."""
    at = passing.told_at - timedelta(seconds=1 + PLANS.index(passing.ran.plan))
    crossing = Crossing(
        trigger=TriggerKind.ENTER,
        campaign_id=campaign.id,
        visit_id=visit_id(passing.member_id, str(passing.ran.id), at),
        at=at,
        received_at=passing.told_at,
        position=passing.ran.counter.position,
    )
    moment = uuid.uuid5(_NAMESPACE, f"{passing.member_id}:{at.isoformat()}")
    return Occasion(member_id=passing.member_id, moment=moment, campaign=campaign, crossing=crossing)


def _stay_id(store_id: uuid.UUID, member_id: uuid.UUID, started_at: datetime) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, f"{member_id}:{store_id}:{started_at.isoformat()}")


def _next_step(at: datetime) -> datetime:
    """The first full hour after it."""
    steps = int(at.timestamp() // STEP.total_seconds()) + 1
    return datetime.fromtimestamp(steps * STEP.total_seconds(), tz=UTC)


def _luck(what: str, ran: Ran | None, *parts: object) -> random.Random:
    """The same for the same person at the same moment of the same campaign, whenever it is asked for."""
    name = "|".join(map(str, (what, ran.plan.key if ran else "", *parts)))
    return random.Random(name)  # noqa: S311 no secret comes from it


def _bill(ran: Ran, luck: random.Random) -> int:
    """Log-normal about the plan's typical bill."""
    return ran.money.minor(ran.plan.bill_euros * exp(luck.gauss(0.0, BILL_SPREAD)))

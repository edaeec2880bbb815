"""The days of the past campaigns, lived through again with an earlier clock: crossings are decided, offers issued and
delivered, coupons used, purchases told and days closed by the services that do it every day. What people do is invented.

All of it may be done again: offers, uses, purchases and closed days are known again by their keys.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from district.campaigns import jobs as campaign_jobs
from district.clock import FixedClock
from district.database import Pool, transaction
from district.demo.past_campaigns import FROM, Ran
from district.demo.past_people import Met, Passing, Stay, bill, luck_of, next_step, stay_id
from district.demo.past_telling import Telling
from district.districts.service import DistrictInfo
from district.offers import wallet
from district.offers.queries import OPEN_OFFER_SQL
from district.purchases import service as purchases
from district.purchases.service import Notice
from district.redemptions import service as redemptions
from district.redemptions.schemas import Return, Use
from district.settlement import jobs as settlement

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


@dataclass(kw_only=True)
class Days:
    """One district's past campaigns."""

    pool: Pool
    district: DistrictInfo
    ran: Sequence[Ran]
    machine_now: datetime
    _stays: list[Stay] = field(default_factory=list)
    _stays_of: dict[uuid.UUID, list[Stay]] = field(default_factory=lambda: defaultdict(list))
    _opened: list[tuple[Met, datetime]] = field(default_factory=list)

    async def live_through(self, *, until: date) -> None:
        """Everything up to the end of the trading day before ``until``."""
        telling = Telling(pool=self.pool, district=self.district, ran=self.ran, machine_now=self.machine_now)
        await self._read_stays()
        by_day: dict[date, dict[datetime, list[Passing]]] = defaultdict(dict)
        for at, passing in sorted((await self._passing()).items()):
            by_day[self.district.trading_day(at)][at] = passing
        met: list[Met] = []
        for steps in by_day.values():
            known = await telling.morning(min(steps))
            for at, passing in steps.items():
                met += await telling.tell(known, passing, at)
        await campaign_jobs.advance(self.pool, self.district.id, now=self.district.day_starts_at(until))
        for one in met:
            await self._follow(one)
        await self._open()
        await self._buy()
        await self._close(until)

    async def _read_stays(self) -> None:
        values = {"district_id": self.district.id, "stores": [one.counter.store_id for one in self.ran]}
        of_store = {one.counter.store_id: one for one in self.ran}
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(STAYS_SQL.encode(), values)).fetchall()
        for id_, store_id, member_id, started_at in rows:
            if id_ == stay_id(store_id, member_id, started_at):
                continue  # added by a start that was cut short: it is added again
            self._keep(Stay(ran=of_store[store_id], member_id=member_id, started_at=started_at))

    def _keep(self, stay: Stay) -> None:
        self._stays.append(stay)
        self._stays_of[stay.member_id].append(stay)

    async def _passing(self) -> Mapping[datetime, list[Passing]]:
        """Who comes by at which full hour; not everybody does, and not who is about to leave."""
        found: dict[datetime, list[Passing]] = defaultdict(list)
        for ran in self.ran:
            values = {"district_id": self.district.id, "first": ran.first, "last": ran.last}
            async with self.pool.connection() as connection:
                rows = await (await connection.execute(OUTINGS_SQL.encode(), values)).fetchall()
            for member_id, came_at, leaves_at in rows:
                told_at = next_step(came_at)
                luck = luck_of("crosses", ran, member_id, came_at)
                is_open = told_at.astimezone(self.district.zone).time() > FROM
                if is_open and leaves_at - told_at >= LEAST_LEFT and luck.random() < SHARE_CROSSING:
                    passing = Passing(ran=ran, member_id=member_id, told_at=told_at, leaves_at=leaves_at)
                    found[told_at].append(passing)
        return found

    async def _follow(self, met: Met) -> None:
        """What becomes of it: an offer is looked at or not, leads to the store or not, is used there or not."""
        passing, plan = met.passing, met.passing.ran.plan
        luck = luck_of("follows", passing.ran, passing.member_id, passing.told_at)
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

    def _comes_by_himself(self, passing: Passing) -> datetime | None:
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

    async def _add_stay(self, passing: Passing, started_at: datetime) -> None:
        store_id = passing.ran.counter.store_id
        values = {
            "district_id": self.district.id,
            "day": self.district.trading_day(started_at),
            "id": stay_id(store_id, passing.member_id, started_at),
            "store_id": store_id,
            "member_id": passing.member_id,
            "started_at": started_at,
            "ended_at": min(started_at + STAY, passing.leaves_at),
        }
        async with self.pool.connection() as connection:
            await connection.execute(ADD_STAY_SQL.encode(), values)
        self._keep(Stay(ran=passing.ran, member_id=passing.member_id, started_at=started_at))

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

    async def _use(self, met: Met, at: datetime, *, is_returned: bool) -> None:
        """A use at the store's till, and the next day's change of mind."""
        ran, number = met.passing.ran, f"past:{met.offer_id}"
        luck = luck_of("pays", ran, met.passing.member_id, at)
        use = Use(code=await self._code(met, at), use_request_no=number, bill_minor=bill(ran, luck))
        used = await redemptions.redeem(self.pool, ran.till(self.district), use, clock=self._clock(at))
        if is_returned:
            later = self._clock(at + timedelta(hours=20))
            back = Return(return_request_no=number)
            await redemptions.reverse(
                self.pool, ran.till(self.district), used.redemption_id, back, clock=later
            )

    async def _code(self, met: Met, at: datetime) -> str:
        """What the member's page shows."""
        assert met.offer_id is not None  # noqa: S101 the caller's condition
        member_id = met.passing.member_id
        seen = await wallet.find(self.pool, self.district.id, member_id, met.offer_id, now=at)
        return seen.code or ""

    async def _buy(self) -> None:
        """What members who are linked bought in these stores, as their tills told it."""
        async with transaction(self.pool) as connection:
            for stay in sorted(self._stays, key=lambda one: (one.started_at, one.member_id)):
                is_linked = luck_of("links", None, stay.member_id).random() < SHARE_LINKED
                luck = luck_of("buys", None, stay.member_id, stay.started_at)
                if is_linked and luck.random() < SHARE_BUYING:
                    await purchases.take(connection, self.district, self._notice(stay, luck))

    def _notice(self, stay: Stay, luck: random.Random) -> Notice:
        at = stay.started_at + AT_THE_TILL
        number = f"past:{stay.member_id}:{stay.started_at.isoformat()}"
        amount = bill(stay.ran, luck)
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

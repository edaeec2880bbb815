"""One run of the machine: a district, its model, the fuse, and the check after every step.

After every step the states of all offers, stocks, pools and allowances must be the model's. The rules of conservation,
which join every table, are asked every ``RULES_EVERY`` steps and at each run's end: nothing that they forbid heals by
itself, so that a breach is found, if some steps late; shrinking brings the end near to it.
"""

import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.problems import DistrictError
from tests.machine.checks import rules, standing
from tests.machine.fuse import Cut, Fragile
from tests.machine.model import Model, Stock
from tests.machine.world import MEMBERS, PLANS, STOCKS, World

T = TypeVar("T")
STARTS = (
    datetime(2026, 5, 1, 9, 0, tzinfo=UTC),
    datetime(2026, 3, 28, 21, 0, tzinfo=UTC),  # the night in which an hour is left out
    datetime(2026, 10, 24, 21, 0, tzinfo=UTC),  # and the one in which an hour comes twice
)
PICKS = st.integers(0, 10**6)
CAMPAIGNS = st.integers(0, len(PLANS) - 1)
PEOPLE = st.integers(0, MEMBERS - 1)
CUTS = st.integers(0, 95)
"""Where the step's connection fails: mostly nowhere, else at one of the points from SOUND on; every fortieth kills."""
SOUND = 71
KILLS_EVERY = 40
RULES_EVERY = 8
STANDING = standing().encode()
RULES = rules().encode()
Slug = str


class Life(RuleBasedStateMachine):
    """What all rules share."""

    steps: ClassVar[int] = 0
    """Steps of all runs of this process."""
    cuts: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.world = World.current
        self.pool: Any = self.world.pool
        self.number = 0
        self.unruled = 0

    @initialize(start=st.sampled_from(STARTS))
    def open(self, start: datetime) -> None:
        self.info, self.tills = self.world.fresh()
        self.clock = FixedClock(start)
        self.members = [one.id for one in self.world.members]
        self.campaigns = [one.id for one in self.world.campaigns]
        self.place = {id_: place for place, id_ in enumerate(self.campaigns)}
        self.model = Model(
            members=MEMBERS,
            stocks=[
                Stock(bounds=plan.bounds, quota=stock) for plan, stock in zip(PLANS, STOCKS, strict=True)
            ],
        )

    def teardown(self) -> None:
        """Nothing of this run stays open."""
        Fragile.fuse.clear()
        if self.unruled:
            self.check_rules()

    def next_number(self) -> str:
        """A request's number, or an occasion's key."""
        self.number += 1
        return str(self.number)

    def now(self) -> datetime:
        """Business time."""
        return self.clock.now()

    def cut_short(self, cut: int, work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T | Slug, bool]:
        """Do it; if the connection failed on the way, do the same again, as a client would. Whether it did is told.

        A refusal is its slug.
        """
        if cut > SOUND:
            Fragile.fuse.set(cut - SOUND, Cut.KILLED if self.number % KILLS_EVERY == 0 else Cut.RAISES)
        first, lost = self.tried(work)
        was_cut = Fragile.fuse.clear()
        if was_cut:
            Life.cuts += 1
            if Fragile.fuse.how is Cut.KILLED:
                self.world.run(self.pool.check())  # its backend is dead, and nobody has used it since, maybe
        if lost is None:
            return first, was_cut
        if not was_cut:
            raise lost
        second, lost = self.tried(work)
        if lost is not None:
            raise lost
        return second, True

    def tried(self, work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T | Slug, psycopg.Error | None]:
        """The answer or the refusal, and whether the line was lost instead."""
        try:
            return self.world.run(work()), None
        except DistrictError as refused:
            return refused.slug, None
        except psycopg.OperationalError as lost:
            return "", lost

    def in_session(self, work: Callable[[Session], T]) -> T | Slug:
        """Do it in a transaction of its own, as a ``def`` route does."""
        try:
            with Session(self.world.engine, expire_on_commit=False) as session, session.begin():
                return work(session)
        except DistrictError as refused:
            return refused.slug

    def check(self) -> None:
        """The database agrees with the model, and every so often with itself."""
        Life.steps += 1
        self.unruled += 1
        self.check_standing()
        if self.unruled >= RULES_EVERY:
            self.check_rules()

    def check_rules(self) -> None:
        """The database agrees with itself."""
        self.unruled = 0
        row = self.world.checker.execute(RULES, {"d": self.info.id}).fetchone()
        assert row is not None
        assert not row[0], row[0]

    def check_standing(self) -> None:
        """The database agrees with the model."""
        row = self.world.checker.execute(STANDING, {"d": self.info.id}).fetchone()
        assert row is not None
        offers, stocks, pools, allowances = row
        model = self.model
        found = {uuid.UUID(id_): state for id_, state in (offers or {}).items()}
        expected = {id_: one.state for id_, one in model.offers.items()}
        assert found == expected, set(found.items()) ^ set(expected.items())
        for id_, (state, quota, issued) in stocks.items():
            stock = model.stocks[self.place[uuid.UUID(id_)]]
            assert state == stock.state
            if stock.bounds.pieces is None:
                assert (quota, issued) == (stock.quota, stock.taken)
        for id_, (pieces, taken) in (pools or {}).items():
            stock = model.stocks[self.place[uuid.UUID(id_)]]
            assert (pieces, taken) == (stock.quota, stock.taken)
        for key, (count, minor) in (allowances or {}).items():
            id_, period = key.split()
            place = self.place[uuid.UUID(id_)]
            assert (count, minor) == (
                model.spent[place, period, "offers"],
                model.spent[place, period, "minor"],
            )

    def wait_for(self, minutes: int) -> None:
        """Let time go by."""
        self.clock.advance(timedelta(minutes=minutes))

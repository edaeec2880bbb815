"""Money is neither made nor lost: whatever happens in whatever order, the books agree after every step."""

import asyncio
import secrets
import uuid
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns.shared_models import FundingShare
from district.clock import FixedClock
from district.database import make_engine, make_pool, new_id
from district.points import jobs as points_jobs
from district.points import passes, reading, spending
from district.points.models import PointsRule
from district.points.schemas import ReturnBody, SpendBody
from district.points.service import PointsMissing
from district.problems import Conflict
from district.purchases import tills
from district.purchases.schemas import PurchaseBody, RefundBody
from district.redemptions import service as redemptions
from district.redemptions.refusals import AlreadyReversed, OfferExpired, RefundOver
from district.redemptions.schemas import Return, Use
from district.settlement import jobs as settlement_jobs
from district.settlement import service as statements
from push.coupon import code_from
from tests.conftest import NOON
from tests.factories import Makers

T = TypeVar("T")
VALUE_MINOR = 3
SHARES = (("merchant", 334), ("property", 333), ("platform", 333))
WEIGHTS = st.integers(0, 10**6)


class Books(RuleBasedStateMachine):
    """Two merchants, three members, offers of one and of both, points, purchases and the days that go by."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.engine = make_engine(self.url, pool_size=2)
        self.session = Session(self.engine, expire_on_commit=False)
        self.pool = make_pool(self.url, size=2)
        self.run(self.pool.open(wait=True))
        self.clock = FixedClock(NOON)
        self.number = 0
        self.offers: list[tuple[str, int]] = []
        self.redeemed: list[tuple[uuid.UUID, int, int]] = []
        self.spends: list[tuple[uuid.UUID, int]] = []
        self.purchases: list[tuple[str, int, int]] = []
        self.paid_minor = 0
        self.points_paid_minor = 0
        self.closed: dict[uuid.UUID, tuple[Any, ...]] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a service."""
        return self.runner.run(work)

    def teardown(self) -> None:
        """Close what was opened."""
        self.run(self.pool.close())
        self.session.close()
        self.engine.dispose()
        self.runner.close()

    @initialize()
    def open(self) -> None:
        makers = Makers(self.session, self.clock, commit=True)
        self.district = makers.district()
        self.info = makers.info(self.district)
        merchants = [makers.merchant(self.district) for _ in range(2)]
        stores = [makers.store(self.district, merchant_id=one.id) for one in merchants]
        self.members = [makers.member(self.district) for _ in range(3)]
        own = makers.campaign(self.district, merchants[0], stores[:1])
        joint = makers.campaign(self.district, merchants[1], stores)
        for kind, permille in SHARES:
            self.session.add(
                FundingShare(
                    district_id=self.district.id, campaign_id=joint.id, party_kind=kind, permille=permille
                )
            )
        self.session.add(
            PointsRule(
                district_id=self.district.id,
                is_on=True,
                value_minor=VALUE_MINOR,
                life_days=31,
                per_visit=0,
                visits_per_day=1,
                per_redemption=7,
                minor_units_per_point=10,
                most_per_purchase=500,
                most_per_day=1_000,
                changed_at=self.clock.now(),
            )
        )
        makers.done()
        self.makers, self.campaigns = makers, (own, joint)
        self.tills = [
            Principal(
                role=Role.TILL,
                district_id=self.district.id,
                district_slug=self.district.slug,
                subject_id=new_id(),
                scope_id=store.id,
                merchant_id=merchant.id,
            )
            for store, merchant in zip(stores, merchants, strict=True)
        ]

    def next_number(self) -> str:
        """A request's number."""
        self.number += 1
        return str(self.number)

    @rule(
        minor=st.integers(0, 5_000),
        which=st.integers(0, 1),
        member=st.integers(0, 2),
        hours=st.integers(1, 60),
    )
    def issue(self, minor: int, which: int, member: int, hours: int) -> None:
        offer = self.makers.offer(
            self.campaigns[which],
            self.members[member],
            code=code_from(secrets.token_bytes(16)),
            value={"type": "amount", "minor_units": minor},
            valid_until=self.clock.now() + timedelta(hours=hours),
        )
        self.offers.append((offer.code, which))

    @precondition(lambda self: self.offers)
    @rule(pick=WEIGHTS, bill=st.none() | st.integers(0, 6_000), again=st.booleans())
    def redeem(self, pick: int, bill: int | None, again: bool) -> None:
        place = pick % len(self.offers)
        code, which = self.offers[place]
        till = pick % 2 if which else 0
        use = Use(code=code, use_request_no=self.next_number(), bill_minor=bill)
        try:
            used = self.run(redemptions.redeem(self.pool, self.tills[till], use, clock=self.clock))
        except OfferExpired:
            del self.offers[place]
            return
        if again:
            assert self.run(redemptions.redeem(self.pool, self.tills[till], use, clock=self.clock)) == used
        del self.offers[place]
        self.redeemed.append((used.redemption_id, till, used.discount_minor or 0))
        self.paid_minor += used.discount_minor or 0

    @precondition(lambda self: self.redeemed)
    @rule(pick=WEIGHTS, again=st.booleans())
    def reverse(self, pick: int, again: bool) -> None:
        redemption_id, till, minor = self.redeemed.pop(pick % len(self.redeemed))
        back = Return(return_request_no=self.next_number())
        try:
            for _ in range(2 if again else 1):
                self.run(
                    redemptions.reverse(self.pool, self.tills[till], redemption_id, back, clock=self.clock)
                )
        except RefundOver:
            return
        except AlreadyReversed as error:
            raise AssertionError("it was there to be reversed") from error
        self.paid_minor -= minor

    @rule(
        member=st.integers(0, 2),
        till=st.integers(0, 1),
        minor=st.integers(1, 9_000),
        linked=st.sampled_from([True, True, True, False]),
    )
    def buy(self, member: int, till: int, minor: int, linked: bool) -> None:
        number = self.next_number()
        code = self.pass_of(member) if linked else None
        body = PurchaseBody(notice_id=number, amount_minor=minor, at=self.clock.now(), pass_code=code)
        answers = [
            self.run(tills.purchase(self.pool, self.tills[till], self.info, body, clock=self.clock))
            for _ in range(2)
        ]
        assert answers[0] == answers[1]
        self.purchases.append((number, till, minor))

    @precondition(lambda self: self.purchases)
    @rule(pick=WEIGHTS, percent=st.sampled_from([1, 35, 100]))
    def refund(self, pick: int, percent: int) -> None:
        of, till, minor = self.purchases[pick % len(self.purchases)]
        minor = max(1, minor * percent // 100)
        body = RefundBody(
            notice_id=self.next_number(), purchase_notice_id=of, amount_minor=minor, at=self.clock.now()
        )
        try:
            self.run(tills.refund(self.pool, self.tills[till], self.info, body, clock=self.clock))
        except Conflict:
            return

    @rule(member=st.integers(0, 2), till=st.integers(0, 1), percent=st.sampled_from([10, 60, 100, 101]))
    def spend(self, member: int, till: int, percent: int) -> None:
        points = max(1, -(-self.balance_of(member) * percent // 100))
        body = SpendBody(pass_code=self.pass_of(member), points=points, use_request_no=self.next_number())
        try:
            paid = self.run(spending.spend(self.pool, self.tills[till], body, clock=self.clock))
        except PointsMissing:
            return
        assert paid.amount_minor == points * VALUE_MINOR
        self.spends.append((paid.spend_id, till))
        self.points_paid_minor += paid.amount_minor

    @precondition(lambda self: self.spends)
    @rule(pick=WEIGHTS)
    def undo_spend(self, pick: int) -> None:
        spend_id, till = self.spends.pop(pick % len(self.spends))
        back = ReturnBody(return_request_no=self.next_number())
        try:
            undone = self.run(
                spending.give_back(self.pool, self.tills[till], spend_id, back, clock=self.clock)
            )
        except Conflict:
            return
        self.points_paid_minor -= undone.points * VALUE_MINOR

    @rule(hours=st.sampled_from([1, 5, 24, 30, 24 * 33]), closes=st.booleans(), ends=st.booleans())
    def wait(self, hours: int, closes: bool, ends: bool) -> None:
        self.clock.advance(timedelta(hours=hours))
        if closes:
            self.run(settlement_jobs.close(self.pool, [self.info], self.clock))
        if ends:
            self.run(points_jobs.follow(self.pool, [self.info], self.clock))

    def pass_of(self, member: int) -> str:
        """What a member shows."""
        made = passes.issue(self.pool, self.district.id, self.members[member].id, clock=self.clock)
        return self.run(made).code

    def balance_of(self, member: int) -> int:
        """What a member may spend."""
        self.session.rollback()
        found = reading.of_member(
            self.session, self.info, self.members[member].id, now=self.clock.now(), after=None, limit=1
        )
        return max(0, found.balance)

    def one(self, sql: str) -> Any:
        """One figure of the district."""
        return self.session.scalar(text(sql), {"d": self.district.id})

    @invariant()
    def the_books_agree(self) -> None:
        self.session.rollback()
        assert self.one("SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry WHERE district_id = :d") == 0
        paid = self.one(
            "SELECT coalesce(sum(e.amount_minor) FILTER (WHERE p.kind IN ('redemption', 'reversal')), 0)"
            " FROM ledger_entry e JOIN ledger_posting p ON p.district_id = e.district_id AND p.id = e.posting_id"
            " WHERE e.district_id = :d AND e.account = 'merchant_payable'"
        )
        assert paid == self.paid_minor
        assert self.points_paid() == self.points_paid_minor

    def points_paid(self) -> int:
        """What tills are owed for points."""
        found = self.one(
            "SELECT coalesce(sum(e.amount_minor), 0) FROM ledger_entry e"
            " JOIN ledger_posting p ON p.district_id = e.district_id AND p.id = e.posting_id"
            " WHERE e.district_id = :d AND e.account = 'merchant_payable' AND p.kind LIKE 'points%'"
        )
        return int(found)

    @invariant()
    def members_hold_what_is_owed_to_them(self) -> None:
        self.session.rollback()
        held = self.one(
            "SELECT (SELECT coalesce(sum(remaining), 0) FROM points_lot WHERE district_id = :d)"
            " - (SELECT coalesce(sum(debt), 0) FROM points_wallet WHERE district_id = :d)"
        )
        owed = self.one(
            "SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry WHERE district_id = :d"
            " AND account = 'points_liability'"
        )
        moved = self.one("SELECT coalesce(sum(points), 0) FROM points_movement WHERE district_id = :d")
        assert owed == held * VALUE_MINOR == moved * VALUE_MINOR

    @invariant()
    def closed_days_stay_and_add_up(self) -> None:
        self.session.rollback()
        rows = {
            row.id: tuple(row)
            for row in self.session.execute(
                text("SELECT * FROM statement WHERE district_id = :d"), {"d": self.district.id}
            )
        }
        assert all(rows.get(key) == row for key, row in self.closed.items())
        self.closed = rows
        nets = self.one("SELECT coalesce(sum(net_minor), 0) FROM statement WHERE district_id = :d")
        cleared = self.one(
            "SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry WHERE district_id = :d AND account = 'clearing'"
        )
        assert nets == cleared

    @invariant()
    def the_merchants_are_the_district(self) -> None:
        self.session.rollback()
        today = self.info.trading_day(self.clock.now())
        told = statements.totals(
            self.session, self.info, today - timedelta(days=300), today + timedelta(days=1)
        )
        assert told.agrees


def test_the_books_agree_after_every_step(database_url: str) -> None:
    run_state_machine_as_test(
        type("BooksOfOneDatabase", (Books,), {"url": database_url}),
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )

"""What happens at tills: uses, repeats, reversals; purchases, refunds and points."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from district.points import passes, spending
from district.points.schemas import ReturnBody, SpendBody
from district.purchases import tills
from district.purchases.schemas import PurchaseBody, RefundBody
from district.redemptions import service as redemptions
from district.redemptions.schemas import Return, Use
from tests.machine.base import CUTS, PEOPLE, PICKS, Life

TILLS = st.integers(0, 1)


@dataclass(kw_only=True)
class Used:
    """A use that succeeded: what was asked, and what was answered."""

    offer: uuid.UUID
    till: int
    body: Use | None
    """None: it was brought in by a till that had no line."""
    answer: Any
    at: datetime
    back: tuple[Return, int, Any] | None = None


class Counters(Life):
    """The rules of tills."""

    def __init__(self) -> None:
        super().__init__()
        self.used: list[Used] = []
        self.bought: list[tuple[str, int, PurchaseBody, Any]] = []
        self.refunded: list[tuple[int, RefundBody, Any]] = []
        self.paid: list[tuple[SpendBody, int, Any]] = []

    def code_of(self, id_: uuid.UUID) -> str:
        row = self.world.checker.execute(
            "SELECT code FROM offer WHERE district_id = %s AND id = %s", (self.info.id, id_)
        ).fetchone()
        assert row is not None
        return str(row[0])

    @precondition(lambda self: self.model.offers)
    @rule(pick=PICKS, till=st.integers(0, 4), bill=st.none() | st.integers(0, 900), cut=CUTS)
    def use(self, pick: int, till: int, bill: int | None, cut: int) -> None:
        open_ = [id_ for id_, one in self.model.offers.items() if one.state != "reserved"]
        if not open_:
            return
        id_ = open_[-1 - pick % len(open_)]
        till = 1 if till == 1 else 0
        body = Use(code=self.code_of(id_), use_request_no=self.next_number(), bill_minor=bill)
        answer, _ = self.cut_short(
            cut, lambda: redemptions.redeem(self.pool, self.tills[till], body, clock=self.clock)
        )
        expected = self.model.refuses_till(till, self.now()) or self.model.refuses_at(
            id_, till, self.now(), is_here=self.is_here(id_, till)
        )
        if expected is not None:
            assert answer == expected
        else:
            assert not isinstance(answer, str), answer
            self.used_up(Used(offer=id_, till=till, body=body, answer=answer, at=self.now()))
        self.check()

    def is_store_of(self, id_: uuid.UUID, till: int) -> bool:
        """Whether the till stands in a store of the offer's campaign."""
        return till == 0 or self.model.offers[id_].campaign == 1

    def is_here(self, id_: uuid.UUID, till: int) -> bool:
        """Whether the offer is used there."""
        return self.is_store_of(id_, till)

    def used_up(self, used: Used) -> None:
        """A use that succeeded: nobody holds the coupon any more."""
        self.model.offers[used.offer].state = "redeemed"
        self.model.holds.pop(used.offer, None)
        self.used.append(used)

    @precondition(lambda self: any(one.body for one in self.used))
    @rule(pick=PICKS, other=st.integers(0, 3))
    def repeat_use(self, pick: int, other: int) -> None:
        """The same number gets the same answer for ever, whatever has happened since; with another body it is refused."""
        asked = [one for one in self.used if one.body]
        used = asked[pick % len(asked)]
        assert used.body is not None
        body = used.body if other else used.body.model_copy(update={"bill_minor": 12_345})
        answer, _ = self.cut_short(
            0, lambda: redemptions.redeem(self.pool, self.tills[used.till], body, clock=self.clock)
        )
        assert answer == (used.answer if other else "request-number-reused")
        self.check()

    @precondition(lambda self: self.used)
    @rule(pick=PICKS, elsewhere=st.integers(0, 9), cut=CUTS)
    def reverse(self, pick: int, elsewhere: int, cut: int) -> None:
        used = self.used[-1 - pick % len(self.used)]
        body = Return(return_request_no=self.next_number())
        till = 1 - used.till if elsewhere == 0 else used.till
        answer, _ = self.cut_short(cut, lambda: self.take_back(used, till, body))
        if elsewhere == 0:
            assert answer == "not-found"
        elif (self.now() - used.at).total_seconds() > 30 * 86_400:
            assert answer == "refund-window-over"
        elif used.back is not None:
            assert answer == "already-reversed"
        else:
            assert not isinstance(answer, str), answer
            used.back = (body, till, answer)
            self.model.take_back(used.offer, self.now())
        self.check()

    def take_back(self, used: Used, till: int, body: Return) -> Any:
        return redemptions.reverse(
            self.pool, self.tills[till], used.answer.redemption_id, body, clock=self.clock
        )

    @precondition(lambda self: any(one.back for one in self.used))
    @rule(pick=PICKS)
    def repeat_reversal(self, pick: int) -> None:
        done = [one for one in self.used if one.back]
        used = done[pick % len(done)]
        assert used.back is not None
        body, till, first = used.back
        answer, _ = self.cut_short(0, lambda: self.take_back(used, till, body))
        assert answer == first
        self.check()

    def pass_of(self, member: int) -> str:
        made = passes.issue(self.pool, self.info.id, self.members[member], clock=self.clock)
        return self.world.run(made).code

    @rule(member=PEOPLE, till=TILLS, minor=st.integers(1, 9_000), cut=CUTS)
    def buy(self, member: int, till: int, minor: int, cut: int) -> None:
        if member in self.model.gone:
            return
        body = PurchaseBody(
            notice_id=self.next_number(), amount_minor=minor, at=self.now(), pass_code=self.pass_of(member)
        )
        answer, _ = self.cut_short(
            cut, lambda: tills.purchase(self.pool, self.tills[till], self.info, body, clock=self.clock)
        )
        assert not isinstance(answer, str), answer
        self.bought.append((body.notice_id, till, body, answer))
        self.check()

    @precondition(lambda self: self.bought)
    @rule(pick=PICKS)
    def repeat_purchase(self, pick: int) -> None:
        _, till, body, first = self.bought[pick % len(self.bought)]
        answer, _ = self.cut_short(
            0, lambda: tills.purchase(self.pool, self.tills[till], self.info, body, clock=self.clock)
        )
        assert answer == first
        self.check()

    @precondition(lambda self: self.bought)
    @rule(pick=PICKS, percent=st.sampled_from([1, 35, 100]), cut=CUTS)
    def refund(self, pick: int, percent: int, cut: int) -> None:
        of, till, bought, _ = self.bought[pick % len(self.bought)]
        body = RefundBody(
            notice_id=self.next_number(),
            purchase_notice_id=of,
            amount_minor=max(1, bought.amount_minor * percent // 100),
            at=self.now(),
        )
        self.refunded.append((till, body, self.refund_of(till, body, cut)))
        self.check()

    @precondition(lambda self: self.refunded)
    @rule(pick=PICKS)
    def repeat_refund(self, pick: int) -> None:
        """What was refunded is answered alike for ever. A refusal is no answer to keep: what it went by may change."""
        till, body, first = self.refunded[-1 - pick % len(self.refunded)]
        again = self.refund_of(till, body, 0)
        assert isinstance(first, str) or again == first
        self.check()

    def refund_of(self, till: int, body: RefundBody, cut: int) -> Any:
        return self.cut_short(
            cut, lambda: tills.refund(self.pool, self.tills[till], self.info, body, clock=self.clock)
        )[0]

    @rule(member=PEOPLE, till=TILLS, points=st.integers(1, 300), cut=CUTS)
    def pay_with_points(self, member: int, till: int, points: int, cut: int) -> None:
        if member in self.model.gone:
            return
        body = SpendBody(pass_code=self.pass_of(member), points=points, use_request_no=self.next_number())
        answer, _ = self.cut_short(
            cut, lambda: spending.spend(self.pool, self.tills[till], body, clock=self.clock)
        )
        if not isinstance(answer, str):
            self.paid.append((body, till, answer))
        else:
            assert answer == "points-missing"
        self.check()

    @precondition(lambda self: self.paid)
    @rule(pick=PICKS)
    def repeat_payment(self, pick: int) -> None:
        body, till, first = self.paid[pick % len(self.paid)]
        answer, _ = self.cut_short(
            0, lambda: spending.spend(self.pool, self.tills[till], body, clock=self.clock)
        )
        assert answer == first
        self.check()

    @precondition(lambda self: self.paid)
    @rule(pick=PICKS, cut=CUTS)
    def undo_payment(self, pick: int, cut: int) -> None:
        body, till, first = self.paid[pick % len(self.paid)]
        back = ReturnBody(return_request_no=f"b{body.use_request_no}")
        self.cut_short(
            cut,
            lambda: spending.give_back(self.pool, self.tills[till], first.spend_id, back, clock=self.clock),
        )
        self.check()

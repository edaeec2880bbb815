"""Codes of members' pages at tills: signed ones that grow old, typed ones that hold a coupon, and tries that lock."""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from district.auth.models import Role
from district.auth.service import Principal
from district.offers import shown_codes
from district.redemptions import holding, till_numbers, unlocking
from district.redemptions import service as redemptions
from district.redemptions.schemas import NumberBody, Use
from tests.machine.base import CUTS, PICKS
from tests.machine.counters import TILLS, Counters, Used
from tests.machine.model import USABLE, Hold

SECRET = "a secret of the machine, long enough"
STALE_AFTER = timedelta(seconds=35)
HELD_FOR = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A code as a member's page showed it."""

    offer: uuid.UUID
    member: int
    text: str
    at: datetime


class Codes(Counters):
    """The rules of codes that are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.signed: list[Signed] = []
        self.typed: list[tuple[uuid.UUID, str]] = []

    def shopper(self, member: int) -> Principal:
        return Principal(
            role=Role.SHOPPER,
            district_id=self.info.id,
            district_slug=self.info.slug,
            subject_id=self.members[member],
        )

    @precondition(lambda self: self.model.offers)
    @rule(pick=PICKS)
    def show(self, pick: int) -> None:
        """The page of a coupon that can be used shows a code; of any other none."""
        id_ = list(self.model.offers)[-1 - pick % len(self.model.offers)]
        offer = self.model.offers[id_]
        if offer.member in self.model.gone:
            return

        async def shown() -> Any:
            async with self.pool.connection() as connection:
                return await shown_codes.shown(
                    connection,
                    self.info.id,
                    self.members[offer.member],
                    id_,
                    secret=SECRET,
                    clock=self.clock,
                )

        code, _ = self.cut_short(0, shown)
        is_usable = offer.state in USABLE and offer.starts_at <= self.now() < offer.until
        assert (code is not None) == is_usable, (code, offer)
        if code is not None and not isinstance(code, str):
            self.signed.append(Signed(offer=id_, member=offer.member, text=code.text, at=self.now()))
        self.check()

    @precondition(lambda self: self.signed)
    @rule(pick=PICKS, till=TILLS, cut=CUTS)
    def scan(self, pick: int, till: int, cut: int) -> None:
        """Whatever a till scans of it, and whenever: a picture of it is refused, and so is another member's."""
        code = self.signed[-1 - pick % len(self.signed)]
        offer = self.model.offers[code.offer]
        expected = self.model.refuses_till(till, self.now())
        if expected is None and offer.member != code.member:
            expected = "unknown-code"
        if expected is None:
            is_old = self.now() - code.at >= STALE_AFTER
            expected = self.model.refuses_shown(
                code.offer, till, self.now(), is_here=self.is_here(code.offer, till), is_old=is_old
            )
        self.presented(code.offer, code.text, till, expected, cut)

    @precondition(lambda self: self.model.offers)
    @rule(pick=PICKS, till=TILLS, is_right=st.integers(0, 5), own=st.integers(0, 7))
    def unlock(self, pick: int, till: int, is_right: int, own: int) -> None:
        """The member types the number of the till that he stands at, and gets a code for it alone."""
        id_ = list(self.model.offers)[-1 - pick % len(self.model.offers)]
        offer = self.model.offers[id_]
        who = offer.member if own else (offer.member + 1) % len(self.members)
        if who in self.model.gone:
            return
        number, _ = self.cut_short(
            0, lambda: till_numbers.show(self.pool, self.tills[till], NumberBody(), clock=self.clock)
        )
        assert not isinstance(number, str), number
        text = number.number if is_right else "x"
        answer, _ = self.cut_short(
            0, lambda: unlocking.unlock(self.pool, self.shopper(who), id_, text, clock=self.clock)
        )
        expected = self.model.refuses_unlock(
            id_,
            self.now(),
            is_own=who == offer.member,
            is_known=bool(is_right) and self.is_store_of(id_, till),
        )
        if expected is not None:
            assert answer == expected
        else:
            assert not isinstance(answer, str), answer
            self.model.holds[id_] = Hold(till=till, until=self.now() + HELD_FOR, code=answer.typed_code)
            self.typed.append((id_, answer.typed_code))
        self.check()

    @precondition(lambda self: self.typed)
    @rule(pick=PICKS, till=TILLS)
    def type_code(self, pick: int, till: int) -> None:
        """It is good at its till for two minutes, and unknown once it was used, freed or replaced."""
        id_, code = self.typed[-1 - pick % len(self.typed)]
        hold = self.model.hold_of(id_, self.now())
        expected = self.model.refuses_till(till, self.now())
        if expected is None and (hold is None or hold.code != code):
            expected = "unknown-code"
        if expected is None:
            is_here = self.is_here(id_, till)
            expected = self.model.refuses_shown(id_, till, self.now(), is_here=is_here, is_old=False)
        self.presented(id_, code, till, expected, 0)

    @precondition(lambda self: self.model.holds)
    @rule(pick=PICKS, cut=CUTS)
    def free(self, pick: int, cut: int) -> None:
        """The member takes the typed code back."""
        id_ = list(self.model.holds)[pick % len(self.model.holds)]
        member = self.model.offers[id_].member
        if member in self.model.gone:
            return
        self.cut_short(cut, lambda: unlocking.lock(self.pool, self.shopper(member), id_))
        del self.model.holds[id_]
        self.check()

    @rule(cut=CUTS)
    def forget_holds(self, cut: int) -> None:
        """What is over held nothing any more: forgetting it changes nothing."""
        self.cut_short(cut, lambda: holding.sweep(self.pool, self.info.id, machine_now=self.now()))
        self.check()

    def presented(self, id_: uuid.UUID, text: str, till: int, expected: str | None, cut: int) -> None:
        """A code is used at a till, and what is refused is counted."""
        body = Use(code=text, use_request_no=self.next_number())
        answer, was_cut = self.cut_short(
            cut, lambda: redemptions.redeem(self.pool, self.tills[till], body, clock=self.clock)
        )
        if expected is not None:
            assert answer == expected, (expected, self.model.offers[id_])
            self.model.count_refusal(id_, till, expected, self.now())
        else:
            assert not isinstance(answer, str), answer
            self.used_up(Used(offer=id_, till=till, body=body, answer=answer, at=self.now()))
        if was_cut:
            self.recount()
        self.check()

    def recount(self) -> None:
        """A line that was cut leaves a try counted that was none: never fewer than there were."""
        rows = self.world.checker.execute(
            "SELECT subject, period_start, count FROM rate_count WHERE district_id = %s", (self.info.id,)
        ).fetchall()
        names: dict[str, str] = {
            f"unknown:till:{one.subject_id}": f"till:{till}" for till, one in enumerate(self.tills)
        }
        counted: dict[tuple[str, datetime], int] = {
            (names.get(str(subject), str(subject)), start): count for subject, start, count in rows
        }
        fewer = {key: n for key, n in self.model.tries.items() if counted.get(key, 0) < n}
        assert not fewer, (fewer, counted)
        self.model.tries = Counter(counted)

"""The best sum of a bill: which coupons, the member price and points, and why not the rest. It uses nothing up.

A signed code grows old while the cashier reads the sum. So a quote holds the coupons of signed codes for its till, which
may then use them by the same text for as long as they are held.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, transaction
from district.problems import TYPE_BASE, DistrictError, TooMany
from district.redemptions import guesses, holding, paying, service, using
from district.redemptions.bill_schemas import LeftOutCoupon, QuoteBody, QuotedCoupon, QuoteOut, Refused
from district.redemptions.paying import Payer
from district.redemptions.presenting import CodeKind, Presented
from district.redemptions.using import Found
from district.stores.counters import standing, store_of
from push.identifiers import OfferId
from push.stacking import HeldCoupon
from push.till_sum import TillSum
from push.till_sum import quote as best_sum

ANOTHER_MEMBER = "another_member"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A coupon that can be used here now."""

    index: int
    found: Found
    held_until: datetime | None

    @property
    def coupon(self) -> HeldCoupon:
        """As the rules of stacking see it."""
        return held_coupon(self.found)


def held_coupon(found: Found) -> HeldCoupon:
    """A coupon as the rules of stacking see it."""
    return HeldCoupon(id=OfferId(found.id), value=found.value, stacks_with=found.stacks_with)


async def quote(pool: Pool, principal: Principal, body: QuoteBody, *, clock: Clock) -> QuoteOut:
    """The best legal payment of a bill by what was shown.

    Raises: TooMany after many unknown codes, OtherStore, PassUnknown.
    """
    till = await standing(pool, principal)
    store_id = await store_of(pool, principal, till, body.store_id)
    tries = guesses.of_till(principal.district_id, till.name)
    await tries.check(pool, clock)
    values = service.asked(principal, till, store_id, clock)
    async with pool.connection() as connection:
        place = await paying.shop(connection, values)
        payer = await paying.payer(connection, values, place, body.pass_code)
    shown, refused = await _shown(pool, values, tries, body.codes, clock=clock)
    own, others = _of_one_member(shown, payer)
    found = best_sum(
        place.bill(body.bill_minor, is_member=bool(own) or payer is not None),
        [one.coupon for one in own],
        payer.purse(body.points) if payer is not None else None,
    )
    return _answer(found, own, others, refused, payer)


async def _shown(
    pool: Pool, values: dict[str, Any], tries: guesses.Tries, codes: list[str], *, clock: Clock
) -> tuple[list[Shown], list[Refused]]:
    """Each coupon once, and what is wrong with the other codes. Raises: TooMany."""
    shown, refused, known = list[Shown](), list[Refused](), set[uuid.UUID]()
    for index, code in enumerate(codes):
        try:
            found, held_until = await _look(pool, dict(values), tries, code, clock=clock)
        except DistrictError as error:
            if type(error) is TooMany:
                raise
            refused.append(
                Refused(index=index, type=TYPE_BASE + error.slug, title=error.title, detail=error.detail)
            )
            continue
        if found.id not in known:
            known.add(found.id)
            shown.append(Shown(index=index, found=found, held_until=held_until))
    return shown, refused


async def _look(
    pool: Pool, values: dict[str, Any], tries: guesses.Tries, code: str, *, clock: Clock
) -> tuple[Found, datetime | None]:
    """A coupon that could be used now, held for this till if its code rotates. Raises: as a use of it would."""
    presented = await service.read_counted(pool, tries, code, clock=clock)
    return await service.guarded(
        pool, [presented], tries, values, lambda: _find(pool, values, presented), clock=clock
    )


async def _find(pool: Pool, values: dict[str, Any], presented: Presented) -> tuple[Found, datetime | None]:
    async with transaction(pool) as connection:
        found = await using.find(connection, values, presented)
        values |= {"offer_id": found.id, "kind": presented.kind}
        using.judge(found, values, presented)
        if not found.is_usable(values["now"]):
            raise await using.refusal(connection, values, found)
        if presented.kind is not CodeKind.SIGNED:
            return found, found.held_until
        return found, await holding.place(connection, values)


def _of_one_member(shown: list[Shown], payer: Payer | None) -> tuple[list[Shown], list[Shown]]:
    """The coupons of the pass's member, else of the first one's; and those of others."""
    if not shown:
        return [], []
    member_id = payer.member_id if payer is not None else shown[0].found.member_id
    own = [one for one in shown if one.found.member_id == member_id]
    return own, [one for one in shown if one not in own]


def _answer(
    found: TillSum, own: list[Shown], others: list[Shown], refused: list[Refused], payer: Payer | None
) -> QuoteOut:
    known = {one.coupon.id: one for one in own}
    left_out = [
        LeftOutCoupon(index=known[one].index, offer_id=one, reason=reason)
        for one, reason in found.left_out.items()
    ]
    left_out += [
        LeftOutCoupon(index=one.index, offer_id=one.found.id, reason=ANOTHER_MEMBER) for one in others
    ]
    return QuoteOut(
        bill_minor=found.bill.bill_minor,
        due_minor=found.payment.due_minor,
        member_price_percent=found.bill.member_price_percent,
        member_price_minor=found.member_price_minor,
        coupons=[
            QuotedCoupon(
                index=known[one].index,
                offer_id=one,
                value=known[one].found.document,
                discount_minor=minor,
                held_until=known[one].held_until,
            )
            for one, minor in found.off_minor.items()
        ],
        left_out=sorted(left_out, key=lambda one: one.index),
        refused=refused,
        points=found.payment.points,
        points_minor=found.payment.points_minor,
        points_balance=payer.balance if payer is not None else None,
    )

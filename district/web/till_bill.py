"""A bill at the counter: what the cashier has gathered, the best legal sum of it, and settling that with one press."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool
from district.points import passes
from district.points.passes import PassUnknown
from district.problems import TYPE_BASE
from district.redemptions import bills, quoting
from district.redemptions.bill_schemas import MOST_POINTS, BillBody, BillOut, QuoteBody, QuoteOut
from district.redemptions.schemas import MOST_CODE
from district.web.till_outcomes import OUTCOMES, Outcome
from district.web.till_queries import OFFERS_SQL
from push.signed_code import is_signed
from push.stacking import MAX_COUPONS, MAX_TOGETHER

MOST_PASS = 128
ADDRESSED = {TYPE_BASE + cause.slug: (kind, cause.status) for cause, kind in OUTCOMES.items()}
_CodeText = Annotated[str, Field(max_length=2 * MOST_CODE)]


class TillForm(BaseModel):
    """What the till page sends: the fields, what stands in the sum already, and which button was pressed."""

    request_no: Annotated[str, Field(min_length=8, max_length=40, pattern=r"^[\x21-\x7e]+$")]
    code: _CodeText = ""
    till: Annotated[str, Field(max_length=40)] = ""
    bill: Annotated[str, Field(max_length=40)] = ""
    codes: Annotated[list[_CodeText], Field(max_length=MAX_COUPONS)] = []
    pass_code: Annotated[str, Field(max_length=MOST_PASS)] = ""
    most_points: Annotated[str, Field(max_length=12)] = ""
    drop: Annotated[str, Field(max_length=8)] = ""
    then: Literal["", "settle"] = ""
    mark: Annotated[str, Field(max_length=64)] = ""
    used: Annotated[list[Annotated[int, Field(ge=0, lt=MAX_COUPONS)]], Field(max_length=MAX_TOGETHER)] = []
    points: Annotated[int, Field(ge=0, le=MOST_POINTS)] = 0


@dataclass(frozen=True, kw_only=True)
class Basket:
    """What was shown for one bill: coupons, and the pass of who pays with points."""

    codes: tuple[str, ...] = ()
    pass_code: str = ""
    most_points: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was shown yet."""
        return not self.codes and not self.pass_code

    def mark(self, place_id: uuid.UUID, bill_minor: int) -> str:
        """What a sum is of: a sum of anything else is worked out again before it is settled."""
        text = "\n".join((str(place_id), str(bill_minor), self.pass_code, str(self.most_points), *self.codes))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Sum:
    """A sum as the page shows it; ``names`` are the titles and values of its coupons, ``refused`` kinds of outcomes."""

    quote: QuoteOut
    basket: Basket
    mark: str
    names: Mapping[uuid.UUID, tuple[Mapping[str, str], Mapping[str, Any]]]
    refused: Sequence[str] = ()

    @property
    def used(self) -> list[int]:
        """Places of the coupons that are used."""
        return [one.index for one in self.quote.coupons]

    @property
    def may_settle(self) -> bool:
        """Whether anything of it is to be booked."""
        return bool(self.quote.coupons) or self.quote.points > 0


def gathered(form: TillForm) -> Basket:
    """What the form brings along, without what was just taken out of it."""
    codes = [code.strip()[:MOST_CODE] for place, code in enumerate(form.codes) if form.drop != str(place)]
    digits = form.most_points.strip()
    most = int(digits) if digits.isascii() and digits.isdecimal() else 0
    pass_code = "" if form.drop == "pass" else form.pass_code.strip()
    return Basket(
        codes=tuple(code for code in codes if code),
        pass_code=pass_code,
        most_points=most if pass_code and 1 <= most <= MOST_POINTS else None,
    )


async def with_code(pool: Pool, at: Principal, basket: Basket, typed: str, *, clock: Clock) -> Basket:
    """With one more coupon, or with the pass if that is what was scanned."""
    if len(typed) <= MOST_PASS and not is_signed(typed) and await _is_pass(pool, at, typed, clock=clock):
        return replace(basket, pass_code=typed)
    if typed in basket.codes:
        return basket
    return replace(basket, codes=(*basket.codes, typed))


async def _is_pass(pool: Pool, at: Principal, typed: str, *, clock: Clock) -> bool:
    try:
        async with pool.connection() as connection:
            await passes.holder(connection, at.district_id, typed, machine_now=clock.machine_now())
    except PassUnknown:
        return False
    return True


async def work_out(
    pool: Pool, at: Principal, place_id: uuid.UUID, bill_minor: int, basket: Basket, *, clock: Clock
) -> tuple[Sum, Outcome | None]:
    """The best sum, without the codes that cannot be used; and the outcome of the newest code, if it is one of those.

    Raises: TooMany, PassUnknown.
    """
    body = QuoteBody(
        bill_minor=bill_minor,
        codes=list(basket.codes),
        pass_code=basket.pass_code or None,
        points=basket.most_points,
    )
    found = await quoting.quote(pool, at, body, clock=clock)
    names = await names_of(pool, at, _offers(found))
    kinds = [(one.index, *ADDRESSED.get(one.type, ("unknown", 404))) for one in found.refused]
    newest = next((one for one in kinds if one[0] == len(basket.codes) - 1), None)
    kept = replace(basket, codes=_kept(basket, found))
    shown = Sum(
        quote=_renumbered(found),
        basket=kept,
        mark=kept.mark(place_id, bill_minor),
        names=names,
        refused=[kind for index, kind, _status in kinds if newest is None or index != newest[0]],
    )
    return shown, None if newest is None else Outcome(kind=newest[1], status=newest[2])


def _offers(found: QuoteOut) -> list[uuid.UUID]:
    return [one.offer_id for one in found.coupons] + [one.offer_id for one in found.left_out]


def _places(found: QuoteOut) -> list[int]:
    return sorted([one.index for one in found.coupons] + [one.index for one in found.left_out])


def _kept(basket: Basket, found: QuoteOut) -> tuple[str, ...]:
    """Each coupon once, and none that cannot be used."""
    return tuple(basket.codes[place] for place in _places(found))


def _renumbered(found: QuoteOut) -> QuoteOut:
    place_of = {old: new for new, old in enumerate(_places(found))}
    return found.model_copy(
        update={
            "coupons": [one.model_copy(update={"index": place_of[one.index]}) for one in found.coupons],
            "left_out": [one.model_copy(update={"index": place_of[one.index]}) for one in found.left_out],
        }
    )


async def names_of(
    pool: Pool, at: Principal, offer_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[Mapping[str, str], Mapping[str, Any]]]:
    """Titles and values of offers."""
    values = {"district_id": at.district_id, "offer_ids": list(offer_ids)}
    async with pool.connection() as connection:
        rows = await (await connection.execute(OFFERS_SQL, values)).fetchall()
    return {offer_id: (title, value) for offer_id, title, value in rows}


async def settle(
    pool: Pool, at: Principal, form: TillForm, bill_minor: int, basket: Basket, *, clock: Clock
) -> BillOut:
    """Use what the sum named, once for the form's number. Raises: as ``bills.settle`` does."""
    codes = [basket.codes[place] for place in form.used if place < len(basket.codes)]
    digest = hashlib.sha256(f"{form.mark}|{form.used}|{form.points}".encode()).hexdigest()[:12]
    body = BillBody(
        bill_minor=bill_minor,
        codes=codes,
        pass_code=basket.pass_code or None if form.points else None,
        points=form.points or None,
        use_request_no=f"web-{form.request_no}-{digest}",
    )
    return await bills.settle(pool, at, body, clock=clock)

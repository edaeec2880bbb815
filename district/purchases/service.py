"""Taking purchase notices: once each, of members who linked themselves; of all others only that there was one."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.audiences import timeline
from district.campaigns import triggers
from district.campaigns.triggers import Happening, NewTrigger
from district.database import new_id
from district.districts.service import DistrictInfo
from district.points import service as points
from district.points.models import MovementKind
from district.points.service import Earning
from district.problems import Conflict, Invalid, NotFound, Unavailable
from district.purchases import queries
from district.purchases.schemas import Taken
from push.audience_terms import EventKind

Connection = AsyncConnection[TupleRow]
REFUND_WINDOW = timedelta(days=30)
FROM_THE_FUTURE = timedelta(minutes=5)
OLDEST = timedelta(days=31)


class NoticeReused(Conflict):
    """A notice's number that stands for something else."""

    slug, title = "notice-reused", "The notice's number was used with another body"


class RefundLate(Conflict):
    """The purchase is too old."""

    slug, title = "refund-window-over", "The purchase is too old to be refunded here"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What came, of whatever source. ``body_hash`` is over what it says, not over how it was wrapped."""

    source: str
    id: str
    body_hash: bytes
    amount_minor: int
    at: datetime
    reference: str
    """The payment's number: what a refund names."""
    member_id: uuid.UUID | None
    store_id: uuid.UUID | None
    now: datetime
    machine_now: datetime


def digest(*parts: object) -> bytes:
    """What is kept of a number or a body: enough to know it again, nothing to read."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()


def check_time(at: datetime, *, now: datetime) -> None:
    """Raises: Invalid for what lies ahead or long ago."""
    if not now - OLDEST <= at <= now + FROM_THE_FUTURE:
        raise Invalid(
            f"at lies in the last {OLDEST.days} days.",
            errors=[{"pointer": "/body/at", "detail": "Check the clock."}],
        )


async def take(connection: Connection, district: DistrictInfo, notice: Notice) -> Taken:
    """Keep a purchase, once; a repeat gets the answer that the first one got.

    Its points and its trigger are part of the same transaction. Raises: NoticeReused.
    """
    values = _values(district, notice)
    stored = await _known(connection, values)
    if stored is not None:
        return stored
    taken = await _purchase(connection, district, notice, values)
    if taken is None:
        await connection.execute(queries.COUNT_UNLINKED_SQL, values)
        taken = Taken(is_linked=False)
    return await _answer(connection, values, taken)


async def _purchase(
    connection: Connection, district: DistrictInfo, notice: Notice, values: dict[str, Any]
) -> Taken | None:
    """None for what is of nobody, or of no store of the district."""
    if notice.member_id is None or notice.store_id is None:
        return None
    purchase_id = new_id()
    row = await connection.execute(queries.ADD_PURCHASE_SQL, values | {"id": purchase_id})
    if await row.fetchone() is None:
        known = await (await connection.execute(queries.PURCHASE_SQL, values)).fetchone()
        return Taken(is_linked=True, purchase_id=known[0] if known else None)
    earned = await _earn(connection, district, notice, purchase_id)
    happening = NewTrigger(
        kind=Happening.PURCHASE,
        member_id=notice.member_id,
        occurrence_key=f"purchase:{purchase_id}",
        at=notice.now,
        subject_id=notice.store_id,
    )
    await triggers.enqueue_all(connection, district.id, [happening])
    await timeline.record_async(
        connection,
        district.id,
        notice.member_id,
        EventKind.PURCHASE,
        at=notice.now,
        store_id=notice.store_id,
        subject_id=purchase_id,
    )
    return Taken(is_linked=True, purchase_id=purchase_id, points=earned)


async def _earn(
    connection: Connection, district: DistrictInfo, notice: Notice, purchase_id: uuid.UUID
) -> int:
    rule = await points.rule_of(connection, district.id)
    assert notice.member_id is not None  # noqa: S101  the caller's condition
    if rule is None or not rule.is_on or (worth := rule.for_purchase(notice.amount_minor)) == 0:
        return 0
    earning = Earning(
        kind=MovementKind.PURCHASE,
        member_id=notice.member_id,
        subject_id=purchase_id,
        points=worth,
        at=notice.now,
        store_id=notice.store_id,
    )
    return await points.earn(connection, district.id, rule, earning)


async def refund(
    connection: Connection,
    district: DistrictInfo,
    notice: Notice,
    *,
    refund_reference: str,
    is_known_unlinked: bool,
) -> Taken:
    """Take a part of a purchase back, once, and the points in proportion.

    A purchase that is not here is either one of nobody (``is_known_unlinked``), or its notice comes later: the caller
    sends the refund again then. Raises: NoticeReused, RefundLate, Conflict for more than is left, Unavailable.
    """
    values = _values(district, notice)
    stored = await _known(connection, values)
    if stored is not None:
        return stored
    row = await (await connection.execute(queries.PURCHASE_SQL, values)).fetchone()
    if row is None:
        if not is_known_unlinked:
            raise Unavailable("The purchase has not been told yet; send the refund again.", retry_after_s=15)
        return await _answer(connection, values, Taken(is_linked=False))
    purchase_id, amount, refunded, bought_at = row
    if notice.at - bought_at > REFUND_WINDOW:
        raise RefundLate(f"A purchase can be refunded for {REFUND_WINDOW.days} days.")
    values |= {"id": new_id(), "purchase_id": purchase_id, "refund_reference": refund_reference}
    added = await (await connection.execute(queries.ADD_REFUND_SQL, values)).fetchone()
    if added is None:
        return await _answer(connection, values, Taken(is_linked=True, purchase_id=purchase_id))
    if refunded + notice.amount_minor > amount:
        raise Conflict("This is more than is left of the purchase.", left_minor=amount - refunded)
    await connection.execute(queries.REFUND_SQL, values)
    back = await _take_back(connection, district, values, amount=amount, refunded=refunded, at=notice.now)
    return await _answer(connection, values, Taken(is_linked=True, purchase_id=purchase_id, points=-back))


async def _take_back(
    connection: Connection,
    district: DistrictInfo,
    values: dict[str, Any],
    *,
    amount: int,
    refunded: int,
    at: datetime,
) -> int:
    """Points in proportion; what all refunds of a purchase take is never more than it brought, and all of it at the end."""
    rule = await points.rule_of(connection, district.id)
    brought = await points.earned(connection, district.id, MovementKind.PURCHASE, values["purchase_id"])
    after = brought * (refunded + values["amount_minor"]) // amount
    wanted = after - brought * refunded // amount
    if rule is None or wanted == 0:
        return 0
    return await points.take_back(
        connection,
        district.id,
        rule,
        of=(MovementKind.PURCHASE, values["purchase_id"]),
        subject_id=values["id"],
        at=at,
        points=wanted,
    )


def _values(district: DistrictInfo, notice: Notice) -> dict[str, Any]:
    return {
        "district_id": district.id,
        "source": notice.source,
        "notice_hash": digest(notice.id),
        "body_hash": notice.body_hash,
        "day": district.trading_day(notice.now),
        "reference": notice.reference,
        "member_id": notice.member_id,
        "store_id": notice.store_id,
        "amount_minor": notice.amount_minor,
        "at": notice.at,
        "now": notice.now,
        "machine_now": notice.machine_now,
    }


async def _known(connection: Connection, values: dict[str, Any]) -> Taken | None:
    """The answer of the first such notice, None when this is it; one that is at work is waited for."""
    if await (await connection.execute(queries.ADD_NOTICE_SQL, values)).fetchone() is not None:
        return None
    row = await (await connection.execute(queries.NOTICE_SQL, values)).fetchone()
    if row is None:
        raise Unavailable("Send the same notice again.")
    if bytes(row[0]) != values["body_hash"]:
        raise NoticeReused("Give each notice a number of its own.")
    return Taken.model_validate(row[1])


async def _answer(connection: Connection, values: dict[str, Any], taken: Taken) -> Taken:
    await connection.execute(queries.ANSWER_SQL, values | {"answer": Jsonb(taken.model_dump(mode="json"))})
    return taken


async def answered(
    connection: Connection, district_id: uuid.UUID, *, source: str, notice_id: str, body_hash: bytes
) -> Taken | None:
    """The answer that a notice got before, even if what it named is over by now. Raises: NoticeReused."""
    values = {"district_id": district_id, "source": source, "notice_hash": digest(notice_id)}
    row = await (await connection.execute(queries.NOTICE_SQL, values)).fetchone()
    if row is None:
        return None
    if bytes(row[0]) != body_hash:
        raise NoticeReused("Give each notice a number of its own.")
    return Taken.model_validate(row[1])


async def known_unlinked(
    connection: Connection, district_id: uuid.UUID, *, source: str, notice_id: str
) -> bool:
    """Whether a notice of this number came and was of nobody."""
    values = {"district_id": district_id, "source": source, "notice_hash": digest(notice_id)}
    row = await (await connection.execute(queries.NOTICE_SQL, values)).fetchone()
    if row is None:
        raise NotFound("No purchase was told under this number.")
    return not Taken.model_validate(row[1]).is_linked

"""Vouchers: made in batches, printed, and used no more often than they may be."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from district.auth import limits
from district.auth.limits import Limit
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.problems import Invalid, NotFound
from district.vouchers import codes
from district.vouchers.models import Voucher, VoucherBatch, VoucherUse
from district.vouchers.queries import BATCHES_SQL, INSERT_CODES_SQL, PLAN_SQL, STANDING_SQL, TAKE_SQL
from district.vouchers.schemas import BatchAnswer, NewBatch

TRIES_PERIOD = timedelta(hours=1)
TRIES_OF_DEVICE = 10
TRIES_OF_NETWORK = 300
"""Wrong ones; shoppers share few addresses."""


class WrongVoucher(Invalid):
    """A code that lets nobody in."""

    slug, title = "wrong-voucher", "This access code does not work"


def create(session: Session, district: DistrictInfo, new: NewBatch, *, clock: Clock) -> BatchAnswer:
    """Make a batch and its codes. Raises: Invalid for an unknown plan or an end that has passed."""
    if new.valid_until is not None and new.valid_until <= clock.now():
        raise _at("/valid_until", "This is in the past.")
    batch = VoucherBatch(
        district_id=district.id,
        id=new_id(),
        name=new.name,
        plan_id=_plan_id(session, district.id, new.plan),
        uses=new.uses,
        valid_until=new.valid_until,
        created_at=clock.now(),
    )
    session.add(batch)
    session.flush()
    left = new.count
    while left:  # a code that exists already is drawn again
        drawn = {codes.make() for _ in range(left)}
        values = {"district_id": district.id, "batch_id": batch.id, "codes": sorted(drawn)}
        left -= _changed(session, INSERT_CODES_SQL, values)
    return get(session, district.id, batch.id)


def _changed(session: Session, statement: str, values: dict[str, Any]) -> int:
    return session.connection().execute(text(statement), values).rowcount


def _plan_id(session: Session, district_id: uuid.UUID, slug: str | None) -> uuid.UUID | None:
    if slug is None:
        return None
    found: uuid.UUID | None = session.scalar(text(PLAN_SQL), {"district_id": district_id, "slug": slug})
    if found is None:
        raise _at("/plan", f"No plan {slug!r}.")
    return found


def _at(pointer: str, detail: str) -> Invalid:
    return Invalid("See errors.", errors=[{"pointer": pointer, "detail": detail}])


def page(
    session: Session, district_id: uuid.UUID, *, after: uuid.UUID | None, limit: int
) -> list[BatchAnswer]:
    """Batches in the order in which they were made, after one."""
    values = {"district_id": district_id, "id": None, "after": after, "limit": limit}
    rows = session.execute(text(BATCHES_SQL), values).mappings()
    return [BatchAnswer.model_validate(dict(row)) for row in rows]


def get(session: Session, district_id: uuid.UUID, batch_id: uuid.UUID) -> BatchAnswer:
    """Raises: NotFound."""
    values = {"district_id": district_id, "id": batch_id, "after": None, "limit": 1}
    row = session.execute(text(BATCHES_SQL), values).mappings().one_or_none()
    if row is None:
        raise NotFound("No such batch of access codes.")
    return BatchAnswer.model_validate(dict(row))


def vouchers_of(session: Session, district_id: uuid.UUID, batch_id: uuid.UUID) -> Sequence[Voucher]:
    """Every code of a batch, in an order of its own. Raises: NotFound."""
    get(session, district_id, batch_id)
    rows = select(Voucher).where(Voucher.district_id == district_id, Voucher.batch_id == batch_id)
    return session.scalars(rows.order_by(Voucher.code)).all()


def revoke(session: Session, district_id: uuid.UUID, batch_id: uuid.UUID, *, clock: Clock) -> BatchAnswer:
    """No code of the batch lets anybody in any more; doing it twice changes nothing. Raises: NotFound."""
    row = session.get(VoucherBatch, (district_id, batch_id))
    if row is not None:
        row.revoked_at = row.revoked_at or clock.now()
        session.flush()
    return get(session, district_id, batch_id)


def use(
    session: Session, district: DistrictInfo, code: str, member_id: uuid.UUID, *, clock: Clock
) -> uuid.UUID | None:
    """Let a member in with a code, and say with which plan; who used it before may come back with it.

    A code is never used by more people than it may be, however many try at once.

    Raises: WrongVoucher.
    """
    values = {"district_id": district.id, "code": code, "now": clock.now()}
    standing = session.execute(text(STANDING_SQL), values).one_or_none()
    if standing is None:
        raise _unknown()
    used, uses, revoked_at, valid_until, plan_id = standing
    if revoked_at is not None or (valid_until is not None and valid_until <= clock.now()):
        raise WrongVoucher(
            "This access code is not valid any more. Ask for a new one where you got it.",
            detail_zh="该上网码已失效，请到领取处换取新的上网码。",
        )
    use_of_member = {
        "district_id": district.id,
        "code": code,
        "member_id": member_id,
        "used_at": clock.now(),
    }
    is_first = session.scalar(
        insert(VoucherUse).values(use_of_member).on_conflict_do_nothing().returning(VoucherUse.code)
    )
    if is_first is None:
        return _own_plan(plan_id)
    taken = session.execute(text(TAKE_SQL), values).one_or_none() if used < uses else None
    if taken is None:
        raise WrongVoucher(
            "This access code was used already. Ask for a new one where you got it.",
            detail_zh="该上网码已被使用，请到领取处换取新的上网码。",
        )
    return _own_plan(taken[0])


def _own_plan(plan_id: Any) -> uuid.UUID | None:
    """A plan of a raw row, which the driver leaves untyped."""
    return plan_id if isinstance(plan_id, uuid.UUID) else None


def _unknown() -> WrongVoucher:
    return WrongVoucher(
        "There is no such access code. Type the nine letters and digits as they are printed.",
        detail_zh="没有这个上网码。请按印刷的内容输入九位字母和数字。",
    )


def read(typed: str) -> str:
    """A code as it is stored. Raises: WrongVoucher for what can be none."""
    code = codes.read(typed)
    if not code:
        raise _unknown()
    return code


def count_try(
    sessions: sessionmaker[Session],
    district: DistrictInfo,
    *,
    device: bytes | None,
    network: str,
    clock: Clock,
) -> None:
    """Count a try, for good, before anything is looked up. Raises: TooMany."""
    with sessions.begin() as session:
        for limit in _tries(device, network):
            limits.take(session, district.id, limit, clock=clock)


def forgive_try(
    session: Session, district: DistrictInfo, *, device: bytes | None, network: str, clock: Clock
) -> None:
    """The try was right: take it back."""
    for limit in _tries(device, network):
        limits.give_back(session, district.id, limit, clock=clock)


def _tries(device: bytes | None, network: str) -> list[Limit]:
    words = {
        "detail": "Too many wrong access codes. Wait an hour, or choose another way to sign in.",
        "detail_zh": "上网码错误次数过多，请一小时后再试，或换一种方式登录。",
    }
    subjects = [(f"voucher-network:{network}", TRIES_OF_NETWORK)]
    if device is not None:
        subjects.insert(0, (f"voucher-device:{device.hex()}", TRIES_OF_DEVICE))
    return [
        Limit(
            subject=subject,
            period=TRIES_PERIOD,
            most=most,
            detail=words["detail"],
            detail_zh=words["detail_zh"],
        )
        for subject, most in subjects
    ]

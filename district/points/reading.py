"""What a member sees of his points, and what an operator sets."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from district.districts.service import DistrictInfo
from district.merchants.models import Merchant
from district.points.models import PointsLot, PointsMovement, PointsRule, PointsWallet
from district.points.outstanding import debts
from district.points.schemas import Ending, MovementOut, PointsOut, RuleBody
from district.problems import Conflict, NotFound

MOST_ENDINGS = 10


def rule(session: Session, district_id: uuid.UUID) -> RuleBody:
    """The rule as it is; before there is one, the one that gives nothing."""
    row = session.get(PointsRule, (district_id,))
    return RuleBody() if row is None else RuleBody.model_validate(row)


def set_rule(session: Session, district_id: uuid.UUID, body: RuleBody, *, now: datetime) -> RuleBody:
    """Replace the rule. Raises: NotFound, Conflict when another value would change what members' points are worth."""
    _check_merchants(session, district_id, body.merchant_ids)
    row = session.get(PointsRule, (district_id,), with_for_update=True)
    if row is not None and row.value_minor != body.value_minor:
        _check_none_out(session, district_id, row.value_minor)
    if row is None:
        row = PointsRule(district_id=district_id)
        session.add(row)
    for name, value in body.model_dump().items():
        setattr(row, name, value)
    row.changed_at = now
    session.flush()
    return body


def _check_merchants(session: Session, district_id: uuid.UUID, named: Sequence[uuid.UUID] | None) -> None:
    """Raises: NotFound for one that is not of this district."""
    statement = select(func.count()).select_from(Merchant)
    own = statement.where(Merchant.district_id == district_id, Merchant.id.in_(set(named or ())))
    if named and session.scalar(own) != len(set(named)):
        raise NotFound(
            "One of these merchants is not of this district.", detail_zh="所选商户中有不属于本商圈的。"
        )


def _check_none_out(session: Session, district_id: uuid.UUID, value_minor: int) -> None:
    """Raises: Conflict while members hold or owe points of this value, with how many."""
    lots = select(func.coalesce(func.sum(PointsLot.remaining), 0))
    held = int(session.scalar(lots.where(PointsLot.district_id == district_id, PointsLot.remaining > 0)) or 0)
    owed = debts(session, district_id)
    if not held and not owed:
        return
    words, words_zh = (
        f"Members hold {held:,} points of this value: it can change when none are out.",
        f"会员手中还有按此价值计算的 {held:,} 积分：没有未用积分时才能修改。",
    )
    if not held:
        words, words_zh = (
            f"Members owe {owed:,} points of this value: it can change when they have been made up for.",
            f"会员还欠 {owed:,} 个按此价值计算的积分：全部抵补后才能修改。",
        )
    raise Conflict(
        words,
        value_minor=value_minor,
        points_out=held,
        points_owed=owed,
        detail_zh=words_zh,
        errors=[{"pointer": "/value_minor", "detail": words, "detail_zh": words_zh}],
    )


def of_member(
    session: Session,
    district: DistrictInfo,
    member_id: uuid.UUID,
    *,
    now: datetime,
    after: uuid.UUID | None,
    limit: int,
) -> PointsOut:
    """Balance, what ends next and one page of the history."""
    standing = (
        PointsLot.district_id == district.id,
        PointsLot.member_id == member_id,
        PointsLot.remaining > 0,
        PointsLot.expires_at > now,
    )
    held = session.scalar(select(func.coalesce(func.sum(PointsLot.remaining), 0)).where(*standing)) or 0
    wallet = session.get(PointsWallet, (district.id, member_id))
    balance = int(held) - (wallet.debt if wallet else 0)
    endings = session.scalars(
        select(PointsLot).where(*standing).order_by(PointsLot.expires_at, PointsLot.id).limit(MOST_ENDINGS)
    )
    value_minor = rule(session, district.id).value_minor
    moved = _history(session, district.id, member_id, after=after, limit=limit + 1)
    return PointsOut(
        balance=balance,
        worth_minor=max(0, balance) * value_minor,
        value_minor=value_minor,
        currency=district.currency,
        endings=[Ending(points=lot.remaining, at=lot.expires_at) for lot in endings],
        items=[MovementOut.model_validate(row) for row in moved[:limit]],
        next=moved[limit - 1].id if len(moved) > limit else None,
    )


def _history(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, *, after: uuid.UUID | None, limit: int
) -> Sequence[PointsMovement]:
    own = select(PointsMovement).where(
        PointsMovement.district_id == district_id,
        PointsMovement.member_id == member_id,
        PointsMovement.points != 0,
    )
    if after is not None:
        last = select(PointsMovement.at, PointsMovement.id).where(
            PointsMovement.district_id == district_id,
            PointsMovement.member_id == member_id,
            PointsMovement.id == after,
        )
        found = session.execute(last).one_or_none()
        if found is None:
            return ()
        own = own.where(tuple_(PointsMovement.at, PointsMovement.id) < tuple_(*found))
    return session.scalars(
        own.order_by(PointsMovement.at.desc(), PointsMovement.id.desc()).limit(limit)
    ).all()

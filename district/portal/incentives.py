"""What joining the Wi-Fi brings, once to each person: nothing of it depends on any consent."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.campaigns.shared_models import JoinIncentive, JoinReward
from district.gateways.models import WifiSession
from district.members.models import Member


class Reward(StrEnum):
    """What an incentive gives."""

    COUPON = "coupon"
    RED_PACKET = "red_packet"
    POINTS = "points"
    PLAN = "plan"


def plan_of(session: Session, member: Member, *, now: datetime) -> uuid.UUID | None:
    """The faster plan that the member has from joining before, or gets by joining now; the newest of several."""
    if not _has_any(session, member):
        return None
    had = session.scalar(
        select(JoinIncentive.plan_id)
        .join(
            JoinReward,
            and_(
                JoinReward.district_id == JoinIncentive.district_id,
                JoinReward.incentive_id == JoinIncentive.id,
            ),
        )
        .where(
            JoinReward.district_id == member.district_id,
            JoinReward.member_id == member.id,
            JoinReward.until > now,
        )
        .order_by(JoinReward.at.desc(), JoinReward.incentive_id.desc())
        .limit(1)
    )
    if had is not None:
        return had
    earned = _earned(session, member, joins_before=_joins(session, member), now=now)
    plans = [one.plan_id for one in earned if one.kind == Reward.PLAN]
    return plans[-1] if plans else None


def earn(session: Session, member: Member, row: WifiSession, *, now: datetime) -> list[uuid.UUID]:
    """Note what this join, which is written already, brings; the incentives. Told again, it changes nothing."""
    if not _has_any(session, member):
        return []
    earned = _earned(session, member, joins_before=_joins(session, member) - 1, now=now)
    given = []
    for one in earned:
        until = None if one.plan_for_s is None else now + timedelta(seconds=one.plan_for_s)
        values = {
            "district_id": member.district_id,
            "incentive_id": one.id,
            "member_id": member.id,
            "at": now,
            "wifi_session_id": row.id,
            "until": until if one.kind == Reward.PLAN else None,
        }
        statement = insert(JoinReward).values(values).on_conflict_do_nothing()
        if session.scalar(statement.returning(JoinReward.incentive_id)) is not None:
            given.append(one.id)
    return given


def _has_any(session: Session, member: Member) -> bool:
    """Whether the district has ever had an incentive: most sign-ins then ask nothing more."""
    some = select(JoinIncentive.id).where(JoinIncentive.district_id == member.district_id)
    return session.scalar(some.limit(1)) is not None


def _joins(session: Session, member: Member) -> int:
    """How often the person joined, whatever the device."""
    counted = select(func.count()).where(
        WifiSession.district_id == member.district_id, WifiSession.member_id == member.id
    )
    return session.scalar(counted.select_from(WifiSession)) or 0


def _earned(session: Session, member: Member, *, joins_before: int, now: datetime) -> Sequence[JoinIncentive]:
    """What runs now, is for this join, and the person does not have yet; by age."""
    has_it = (
        select(JoinReward.incentive_id)
        .where(
            JoinReward.district_id == JoinIncentive.district_id,
            JoinReward.incentive_id == JoinIncentive.id,
            JoinReward.member_id == member.id,
        )
        .exists()
    )
    wanted = select(JoinIncentive).where(
        JoinIncentive.district_id == member.district_id,
        runs(now),
        JoinIncentive.nth == joins_before + 1,
        ~has_it,
    )
    if member.verified_at is None:
        wanted = wanted.where(JoinIncentive.needs_contact.is_(False))
    return session.scalars(wanted.order_by(JoinIncentive.id)).all()


def runs(now: datetime) -> ColumnElement[bool]:
    """Whether an incentive is in force."""
    return and_(
        JoinIncentive.ended_at.is_(None),
        or_(JoinIncentive.starts_at.is_(None), JoinIncentive.starts_at <= now),
        or_(JoinIncentive.ends_at.is_(None), JoinIncentive.ends_at > now),
    )

"""What a campaign's plain fields must be; refused in both languages."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.points.models import PointsRule
from district.problems import Invalid
from push.offer import OfferKind
from push.offer_document import parse_offer
from push.wording import clean

OFFLINE_MOST_MINOR = 2_000
"""What an offer may cost that tills take without a line, in a district whose operator has set nothing."""
OFFLINE_SQL = "SELECT most_value_minor FROM offline_policy WHERE district_id = :district_id"


def name(given: str) -> str:
    """The cleaned name. Raises: Invalid when nothing of it can be seen."""
    cleaned = clean(given)
    if not cleaned:
        raise Invalid(
            "See errors.",
            errors=[
                {
                    "pointer": "/name",
                    "detail": "Write a name that can be seen.",
                    "detail_zh": "请填写可见的名称。",
                }
            ],
        )
    return cleaned


def points(session: Session, district_id: uuid.UUID, offer: Mapping[str, Any]) -> None:
    """Raises: Invalid for an offer of points in a district that gives none."""
    if offer.get("kind") != OfferKind.POINTS:
        return
    rule = session.get(PointsRule, district_id)
    if rule is None or not rule.is_on:
        detail = {
            "detail": "The district gives no points: ask its operator to switch them on, or offer something else.",
            "detail_zh": "本商圈未启用积分，请联系运营方启用，或改用其他优惠。",
        }
        raise Invalid("See errors.", errors=[{"pointer": "/offer/kind", **detail}])


def dates(
    starts_at: datetime | None, ends_at: datetime | None, rule: Mapping[str, Any] | None = None
) -> None:
    """Raises: Invalid when the end is not after the start, be it the campaign's own or its rule's."""
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        detail = {"detail": "It must be after starts_at.", "detail_zh": "结束时间须晚于开始时间。"}
        raise Invalid("See errors.", errors=[{"pointer": "/ends_at", **detail}])
    first, last = window(starts_at, ends_at, rule or {})
    if first is not None and last is not None and last <= first:
        detail = {
            "detail": "The rule's dates and the campaign's have no moment in common: change one of them.",
            "detail_zh": "规则的起止时间与活动的起止时间没有重叠，请修改其一。",
        }
        raise Invalid("See errors.", errors=[{"pointer": "/rule/when", **detail}])


def window(
    starts_at: datetime | None, ends_at: datetime | None, rule: Mapping[str, Any]
) -> tuple[datetime | None, datetime | None]:
    """When a campaign holds: from the later start until the earlier end, of its own and of its checked rule's."""
    when = rule.get("when", {})
    starts = [starts_at, _moment(when.get("starts_at"))]
    ends = [ends_at, _moment(when.get("ends_at"))]
    return (
        max((one for one in starts if one is not None), default=None),
        min((one for one in ends if one is not None), default=None),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def offline(session: Session, district_id: uuid.UUID, offer: Mapping[str, Any]) -> None:
    """Tills without a line cannot ask: what one such offer can cost is bounded by the operator. Raises: Invalid."""
    parsed = parse_offer(offer)
    if not parsed.is_offline_ok:
        return
    most = session.scalar(text(OFFLINE_SQL), {"district_id": district_id})
    most = OFFLINE_MOST_MINOR if most is None else most
    cost = parsed.value.most_cost_minor
    if cost is not None and cost <= most:
        return
    detail = {
        "detail": f"An offer for tills without a line may cost {most} minor units at most"
        + ("; say the most that a percentage takes off." if cost is None else f", this one {cost}."),
        "detail_zh": f"离线收银台可用的优惠，每份最高 {most} 最小货币单位"
        + ("；请填写最高优惠额。" if cost is None else f"，当前为 {cost}。"),
    }
    raise Invalid("See errors.", errors=[{"pointer": "/offer/offline", **detail}])

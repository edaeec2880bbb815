"""How many people an audience has, rounded down to tens; never of one that an uploaded list decides about."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from district.audiences import ownership, segments
from district.audiences.compile import compile_sql
from district.audiences.models import Follow, Segment
from district.audiences.ownership import SetOwner
from district.auth import limits
from district.auth.limits import Limit
from district.auth.service import Principal
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.offers.preview_answer import tens
from district.offers.preview_routes import AN_HOUR
from district.problems import Invalid, Unavailable
from district.stores.models import Store
from push.audience import Audience
from push.audience_document import parse_who
from push.audience_segments import expand, names_of
from push.audience_terms import LabelKind
from push.problems import Report
from push.wording import Language

LONGEST_S = 5


class ListNotCounted(Invalid):
    """An audience whose size would tell who on an uploaded list is a member."""

    slug, title = "list-not-counted", "How many of an uploaded list are members is told nowhere"


class CountTooLong(Unavailable):
    """A count that did not end in time."""

    slug, title = "count-too-long", "Counting took too long"


def size(session: Session, district: DistrictInfo, principal: Principal, rule: Any, *, clock: Clock) -> int:
    """The members who are known to belong now, rounded down to tens; it takes one of the hour's previews.

    The transaction is of no more use after CountTooLong. Raises: Invalid, ListNotCounted, TooMany, CountTooLong.
    """
    whose = ownership.owner_of(principal)
    report = Report(pointer="/rule")
    audience = parse_who(rule, report)
    if report.problems:
        first = report.problems[0].detail
        raise Invalid(first.read(Language.EN)[1], detail_zh=first.read(Language.ZH)[1])
    segments.check_audience(session, district.id, whose, audience, pointer="/rule")
    written_out = expand(audience, segments.rules_of(session, district.id, whose))
    if _hangs_on_a_list(session, district, principal, written_out):
        raise ListNotCounted(
            "The audience names an uploaded list: how many of its people are members is told nowhere.",
            detail_zh="目标人群引用了上传的名单：名单中有多少人是会员不予透露。",
        )
    _take(session, district, whose, clock=clock)
    owner = segments.asked_as(session, district.id, whose)
    compiled = compile_sql(written_out, district, owner, now=clock.now())
    session.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": f"{LONGEST_S}s"})
    try:
        statement = f"SELECT count(*) FROM ({compiled.sql}) AS found"
        count = session.connection().exec_driver_sql(statement, compiled.params).scalar_one()
    except OperationalError as error:
        raise CountTooLong(
            "The audience is too large to count now: try again, or ask less of it.",
            detail_zh="人群过大，暂时无法统计：请稍后重试或简化条件。",
        ) from error
    session.execute(text("SELECT set_config('statement_timeout', '0', true)"))
    return tens(count)


def followers(session: Session, district: DistrictInfo, owner: SetOwner) -> int:
    """How many members follow any store of the merchant or in the property, rounded down to tens."""
    is_own = (
        Store.merchant_id == owner.merchant_id
        if owner.property_id is None
        else Store.property_id == owner.property_id
    )
    counted = (
        select(func.count(func.distinct(Follow.member_id)))
        .join(Store, (Store.district_id == Follow.district_id) & (Store.id == Follow.store_id))
        .where(Follow.district_id == district.id, is_own)
    )
    return tens(session.scalar(counted) or 0)


def _take(session: Session, district: DistrictInfo, owner: SetOwner, *, clock: Clock) -> None:
    """Audiences that differ a little would tell of single people, as fences do: they share one limit."""
    limit = Limit(
        subject=f"preview:{owner.id or district.id}",
        period=timedelta(hours=1),
        most=AN_HOUR,
        detail=f"At most {AN_HOUR} previews and counts an hour: wait a while.",
        detail_zh=f"每小时最多预览和统计 {AN_HOUR} 次，请稍后再试。",
    )
    limits.take(session, district.id, limit, clock=clock)


def _hangs_on_a_list(
    session: Session, district: DistrictInfo, principal: Principal, audience: Audience
) -> bool:
    """Whether it names a list, itself or by the static segments that it names."""
    if names_of(audience, LabelKind.LIST):
        return True
    frozen = names_of(audience, LabelKind.SEGMENT)
    if not frozen:
        return False
    whose = ownership.owner_of(principal)
    rules = segments.rules_of(session, district.id, whose)
    named = ownership.owned(Segment, district.id, whose).where(Segment.name.in_(frozen))
    inner = [expand(parse_who(row.rule, Report()), rules) for row in session.scalars(named)]
    return any(_hangs_on_a_list(session, district, principal, one) for one in inner)

"""What the editor offers to choose from: zones, streets, the owner's sets of members, trades, and what the operator set."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from district.audiences.models import ContactList, Segment, Tag
from district.audiences.ownership import owned, owner_of
from district.auth.service import Principal
from district.campaigns.grounds import STREETS
from district.districts.service import DistrictInfo
from district.offers.arbitration_models import MarketingPolicy
from district.offers.policies import DEFAULT
from district.stores.trades import TITLES
from district.web import categories
from district.web.categories import NOT_SHOPPING
from district.web.language import Language, spoken
from district.zones.models import MapFeature, Zone

MOST = 500
Choice = tuple[str, str]
"""What the document says, and what a person reads."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the operator set for all campaigns, as far as a merchant is told."""

    offers_per_day: int
    gap_min: int
    holdout_pct: int


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Everything that a field offers by name."""

    zones: Sequence[Choice]
    streets: Sequence[Choice]
    tags: Sequence[Choice]
    lists: Sequence[Choice]
    segments: Sequence[Choice]
    trades: Sequence[Choice]
    policy: Policy


def of_merchant(session: Session, district: DistrictInfo, principal: Principal) -> Choices:
    """Those of a merchant; titles in the language being spoken."""
    return Choices(
        zones=_zones(session, district),
        streets=_streets(session, district),
        tags=sets(session, district, principal, Tag),
        lists=sets(session, district, principal, ContactList),
        segments=sets(session, district, principal, Segment),
        trades=_trades(),
        policy=_policy(session, district),
    )


def _zones(session: Session, district: DistrictInfo) -> list[Choice]:
    rows = session.scalars(
        select(Zone).where(Zone.district_id == district.id).order_by(Zone.name).limit(MOST)
    )
    is_chinese = spoken().language is Language.ZH
    return [(row.slug, (is_chinese and row.name_zh) or row.name) for row in rows]


def _streets(session: Session, district: DistrictInfo) -> list[Choice]:
    """Each name once, under the least id of its parts: all parts of a name belong to it."""
    named = (
        select(func.min(cast(MapFeature.id, Text)), MapFeature.name)
        .where(MapFeature.district_id == district.id, MapFeature.layer == STREETS, MapFeature.name != "")
        .group_by(MapFeature.name)
        .order_by(MapFeature.name)
        .limit(MOST)
    )
    return [(str(key), name) for key, name in session.execute(named)]


def sets(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    table: type[Tag] | type[ContactList] | type[Segment],
) -> list[Choice]:
    """The caller's own tags, lists or segments."""
    rows = session.scalars(owned(table, district.id, owner_of(principal)).order_by(table.name).limit(MOST))
    return [(row.name, row.title) for row in rows]


def _trades() -> list[Choice]:
    named = [(one, categories.title(one, spoken().language)) for one in TITLES if one not in NOT_SHOPPING]
    return sorted(named, key=lambda choice: choice[1].casefold())


def _policy(session: Session, district: DistrictInfo) -> Policy:
    row = session.get(MarketingPolicy, district.id) or DEFAULT
    return Policy(offers_per_day=row.offers_per_day, gap_min=row.gap_min, holdout_pct=row.holdout_pct)

"""Campaigns in force, as the engine's values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import shapely
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences.segments import all_rules
from district.campaigns.queries import CAPS_SQL, LIVE_CAMPAIGNS_SQL
from district.districts.service import DistrictInfo
from geo.errors import GeoError
from geo.hours import CountryUnknown, Hours, Window
from geo.public_holidays import check_country, is_public_holiday
from geo.zones import Area
from push.audience_facts import Owner
from push.audience_segments import expand, names_of
from push.audience_terms import LabelKind, VisitScope
from push.calendar import OpenDays
from push.campaign import Campaign, CampaignState
from push.campaign import Hours as OpenHours
from push.campaign_document import parse_rule
from push.caps import concern, counts_of
from push.errors import PushError
from push.identifiers import CampaignId, MerchantId, StoreId
from push.limit_document import LIMITS, parse_caps
from push.limits import Count, TradingDay
from push.offer_document import parse_offer
from push.problems import Report
from push.rule import HolidayRule, When
from push.wording import Localised

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class LiveCampaign:
    """A campaign that decides, and where."""

    campaign: Campaign
    fence: Area
    floor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnyOpen:
    """The hours of several stores together: open while one of them is."""

    hours: tuple[OpenHours, ...]

    def is_open(self, now: datetime, /) -> bool | None:
        """True when any is open; None when none is and one is unknown."""
        answers = [one.is_open(now) for one in self.hours]
        return True if True in answers else None if None in answers else False

    def next_change(self, now: datetime, /) -> datetime | None:
        """The first change of any: never later than that of all together."""
        return min((at for one in self.hours if (at := one.next_change(now)) is not None), default=None)


async def live_campaigns(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, *, only: Collection[UUID] | None = None
) -> tuple[LiveCampaign, ...]:
    """Every live campaign of the district (of these), by id. One that cannot be read is left out and logged."""
    values = {"district_id": district.id, "campaigns": None if only is None else list(only)}
    cursor = await connection.execute(LIVE_CAMPAIGNS_SQL, values)
    found = []
    for row in await cursor.fetchall():
        try:
            found.append(_of_row(row, district))
        except (PushError, GeoError) as error:
            log.error("campaign.unreadable", campaign=str(row[0]), error=type(error).__name__)
    found = await _written_out(connection, district, found)
    counts = await _counts(connection, district)
    return tuple(_counted(one, counts) for one in found)


async def _written_out(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, every: Sequence[LiveCampaign]
) -> list[LiveCampaign]:
    """The campaigns with live segments in the place of their names; one whose segments cannot be is left out and logged."""
    if not any(names_of(one.campaign.rule.audience, LabelKind.SEGMENT) for one in every):
        return list(every)
    rules, found = await all_rules(connection, district.id), []
    for one in every:
        owner = one.campaign.owner
        own = rules.get(None if owner is None else owner.id, {})
        try:
            audience = expand(one.campaign.rule.audience, own)
        except PushError as error:
            log.error("campaign.unreadable", campaign=str(one.campaign.id), error=type(error).__name__)
            continue
        rule = replace(one.campaign.rule, audience=audience)
        found.append(replace(one, campaign=replace(one.campaign, rule=rule)))
    return found


def _owner(merchant_id: UUID | None, property_id: UUID | None) -> Owner:
    """What "merchant" means in an audience: the owner's stores, whoever the owner is."""
    if merchant_id is not None:
        return Owner(merchant_id=MerchantId(merchant_id))
    if property_id is not None:
        return Owner(scope=VisitScope.PROPERTY, property_ids=frozenset({property_id}))
    return Owner(scope=VisitScope.DISTRICT)


async def _counts(connection: AsyncConnection[TupleRow], district: DistrictInfo) -> frozenset[Count]:
    """What the caps of all live campaigns count together, so that each offer is added to it."""
    cursor = await connection.execute(CAPS_SQL, {"district_id": district.id})
    found: set[Count] = set()
    for merchant_id, caps in await cursor.fetchall():
        report = Report()
        LIMITS["cap"].check(caps, report)
        if not report.problems:  # else its campaign was left out above
            found |= counts_of(parse_caps(caps), merchant_id)
    return frozenset(found)


def _counted(live: LiveCampaign, counts: frozenset[Count]) -> LiveCampaign:
    return replace(live, campaign=replace(live.campaign, counted=concern(counts, live.campaign.merchant_id)))


def _of_row(row: Sequence[Any], district: DistrictInfo) -> LiveCampaign:
    """A row of LIVE_CAMPAIGNS_SQL, which the driver leaves untyped."""
    id_, version, merchant_id, state, rule_document, offer, fence, floor, starts_at, ends_at = row[:10]
    is_sold_out, store_ids, names, names_zh, hours, owning_merchant_id, property_id = row[10:]
    rule, ground = parse_rule(rule_document), shapely.from_wkb(bytes(fence))
    campaign = Campaign(
        id=CampaignId(id_),
        version=version,
        merchant_id=MerchantId(merchant_id),
        store_ids=tuple(StoreId(UUID(str(one))) for one in store_ids),
        store_name=_store_name(names, names_zh),
        state=CampaignState(state),
        rule=rule,
        offer=parse_offer(offer),
        starts_at=starts_at,
        ends_at=ends_at,
        window=window(rule.when.opening_hours, district),
        store_hours=_store_hours(hours, district) if rule.when.and_store_open else None,
        days=days(rule.when, district) if rule.when.picks_days else None,
        ground=ground,
        is_sold_out=is_sold_out,
        owner=_owner(owning_merchant_id, property_id),
    )
    return LiveCampaign(campaign=campaign, fence=ground, floor=floor)


def window(text: str | None, district: DistrictInfo) -> Window | None:
    """A rule's hours in the district's zone; None: at any hour. Raises: GeoError."""
    if text is None:
        return None
    return Window(expression=text, zone=district.zone, country=district.country or None)


def days(when: When, district: DistrictInfo) -> OpenDays | None:
    """The trading days of the district that a rule lets through; None: its country's holidays are not known."""
    if when.public_holidays is not HolidayRule.ANY:
        try:
            check_country(district.country)
        except CountryUnknown:
            return None

    def is_holiday(day: date) -> bool:
        return is_public_holiday(day, district.country)

    return OpenDays(
        when=when, day=TradingDay(zone=district.zone, starts_at=district.day_start), is_holiday=is_holiday
    )


def _store_hours(texts: Sequence[str], district: DistrictInfo) -> AnyOpen:
    return AnyOpen(
        hours=tuple(
            Hours.read(text, zone=district.zone, country=district.country or None, location=district.center)
            for text in texts
        )
    )


def _store_name(names: Sequence[str], names_zh: Sequence[str]) -> Localised:
    """The name of the first store; a member is told one name, not all of a chain."""
    name, name_zh = (names[0], names_zh[0]) if names else ("", "")
    return Localised(zh=name_zh or name or "本商户", en=name or name_zh or "the merchant")

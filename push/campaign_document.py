"""The JSON document of a campaign: its schema, and the strict parser of its rule.

The vocabulary is a subset of the full rule language. Whatever is not in it is refused by name, so a later
version can give it a meaning without changing what an accepted document says today.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from geo import errors, geojson
from geo.coordinates import LonLat
from geo.errors import GeoError
from geo.hours import Hours
from push.audience import Audience, Familiarity, VisitScope
from push.campaign import (
    BuildingFence,
    CampaignRule,
    CircleFence,
    DrawnFence,
    Fence,
    Trigger,
    TriggerKind,
    When,
)
from push.campaign_vocabulary import RULE
from push.limits import CapRule, Period
from push.offer_vocabulary import OFFER
from push.problems import DocumentRefused, Reason, Report
from push.vocabulary import JsonSchema
from push.wording import both, clean

# JSON, after its shape was checked: the one place where its members have no static type.
Document: TypeAlias = Mapping[str, Any]

DEFAULT_CAP = CapRule(n=1, per=Period.DAY)
DEFAULT_TTL = timedelta(minutes=90)
# Whether hours can be read does not depend on where.
_ANY_ZONE = ZoneInfo("UTC")
# What geo says in English, for those who read Chinese.
_GEOMETRY_ZH: Mapping[type[GeoError], str] = MappingProxyType(
    {
        errors.NotPolygon: "请绘制一个多边形。",
        errors.TooManyVertices: "顶点过多，请简化轮廓（每环最多 500 个，共 2,000 个）。",
        errors.BadPosition: "坐标须为 [经度, 纬度] 两个有限数字（WGS-84）。",
        errors.CoordinateInvalid: "经度须在 ±180、纬度须在 ±90 之内。",
        errors.WrongReferenceSystem: "坐标须为 WGS-84 经纬度，经度在前。",
        errors.RingNotClosed: "每个环至少四个点，且首尾相同。",
        errors.CrossesAntimeridian: "围栏不能跨越 180 度经线。",
        errors.SelfCrossing: "轮廓不能自相交，请重新绘制。",
        errors.OutsidePlane: "围栏过大或离极点太近，请缩小或移动。",
        errors.PlaneInvalid: "围栏离极点太近，请移动。",
    }
)


def schema() -> JsonSchema:
    """JSON Schema 2020-12 of what parse_rule and push.offer_document.parse_offer take.

    It states the shape; that hours can be read and that a polygon is simple, only the parser can say.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Campaign",
        "type": "object",
        "required": ["rule", "offer"],
        "properties": {"rule": {"$ref": "#/$defs/rule"}, "offer": {"$ref": "#/$defs/offer"}},
        "$defs": {"rule": RULE.schema(), "offer": OFFER.schema()},
    }


def parse_rule(document: object, *, pointer: str = "/rule") -> CampaignRule:
    """The rule that the document states; pointer is where it stands in the request.

    Raises: DocumentRefused, with every problem found (at most 20).
    """
    report = Report(pointer=pointer)
    RULE.check(document, report)
    _stop_if_refused(report)
    assert isinstance(document, Mapping)  # noqa: S101  RULE says so; this tells the type checker
    when = _when(document.get("when", {}), report.at("when"))
    fence = _fence(document["where"]["within"], report.at("where").at("within"))
    _stop_if_refused(report)
    assert fence is not None  # noqa: S101  a fence that is None was reported
    cap: Document | None = document.get("cap")
    return CampaignRule(
        triggers=tuple(_trigger(item) for item in document["trigger"]["any"]),
        fence=fence,
        when=when,
        audience=_audience(document.get("who", Familiarity.EVERYONE)),
        campaign_cap=DEFAULT_CAP
        if cap is None
        else CapRule(n=int(cap["campaign"]["n"]), per=Period(cap["campaign"]["per"])),
        ttl=timedelta(seconds=int(document.get("ttl_s", DEFAULT_TTL.total_seconds()))),
    )


def _stop_if_refused(report: Report) -> None:
    if report.problems:
        raise DocumentRefused(tuple(report.problems))


def _trigger(document: Document) -> Trigger:
    return Trigger(on=TriggerKind(document["on"]), dwell=timedelta(seconds=int(document.get("min_s", 0))))


def _when(document: Document, report: Report) -> When:
    hours = document.get("opening_hours")
    if hours is not None and not Hours.read(hours, zone=_ANY_ZONE).is_known:
        report.at("opening_hours").add(Reason.OPENING_HOURS, "Mo-Fr 11:00-13:30")
    return When(opening_hours=hours, and_store_open=document.get("and_store_open", False))


def _fence(document: Document, report: Report) -> Fence | None:
    if "building" in document:
        return _building(document, report)
    try:
        if "circle" in document:
            return _circle(document["circle"])
        return DrawnFence(area=geojson.parse(document))
    except GeoError as refused:
        zh = _GEOMETRY_ZH.get(type(refused), str(refused))
        report.add(Reason.GEOMETRY, both(zh=zh, en=str(refused)))
        return None


def _circle(document: Document) -> CircleFence:
    centre = LonLat(lon=document["lon"], lat=document["lat"])
    fence = CircleFence(centre=centre, radius_m=float(document["radius_m"]))
    # Near a pole a circle has no shape in degrees; it is refused here and not when it is saved.
    geojson.circle(fence.centre, fence.radius_m)
    return fence


def _building(document: Document, report: Report) -> BuildingFence | None:
    building = clean(document["building"])
    if not building:
        report.at("building").add(Reason.BLANK)
        return None
    return BuildingFence(building=building, buffer_m=float(document["buffer_m"]))


def _audience(document: str | Document) -> Audience:
    if isinstance(document, str):
        return Audience(familiarity=Familiarity(document))
    for term in document["all"]:
        familiarity = Familiarity.NEW if term["op"] == "==" else Familiarity.RETURNING
        return Audience(familiarity=familiarity, scope=VisitScope(term.get("scope", VisitScope.MERCHANT)))
    return Audience()

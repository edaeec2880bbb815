"""A campaign as the operator judges it: what its card shows, gathered first and put into words when the page speaks."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geoalchemy2 import WKBElement
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.campaigns import contents
from district.campaigns.answers import compared
from district.campaigns.contents import Content
from district.campaigns.models import Campaign, CampaignStock
from district.campaigns.schemas import DifferenceOut
from district.merchants.models import Merchant
from district.stores.models import Property
from district.web import campaign_words, rule_words
from district.web.language import Language, spoken
from district.web.language import gettext as _
from district.web.staff import Staff
from district.web.worth import worth
from geo import geojson
from geo.metric import LocalPlane
from geo.presence import area_m2
from push import campaign_document
from push.campaign import CampaignState


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A campaign as the operator judges it."""

    id: uuid.UUID
    version: int
    state: CampaignState
    is_change: bool
    """An approved version goes on meanwhile."""
    differences: Sequence[str]
    name: str
    owner: str
    title: str
    text: str
    worth: str
    triggers: Sequence[str]
    audience: str
    cap: str
    hours: str
    needs_open_store: bool
    stock: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    area_m2: float
    said: Sequence[str]
    """The whole rule in plain words."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """A campaign with what its card shows, before it is put into words."""

    row: Campaign
    content: Content
    fence_before: WKBElement | None
    owner: Merchant | Property | None
    quota: int | None
    differences: Sequence[DifferenceOut]


def campaigns(operator: Staff) -> Any:
    return (
        select(Campaign, Merchant, Property, CampaignStock.quota)
        .outerjoin(
            Merchant, (Merchant.district_id == Campaign.district_id) & (Merchant.id == Campaign.merchant_id)
        )
        .outerjoin(
            Property, (Property.district_id == Campaign.district_id) & (Property.id == Campaign.property_id)
        )
        .outerjoin(
            CampaignStock,
            (CampaignStock.district_id == Campaign.district_id) & (CampaignStock.campaign_id == Campaign.id),
        )
        .where(Campaign.district_id == operator.district.id)
    )


def gathered(session: Session, row: Campaign, merchant: Any, place: Any, quota: int | None) -> Gathered:
    """What a card needs of the database."""
    is_change = row.pending_version is not None
    return Gathered(
        row=row,
        content=contents.reviewed(session, row),
        fence_before=row.fence if is_change else None,
        owner=merchant or place,
        quota=quota,
        differences=tuple(compared(session, row).differences) if is_change else (),
    )


def waiting(operator: Staff, one: Gathered) -> Waiting:
    """In the language being spoken, so only while a page is rendered."""
    row, content = one.row, one.content
    rule = campaign_document.parse_rule(content.rule)
    language = spoken().language.value
    return Waiting(
        id=row.id,
        version=_version(row),
        state=CampaignState(row.state),
        is_change=row.pending_version is not None,
        differences=[difference.words[language] for difference in one.differences],
        name=content.name,
        owner=_owner(one.owner),
        title=words(content.offer.get("title", {})),
        text=words(content.offer.get("text", {})),
        worth=worth(content.offer.get("value", {})),
        triggers=rule_words.triggers(rule),
        audience=rule_words.audience(rule.audience.term),
        cap=rule_words.cap(rule),
        hours=rule.when.opening_hours or "",
        needs_open_store=rule.when.and_store_open,
        stock=one.quota,
        starts_at=content.starts_at,
        ends_at=content.ends_at,
        said=campaign_words.in_words(content.rule, content.offer, one.quota),
        area_m2=area_m2(to_shape(content.fence), LocalPlane(anchor=operator.district.center)),
    )


def _version(row: Campaign) -> int:
    """What the decision is about: while something waits, that version, else what the operator has seen."""
    return row.version if row.pending_version is None else row.pending_version


def _owner(owner: Any) -> str:
    if owner is None:
        return _("The operator")
    is_chinese = spoken().language is Language.ZH
    return str((is_chinese and owner.name_zh) or owner.name)


def fences(rows: Sequence[Gathered]) -> Mapping[str, Any]:
    """The fences on the map, each under its campaign's id; of a change also the one that stands."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": geojson.dump(to_shape(fence)),
                "properties": {"id": str(one.row.id), "name": one.content.name, "isBefore": is_before},
            }
            for one in rows
            for fence, is_before in ((one.fence_before, True), (one.content.fence, False))
            if fence is not None and not to_shape(fence).is_empty
        ],
    }


def words(texts: Mapping[str, str]) -> str:
    """A localised text in the language being spoken, else in the other."""
    own = texts.get(spoken().language.value)
    return own or texts.get(Language.EN.value) or texts.get(Language.ZH.value) or ""

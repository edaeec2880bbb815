"""What a campaign says, version by version: the one in force stands in its row, every other in a row that never changes."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.campaigns import carried, checks, documents
from district.campaigns import fence as fences
from district.campaigns.models import Campaign, CampaignStore, CampaignVersion
from district.campaigns.schemas import CampaignChange
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.problems import NotFound
from geo.datum import Datum

PARTS = frozenset({"name", "rule", "offer", "store_ids", "starts_at", "ends_at"})
"""The members of a change that make a new version; the stock is no part of one."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a version says."""

    name: str
    rule: dict[str, Any]
    offer: dict[str, Any]
    fence: WKBElement
    floor: str | None
    store_ids: tuple[uuid.UUID, ...]
    starts_at: datetime | None
    ends_at: datetime | None

    def document(self) -> dict[str, Any]:
        """As JSON, for comparing two versions member by member."""
        return {
            "name": self.name,
            "rule": self.rule,
            "offer": self.offer,
            "store_ids": [str(one) for one in self.store_ids],
            "starts_at": self.starts_at.isoformat() if self.starts_at else None,
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
        }


def in_force(session: Session, row: Campaign) -> Content:
    """What the campaign's row says: the draft, or what was approved last."""
    return Content(
        name=row.name,
        rule=row.rule,
        offer=row.offer,
        fence=row.fence,
        floor=row.floor,
        store_ids=stores_of(session, row),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def stores_of(session: Session, row: Campaign) -> tuple[uuid.UUID, ...]:
    """The stores that the campaign holds for now."""
    found = select(CampaignStore.store_id).where(
        CampaignStore.district_id == row.district_id, CampaignStore.campaign_id == row.id
    )
    return tuple(session.scalars(found.order_by(CampaignStore.store_id)))


def of_version(session: Session, row: Campaign, version: int) -> Content:
    """What a version says. Raises: NotFound."""
    if version == row.content_version:
        return in_force(session, row)
    kept = session.get(CampaignVersion, (row.district_id, row.id, version))
    if kept is None:
        raise NotFound("The campaign has no such version.")
    return Content(
        name=kept.name,
        rule=kept.rule,
        offer=kept.offer,
        fence=kept.fence,
        floor=kept.floor,
        store_ids=tuple(kept.store_ids),
        starts_at=kept.starts_at,
        ends_at=kept.ends_at,
    )


def reviewed(session: Session, row: Campaign) -> Content:
    """What waits for approval, or the newest there is when nothing waits."""
    return of_version(
        session, row, row.content_version if row.pending_version is None else row.pending_version
    )


def keep(
    session: Session, row: Campaign, version: int, content: Content, by: Principal | None, *, clock: Clock
) -> None:
    """Write a version once; what stands already stays."""
    if session.get(CampaignVersion, (row.district_id, row.id, version)) is not None:
        return
    session.add(
        CampaignVersion(
            district_id=row.district_id,
            campaign_id=row.id,
            version=version,
            name=content.name,
            rule=content.rule,
            offer=content.offer,
            fence=content.fence,
            floor=content.floor,
            store_ids=list(content.store_ids),
            starts_at=content.starts_at,
            ends_at=content.ends_at,
            made_at=clock.now(),
            made_by=None if by is None else by.subject_id,
        )
    )
    session.flush()


def put_in_force(session: Session, row: Campaign, version: int, content: Content) -> None:
    """Make the row say what the version says."""
    row.name, row.rule, row.offer = content.name, content.rule, content.offer
    row.fence, row.floor = content.fence, content.floor
    row.starts_at, row.ends_at = content.starts_at, content.ends_at
    row.content_version = version
    if row.holds_until is None:  # the stores of a joint event are those that enrolled
        set_stores(session, row, content.store_ids)
    session.flush()


def set_stores(session: Session, row: Campaign, store_ids: Sequence[uuid.UUID]) -> None:
    """The stores that the campaign holds for, checked by the caller."""
    wanted, held = set(store_ids), set(stores_of(session, row))
    session.execute(
        delete(CampaignStore).where(
            CampaignStore.district_id == row.district_id,
            CampaignStore.campaign_id == row.id,
            CampaignStore.store_id.in_(held - wanted),
        )
    )
    session.add_all(
        CampaignStore(district_id=row.district_id, campaign_id=row.id, store_id=one)
        for one in sorted(wanted - held)
    )
    session.flush()


def changed(session: Session, district: DistrictInfo, base: Content, wanted: CampaignChange) -> Content:
    """The content with what the change names; stores are taken as they are named.

    Raises: Invalid.
    """
    given = wanted.model_fields_set & PARTS
    content = base
    if "name" in given and wanted.name is not None:
        content = replace(content, name=checks.name(wanted.name))
    if wanted.store_ids is not None:
        content = replace(content, store_ids=tuple(sorted(set(wanted.store_ids))))
    if {"rule", "offer", "store_ids"} & given:
        content = _with_documents(session, district, content, wanted)
    content = replace(
        content,
        starts_at=wanted.starts_at if "starts_at" in given else content.starts_at,
        ends_at=wanted.ends_at if "ends_at" in given else content.ends_at,
    )
    checks.dates(content.starts_at, content.ends_at, content.rule)
    return content


def _with_documents(
    session: Session, district: DistrictInfo, content: Content, wanted: CampaignChange
) -> Content:
    datum = wanted.crs if wanted.rule is not None else Datum.WGS84
    checked = documents.check(wanted.rule or content.rule, wanted.offer or content.offer, datum)
    if wanted.offer is not None:
        carried.check_lengths(session, district, checked.offer, content.store_ids)
    place = fences.resolve(session, district, checked.parsed, content.store_ids)
    return replace(
        content,
        rule=dict(checked.rule),
        offer=dict(checked.offer),
        fence=from_shape(place.area, srid=4326),
        floor=place.floor,
    )

"""Sources of notices, as operators keep them, and members' links to them."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid, NotFound
from district.purchases import queries, wechat
from district.purchases.models import PurchaseLink, PurchaseSource
from district.purchases.providers import payer_hash, source_name
from district.purchases.schemas import LinkView, SourceBody, SourceChange, SourceView

COUNTED = timedelta(days=28)


class NotProven(Conflict):
    """The member has not shown who he is at that provider."""

    slug, title = "sign-in-first", "Sign in with that provider first"


def found(session: Session, district_id: uuid.UUID, slug: str) -> PurchaseSource:
    """Raises: NotFound."""
    row = session.scalar(
        select(PurchaseSource).where(PurchaseSource.district_id == district_id, PurchaseSource.slug == slug)
    )
    if row is None:
        raise NotFound("No such source.")
    return row


def listed(district_id: uuid.UUID) -> Select[PurchaseSource]:
    """A district's sources, by slug."""
    return (
        select(PurchaseSource).where(PurchaseSource.district_id == district_id).order_by(PurchaseSource.slug)
    )


def create(session: Session, district: DistrictInfo, body: SourceBody, *, clock: Clock) -> PurchaseSource:
    """Register a source. Raises: Conflict, Invalid, NotFound."""
    wechat.check_keys(body.public_keys)
    _check_provider(session, district.id, body.provider_id)
    taken = select(PurchaseSource.id).where(
        PurchaseSource.district_id == district.id, PurchaseSource.slug == body.slug
    )
    if session.scalar(taken) is not None:
        raise Conflict(f"There is a source {body.slug!r} already.")
    row = PurchaseSource(
        district_id=district.id,
        id=new_id(),
        slug=body.slug,
        name=body.name,
        public_keys=dict(body.public_keys),
        api_key=body.api_key.encode(),
        app_id=body.app_id,
        provider_id=body.provider_id,
        is_disabled=False,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def _check_provider(session: Session, district_id: uuid.UUID, provider_id: uuid.UUID | None) -> None:
    statement = "SELECT 1 FROM oidc_provider WHERE district_id = :district_id AND id = :id"
    values = {"district_id": district_id, "id": provider_id}
    if provider_id is not None and session.scalar(text(statement), values) is None:
        raise NotFound("No such log-in provider.")


def change(session: Session, row: PurchaseSource, wanted: SourceChange) -> PurchaseSource:
    """Rename it, give it new keys, or switch it off and on. Raises: Invalid."""
    if wanted.public_keys is not None:
        wechat.check_keys(wanted.public_keys)
    for name, value in wanted.model_dump(exclude_none=True).items():
        setattr(row, name, value)
    session.flush()
    return row


def view(session: Session, district: DistrictInfo, row: PurchaseSource, *, now: datetime) -> SourceView:
    """A source without its key, and how many of its notices were of nobody."""
    values = {
        "district_id": district.id,
        "source": source_name(row.id),
        "since": district.trading_day(now - COUNTED),
    }
    return SourceView(
        id=row.id,
        slug=row.slug,
        name=row.name,
        app_id=row.app_id,
        provider_id=row.provider_id,
        is_disabled=row.is_disabled,
        created_at=row.created_at,
        serials=sorted(row.public_keys),
        unlinked=int(session.scalar(text(queries.COUNTS_SQL), values) or 0),
    )


def link(
    session: Session, district: DistrictInfo, member_id: uuid.UUID, slug: str, *, now: datetime
) -> LinkView:
    """Have the member's purchases at a source kept: the payer is who he showed himself to be at its log-in provider.

    Raises: NotFound, NotProven.
    """
    source = found(session, district.id, slug)
    if source.provider_id is None:
        raise Invalid("This source has no log-in provider by which a payer could be known.")
    values = {"district_id": district.id, "provider_id": source.provider_id, "member_id": member_id}
    payers: Sequence[str] = session.scalars(text(queries.IDENTITIES_SQL), values).all()
    if not payers:
        raise NotProven("Sign in with it once; then link it.", provider_id=str(source.provider_id))
    for payer in payers:
        row = {
            "district_id": district.id,
            "source_id": source.id,
            "payer_hash": payer_hash(source.id, payer),
            "member_id": member_id,
            "linked_at": now,
        }
        keys = ["district_id", "source_id", "payer_hash"]
        session.execute(
            insert(PurchaseLink)
            .values(row)
            .on_conflict_do_update(index_elements=keys, set_={"member_id": member_id})
        )
    return LinkView(source=source.slug, name=source.name, linked_at=now)


def links(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> list[LinkView]:
    """The member's links."""
    rows = session.execute(
        select(PurchaseSource.slug, PurchaseSource.name, PurchaseLink.linked_at)
        .join(
            PurchaseLink,
            (PurchaseLink.district_id == PurchaseSource.district_id)
            & (PurchaseLink.source_id == PurchaseSource.id),
        )
        .where(PurchaseLink.district_id == district_id, PurchaseLink.member_id == member_id)
        .order_by(PurchaseSource.slug)
    )
    return [LinkView(source=slug, name=name, linked_at=linked_at) for slug, name, linked_at in rows]


def unlink(session: Session, district_id: uuid.UUID, member_id: uuid.UUID, slug: str) -> None:
    """Keep no more of the member's purchases there; those that are kept stay until he leaves. Raises: NotFound."""
    source = found(session, district_id, slug)
    session.query(PurchaseLink).filter_by(
        district_id=district_id, source_id=source.id, member_id=member_id
    ).delete()

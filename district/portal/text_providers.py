"""Providers of text messages: registered, changed and forgotten by a district's operators."""

import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.districts import paging
from district.districts import service as districts
from district.districts.models import RouteKind
from district.districts.service import DistrictInfo, Registry
from district.gateways.models import Gateway
from district.portal.models import SmsProvider
from district.portal.text_schemas import NewTextProvider, TextProviderChange
from district.problems import NotFound
from push.channels import signing

METHOD_MARK = "sms:"
"""Before a provider's slug, among a gateway's methods."""
SECRET_BYTES = 32
BOTH_KEYS_FOR = timedelta(hours=24)
"""After a change of secret the one before is taken as well; machine time."""


def find(session: Session, district_id: uuid.UUID, slug: str) -> SmsProvider:
    """Raises: NotFound."""
    row = session.scalar(
        select(SmsProvider).where(SmsProvider.district_id == district_id, SmsProvider.slug == slug)
    )
    if row is None:
        raise NotFound(f"No provider of text messages {slug!r}.")
    return row


def routed(session: Session, registry: Registry, slug: str) -> tuple[DistrictInfo, SmsProvider]:
    """The provider that posts to an address. Raises: NotFound."""
    district = registry.routed(RouteKind.SMS_PROVIDER, slug)
    return district, find(session, district.id, slug)


def page(session: Session, district_id: uuid.UUID, *, after: str, limit: int) -> Sequence[SmsProvider]:
    """Providers by slug, after a slug."""
    return paging.by_slug(session, SmsProvider, district_id, after=after, limit=limit)


def create(session: Session, district: DistrictInfo, new: NewTextProvider, *, clock: Clock) -> SmsProvider:
    """Raises: Conflict when the slug is taken, in this district or another."""
    districts.add_route(session, RouteKind.SMS_PROVIDER, new.slug, district.id)
    row = SmsProvider(
        district_id=district.id,
        id=new_id(),
        slug=new.slug,
        name=new.name,
        number=new.number,
        keyword=new.keyword,
        secret=new.secret or signing.secret_from(secrets.token_bytes(SECRET_BYTES)),
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def change(
    session: Session, district: DistrictInfo, slug: str, changed: TextProviderChange, *, clock: Clock
) -> SmsProvider:
    """Change what is given; another secret lets the one before work for a day. Raises: NotFound."""
    row = find(session, district.id, slug)
    values = {
        name: value for name, value in changed.model_dump(exclude_unset=True).items() if value is not None
    }
    if values.get("secret", row.secret) != row.secret:
        row.previous_secret, row.previous_until = row.secret, clock.machine_now() + BOTH_KEYS_FOR
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return row


def remove(session: Session, district: DistrictInfo, slug: str) -> None:
    """Forget a provider and its address. Raises: NotFound."""
    session.delete(find(session, district.id, slug))
    session.flush()
    districts.drop_route(session, RouteKind.SMS_PROVIDER, slug)


def secrets_of(row: SmsProvider, *, clock: Clock) -> tuple[str, ...]:
    """The secrets that a message may be signed with now."""
    if row.previous_secret and row.previous_until is not None and clock.machine_now() < row.previous_until:
        return (row.secret, row.previous_secret)
    return (row.secret,)


def of_gateway(session: Session, gateway: Gateway) -> dict[str, SmsProvider]:
    """The providers that a gateway's methods name, by method; those that are gone are left out."""
    slugs = [method.removeprefix(METHOD_MARK) for method in gateway.methods if method.startswith(METHOD_MARK)]
    if not slugs:
        return {}
    rows = select(SmsProvider).where(
        SmsProvider.district_id == gateway.district_id, SmsProvider.slug.in_(slugs)
    )
    return {f"{METHOD_MARK}{row.slug}": row for row in session.scalars(rows)}

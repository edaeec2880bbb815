"""Providers of a district: registered, changed and forgotten by its operators."""

import uuid
from collections.abc import Sequence
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.districts import paging
from district.districts.service import DistrictInfo
from district.portal import oidc, oidc_provider
from district.portal.models import OidcProvider
from district.portal.outbound import ProviderUnavailable, ask, policy_of
from district.portal.schemas import NewProvider, ProviderChange
from district.problems import Conflict, Invalid
from district.settings import Settings


def check_issuer(issuer: str, settings: Settings) -> None:
    """Read the provider's own description now, so that a wrong issuer shows at once; outside any transaction.

    Raises: Invalid.
    """
    try:
        ask(partial(oidc_provider.describe, issuer, policy_of(settings)))
    except ProviderUnavailable as error:
        reason = error.members.get("reason", "no answer")
        detail = (
            f"{issuer}/.well-known/openid-configuration cannot be used: {reason}. Copy the issuer exactly."
        )
        raise Invalid("See errors.", errors=[{"pointer": "/issuer", "detail": detail}]) from error


def create(session: Session, district: DistrictInfo, new: NewProvider, *, clock: Clock) -> OidcProvider:
    """Raises: Conflict when the slug is taken."""
    taken = select(OidcProvider.id).where(
        OidcProvider.district_id == district.id, OidcProvider.slug == new.slug
    )
    if session.scalar(taken) is not None:
        raise Conflict(f"There is a provider {new.slug!r} already.")
    row = OidcProvider(district_id=district.id, id=new_id(), created_at=clock.now(), **new.model_dump())
    session.add(row)
    session.flush()
    return row


def page(session: Session, district_id: uuid.UUID, *, after: str, limit: int) -> Sequence[OidcProvider]:
    """Providers by slug, after a slug."""
    return paging.by_slug(session, OidcProvider, district_id, after=after, limit=limit)


def change(session: Session, district: DistrictInfo, slug: str, changed: ProviderChange) -> OidcProvider:
    """Change what is given; another issuer only with its own secret, for it would be told the first one's.

    Raises: NotFound, Invalid.
    """
    row = oidc.find(session, district.id, slug)
    if changed.issuer not in {"", row.issuer} and not changed.client_secret:
        detail = "Another issuer needs its own client_secret: send both."
        raise Invalid("See errors.", errors=[{"pointer": "/client_secret", "detail": detail}])
    for name, value in changed.model_dump(exclude_unset=True).items():
        setattr(row, name, value)
    session.flush()
    return row


def remove(session: Session, district: DistrictInfo, slug: str) -> None:
    """Forget a provider; whom it named stay members. Raises: NotFound."""
    session.delete(oidc.find(session, district.id, slug))
    session.flush()

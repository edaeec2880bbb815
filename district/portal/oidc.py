"""A login through a provider: sent off with state, nonce and PKCE, and taken back once, by the browser that left."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from district.auth import limits
from district.auth.limits import Limit
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways.models import Gateway
from district.members import contacts
from district.members.contacts import Contact
from district.portal.choice import Identity
from district.portal.models import OidcLogin, OidcProvider
from district.portal.oidc_provider import Described
from district.problems import Invalid, NotFound

LIFE = timedelta(minutes=10)
"""Machine time from leaving to coming back."""
PER_DEVICE_HOUR = 30
PER_NETWORK_HOUR = 600
"""Where no gateway vouches for the device."""
SECRET_BYTES = 32
MAX_SECRET = 64
METHOD_MARK = "oidc:"


def find(session: Session, district_id: uuid.UUID, slug: str) -> OidcProvider:
    """A provider of the district. Raises: NotFound."""
    row = session.scalar(
        select(OidcProvider).where(OidcProvider.district_id == district_id, OidcProvider.slug == slug)
    )
    if row is None:
        raise NotFound(f"No provider {slug!r}.")
    return row


def names_of(session: Session, gateway: Gateway) -> dict[str, str]:
    """What the buttons of a gateway's providers say, by method; providers that are gone are left out."""
    slugs = [method.removeprefix(METHOD_MARK) for method in gateway.methods if method.startswith(METHOD_MARK)]
    if not slugs:
        return {}
    rows = session.execute(
        select(OidcProvider.slug, OidcProvider.name).where(
            OidcProvider.district_id == gateway.district_id, OidcProvider.slug.in_(slugs)
        )
    )
    return {f"{METHOD_MARK}{slug}": name for slug, name in rows}


def count_departure(
    session: Session, district: DistrictInfo, *, device: bytes | None, network: str, clock: Clock
) -> None:
    """Count a browser that is sent off. Raises: TooMany."""
    limit = Limit(
        subject=f"oidc-device:{device.hex()}" if device is not None else f"oidc-network:{network}",
        period=timedelta(hours=1),
        most=PER_DEVICE_HOUR if device is not None else PER_NETWORK_HOUR,
        detail="Too many tries with an account. Wait a while, or choose another way to sign in.",
        detail_zh="使用账号登录过于频繁，请稍后再试或换一种方式登录。",
    )
    limits.take(session, district.id, limit, clock=clock)


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where the browser goes, and the secret that it keeps."""

    url: str
    browser: str


def begin(
    session: Session,
    provider: OidcProvider,
    gateway: Gateway,
    described: Described,
    *,
    redirect_uri: str,
    raw_query: bytes,
    form: str,
    clock: Clock,
) -> Departure:
    """Send a browser off; what it was sent by, and what it ticked, waits here."""
    state, browser, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(4))
    session.add(
        OidcLogin(
            district_id=gateway.district_id,
            state_hash=_hash(state),
            provider_id=provider.id,
            gateway_id=gateway.id,
            browser_hash=_hash(browser),
            nonce=nonce,
            verifier=verifier,
            redirect_query=raw_query.decode("latin-1"),
            form=form,
            created_at=clock.machine_now(),
        )
    )
    session.flush()
    url = prepare_grant_uri(
        described.authorization_endpoint,
        provider.client_id,
        "code",
        redirect_uri=redirect_uri,
        scope=provider.scope,
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]  # half-typed stubs
        code_challenge_method="S256",
    )
    return Departure(url=str(url), browser=browser)


def take_back(
    session: Session, provider: OidcProvider, *, state: str, browser: str, clock: Clock
) -> OidcLogin | None:
    """The login that a browser comes back with, once, in time, and only in the browser that left; else None."""
    if not (0 < len(state) <= MAX_SECRET and 0 < len(browser) <= MAX_SECRET):
        return None
    return session.scalar(
        update(OidcLogin)
        .where(
            OidcLogin.district_id == provider.district_id,
            OidcLogin.state_hash == _hash(state),
            OidcLogin.provider_id == provider.id,
            OidcLogin.browser_hash == _hash(browser),
            OidcLogin.used_at.is_(None),
            OidcLogin.created_at > clock.machine_now() - LIFE,
        )
        .values(used_at=clock.machine_now())
        .returning(OidcLogin)
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def identity_of(district: DistrictInfo, provider: OidcProvider, claims: Mapping[str, Any]) -> Identity:
    """Whom the claims name, with the contact that the provider says it has verified."""
    return Identity(
        provider_id=provider.id,
        provider_slug=provider.slug,
        subject=claims["sub"],
        contact=_contact(district, claims),
    )


def _contact(district: DistrictInfo, claims: Mapping[str, Any]) -> Contact | None:
    """A claimed contact counts only with its own ``…_verified: true``; a number before an address."""
    phone, email = claims.get("phone_number"), claims.get("email")
    try:
        if isinstance(phone, str) and claims.get("phone_number_verified") is True:
            return contacts.phone(phone[:40], country=district.country)
        if isinstance(email, str) and claims.get("email_verified") is True:
            return contacts.email(email[:254])
    except Invalid:
        return None
    return None


def is_from(provider: OidcProvider, issuer: str) -> bool:
    """Whether an answer that names its issuer (RFC 9207) names this one."""
    return not issuer or hmac.compare_digest(issuer.encode(), provider.issuer.encode())

"""A provider as it describes itself, and what its tokens say: checked as OpenID Connect Core 1.0 §3.1.3.7 asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from authlib.oauth2.auth import ClientAuth
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from district.clock import monotonic
from district.portal.models import OidcProvider
from district.portal.outbound import Call, ProviderUnavailable, answer_of, unavailable
from district.problems import NotAuthenticated
from push.channels.outbound import OutboundPolicy, TargetRefused, checked_url

ALGORITHMS = ("RS256", "ES256", "PS256", "RS384", "ES384", "PS384", "RS512", "ES512", "PS512", "EdDSA")
"""Signatures by a private key of the provider's alone: never ``none``, never one that our own secret would make."""
KNOWN_FOR_S = 3600.0
KEYS_AGAIN_AFTER_S = 30.0
ASKED_AGAIN_AFTER_S = 5.0
"""For so long a provider that did not answer is not asked again: nobody waits for it in turn."""
MOST_KNOWN = 500
LEEWAY_S = 60
OLDEST_TOKEN = timedelta(minutes=10)
MAX_TOKEN = 16_384
MAX_SUBJECT = 255


class NotIdentified(NotAuthenticated):
    """What the provider sent proves nobody."""

    slug, title = "not-identified", "The provider did not say who you are"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "Signing in with this account did not work. Try again, or choose another way to sign in.",
            detail_zh="使用该账号登录未成功，请重试或换一种方式登录。",
            reason=reason,
        )


@dataclass(frozen=True, kw_only=True)
class Described:
    """A provider's own description and keys."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    auth_method: str
    keys: KeySet
    read_at_s: float


_known: dict[str, Described] = {}
_failed_at_s: dict[str, float] = {}


async def describe(issuer: str, policy: OutboundPolicy) -> Described:
    """Read a provider's description and keys, or remember them for an hour. Raises: ProviderUnavailable."""
    known = _known.get(issuer)
    if known is not None and monotonic() - known.read_at_s < KNOWN_FOR_S:
        return known
    if monotonic() - _failed_at_s.get(issuer, float("-inf")) < ASKED_AGAIN_AFTER_S:
        raise unavailable("did not answer a moment ago")
    if len(_known) + len(_failed_at_s) >= MOST_KNOWN:
        forget_all()
    try:
        _known[issuer] = await _described(issuer, policy)
    except ProviderUnavailable:
        _failed_at_s[issuer] = monotonic()
        raise
    return _known[issuer]


async def _described(issuer: str, policy: OutboundPolicy) -> Described:
    status, found = await answer_of(Call(url=get_well_known_url(issuer, external=True)), policy)
    if status != HTTPStatus.OK or found.get("issuer") != issuer:
        raise unavailable(f"{status}: describes another issuer")
    userinfo = "userinfo_endpoint"
    return Described(
        authorization_endpoint=_address(found, "authorization_endpoint", policy),
        token_endpoint=_address(found, "token_endpoint", policy),
        userinfo_endpoint=_address(found, userinfo, policy) if found.get(userinfo) else "",
        jwks_uri=_address(found, "jwks_uri", policy),
        auth_method=_auth_method(found),
        keys=await _keys(_address(found, "jwks_uri", policy), policy),
        read_at_s=monotonic(),
    )


def forget_all() -> None:
    """Read every provider anew the next time."""
    _known.clear()
    _failed_at_s.clear()


def forget(issuer: str) -> None:
    """Read it anew the next time: what it signs with was not among its keys."""
    known = _known.get(issuer)
    if known is not None and monotonic() - known.read_at_s > KEYS_AGAIN_AFTER_S:
        del _known[issuer]


def _address(found: Mapping[str, Any], name: str, policy: OutboundPolicy) -> str:
    try:
        return str(checked_url(str(found.get(name, "")), policy))
    except TargetRefused as error:
        raise unavailable(f"no usable {name}") from error


def _auth_method(found: Mapping[str, Any]) -> str:
    offered = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"


async def _keys(url: str, policy: OutboundPolicy) -> KeySet:
    status, found = await answer_of(Call(url=url), policy)
    try:
        if status != HTTPStatus.OK:
            raise ValueError("no keys")
        return KeySet.import_key_set({"keys": found["keys"]})
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise unavailable("no usable keys") from error


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A code that came back, and what it was asked for with."""

    code: str
    redirect_uri: str
    verifier: str
    nonce: str


async def claims_of(
    provider: OidcProvider,
    described: Described,
    exchange: Exchange,
    policy: OutboundPolicy,
    *,
    machine_now: datetime,
) -> dict[str, Any]:
    """Whom the provider names, its contact claims included. Raises: NotIdentified, ProviderUnavailable."""
    status, answer = await answer_of(_token_call(provider, described, exchange), policy)
    id_token, access_token = answer.get("id_token"), answer.get("access_token")
    if status != HTTPStatus.OK or not isinstance(id_token, str) or len(id_token) > MAX_TOKEN:
        raise NotIdentified(f"token endpoint: {status} {str(answer.get('error', ''))[:40]}")
    claims = _checked(provider, described, id_token, access_token, exchange.nonce, machine_now=machine_now)
    if described.userinfo_endpoint and isinstance(access_token, str) and _lacks_contact(provider, claims):
        claims |= await _more_of(described, claims, access_token, policy)
    return claims


def _token_call(provider: OidcProvider, described: Described, exchange: Exchange) -> Call:
    form = {
        "grant_type": "authorization_code",
        "code": exchange.code,
        "redirect_uri": exchange.redirect_uri,
        "code_verifier": exchange.verifier,
    }
    if described.auth_method == "client_secret_post":
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
        return Call(url=described.token_endpoint, form=form)
    auth = ClientAuth(provider.client_id, provider.client_secret, described.auth_method)
    _, headers, _ = auth.prepare("POST", described.token_endpoint, {}, "")  # type: ignore[no-untyped-call]  # half-typed stubs
    return Call(url=described.token_endpoint, form=form, headers=headers)


def _checked(
    provider: OidcProvider,
    described: Described,
    id_token: str,
    access_token: Any,
    nonce: str,
    *,
    machine_now: datetime,
) -> dict[str, Any]:
    now = int(machine_now.timestamp())
    try:
        token = jwt.decode(id_token, described.keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={"iss": {"value": provider.issuer}, "aud": {"value": provider.client_id}},
            params={"nonce": nonce, "client_id": provider.client_id, "access_token": access_token},
        )
        claims.validate(now=now, leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        forget(provider.issuer)
        raise NotIdentified(f"ID token: {type(error).__name__}") from error
    subject, issued_at = claims["sub"], claims["iat"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or "\0" in subject:
        raise NotIdentified("ID token: no subject")
    if now - issued_at > OLDEST_TOKEN.total_seconds():
        raise NotIdentified("ID token: too old")
    return dict(claims)


def _lacks_contact(provider: OidcProvider, claims: Mapping[str, Any]) -> bool:
    wanted = {"email", "phone"} & set(provider.scope.split())
    return any(claims.get({"email": "email", "phone": "phone_number"}[name]) is None for name in wanted)


async def _more_of(
    described: Described, claims: Mapping[str, Any], access_token: str, policy: OutboundPolicy
) -> dict[str, Any]:
    """The contact claims of the UserInfo endpoint, if it speaks of the same person; else none."""
    bearer = {"Authorization": f"Bearer {access_token}"}
    try:
        status, found = await answer_of(Call(url=described.userinfo_endpoint, headers=bearer), policy)
    except ProviderUnavailable:
        return {}
    if status != HTTPStatus.OK or found.get("sub") != claims["sub"]:
        return {}
    names = ("email", "email_verified", "phone_number", "phone_number_verified")
    return {name: found[name] for name in names if name in found}

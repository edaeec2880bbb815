"""From a request to its principal: keys from memory, sessions from the database."""

import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request

from district.auth.models import Role
from district.auth.queries import ALL_KEYS_SQL, SESSION_SQL
from district.auth.service import KEY_CHANNEL, KEY_MARK, Principal, split_token, token_hash
from district.database import Pool
from district.districts.service import get_registry
from district.problems import NotAllowed, NotAuthenticated, NotFound
from district.snapshot import Snapshot

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE = "district_session"
SECURE_COOKIE = "__Host-district_session"


@dataclass(frozen=True, kw_only=True)
class KeyRing:
    """All live keys by the hash of their text."""

    by_hash: Mapping[bytes, tuple[uuid.UUID, uuid.UUID, Role, uuid.UUID | None, uuid.UUID | None]] = field(
        default_factory=dict
    )

    def find(self, key: str, district_slug: str) -> Principal:
        """Raises: NotAuthenticated."""
        row = self.by_hash.get(token_hash(key))
        if row is None:
            raise NotAuthenticated("The key is unknown or revoked.")
        district_id, key_id, role, scope_id, merchant_id = row
        return Principal(
            role=role,
            district_id=district_id,
            district_slug=district_slug,
            subject_id=key_id,
            scope_id=scope_id,
            merchant_id=merchant_id,
        )


def key_ring(pool: Pool) -> Snapshot[KeyRing]:
    """The snapshot of all keys."""

    async def load() -> KeyRing:
        async with pool.connection() as connection:
            rows = await (await connection.execute(ALL_KEYS_SQL)).fetchall()
        return KeyRing(
            by_hash={bytes(row[0]): (row[1], row[2], Role(row[3]), row[4], row[5]) for row in rows}
        )

    return Snapshot(load, empty=KeyRing(), channels=(KEY_CHANNEL,))


def bearer_of(request: Request) -> str | None:
    """The token of the Authorization header."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def token_of(request: Request) -> str | None:
    """The bearer token, else the session cookie; on TLS only the one that no other origin can have set."""
    bearer = bearer_of(request)
    if bearer is not None:
        return bearer
    secure = request.cookies.get(SECURE_COOKIE)
    return secure if secure or request.url.scheme == "https" else request.cookies.get(COOKIE)


def _refuse_foreign(request: Request) -> None:
    """A browser sends its cookie along with what another site makes it do; it says so in these headers.

    Raises: NotAllowed.
    """
    if request.method in _SAFE_METHODS or bearer_of(request) is not None:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_own = site in {"same-origin", "none"}
    if site is None:
        is_own = origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    if not is_own:
        raise NotAllowed("This was sent by a page of another site. Use a bearer token, or our own pages.")


async def find(request: Request) -> Principal | None:
    """The caller; None when he shows no token. Raises: NotAuthenticated for a bad one."""
    token = token_of(request)
    if token is None:
        return None
    slug, mark = split_token(token)
    district = get_registry(request).by_slug.get(slug)
    if district is None:
        raise NotAuthenticated("The token's district is gone: log in again.")
    if mark == KEY_MARK:
        ring: Snapshot[KeyRing] = request.app.state.key_ring
        return ring.read().find(token, slug)
    return await _session_principal(request, token, district.id, slug)


async def _session_principal(request: Request, token: str, district_id: uuid.UUID, slug: str) -> Principal:
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(
            SESSION_SQL, {"district_id": district_id, "token_hash": token_hash(token)}
        )
        row = await cursor.fetchone()
    if row is None or row[3] <= request.app.state.clock.machine_now():
        raise NotAuthenticated("The session has ended: log in again.")
    role = Role(row[0])
    return Principal(
        role=role,
        district_id=district_id,
        district_slug=slug,
        subject_id=row[1],
        scope_id=row[2],
        merchant_id=row[2] if role is Role.MERCHANT else None,
    )


async def find_lenient(request: Request) -> Principal | None:
    """As ``find``, for pages: a bad or old token is nobody."""
    try:
        return await find(request)
    except NotAuthenticated:
        return None


def require(*roles: Role) -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """A dependency: the caller, when he has one of ``roles`` and, where the path names a district, belongs to it.

    Another district's caller gets "not found", so that nothing is told of it.
    """

    async def dependency(request: Request) -> Principal:
        principal = await find(request)
        if principal is None:
            raise NotAuthenticated("Send a bearer token or key.")
        _refuse_foreign(request)
        slug = request.path_params.get("d")
        if slug is not None and slug != principal.district_slug:
            raise NotFound(f"No district {slug!r}.")
        if principal.role not in roles:
            raise NotAllowed(f"This needs the role {' or '.join(roles)}; yours is {principal.role}.")
        return principal

    return dependency


Anyone = Annotated[Principal | None, Depends(find_lenient)]
Shopper = Annotated[Principal, Depends(require(Role.SHOPPER))]
Merchant = Annotated[Principal, Depends(require(Role.MERCHANT))]
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
MerchantOrOperator = Annotated[Principal, Depends(require(Role.MERCHANT, Role.OPERATOR))]
CampaignStaff = Annotated[Principal, Depends(require(Role.MERCHANT, Role.PROPERTY, Role.OPERATOR))]
PropertyOrOperator = Annotated[Principal, Depends(require(Role.PROPERTY, Role.OPERATOR))]
Viewer = Annotated[Principal, Depends(require(Role.OPERATOR, Role.PROPERTY, Role.OBSERVER, Role.MERCHANT))]
FeedKey = Annotated[Principal, Depends(require(Role.FEED))]
TillKey = Annotated[Principal, Depends(require(Role.TILL))]

"""The session in the browser: one way to keep it, whoever logged in."""

from starlette.requests import Request
from starlette.responses import Response

from district.auth import principals
from district.auth.models import Role
from district.auth.service import SHOPPER_SESSION, STAFF_SESSION, IssuedToken


def remember(request: Request, response: Response, token: IssuedToken) -> None:
    """Keep the session in the browser; on TLS under a name that binds it to this origin."""
    is_secure = request.url.scheme == "https"
    life = SHOPPER_SESSION if token.role is Role.SHOPPER else STAFF_SESSION
    response.set_cookie(
        principals.SECURE_COOKIE if is_secure else principals.COOKIE,
        token.token,
        max_age=int(life.total_seconds()),
        httponly=True,
        secure=is_secure,
        samesite="lax",
        path="/",
    )

"""Errors of the application and the one place that turns an error into an RFC 9457 answer."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import psycopg.errors
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geo.errors import GeoError
from push.errors import PushError

TYPE_BASE = "urn:shangquan:problem:"
MEDIA_TYPE = "application/problem+json"
MAX_REPORTED_ERRORS = 50
MAX_POINTER_LETTERS = 200
log = structlog.get_logger()


class DistrictError(Exception):
    """Root of the application's errors; ``slug`` is the stable end of the problem's type."""

    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    slug: str = "bad-request"
    title: str = "The request cannot be carried out"

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.members = members
        self.headers: dict[str, str] = {}


class NotFound(DistrictError):
    """What was asked for does not exist, or is another tenant's."""

    status, slug, title = HTTPStatus.NOT_FOUND, "not-found", "Not found"


class NotAllowed(DistrictError):
    """The caller is known and may not do this."""

    status, slug, title = HTTPStatus.FORBIDDEN, "not-allowed", "Not allowed"


class NotAuthenticated(DistrictError):
    """The caller is not known."""

    status, slug, title = HTTPStatus.UNAUTHORIZED, "not-authenticated", "Log in first"

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail, **members)
        self.headers = {"WWW-Authenticate": "Bearer"}


class Conflict(DistrictError):
    """The request contradicts what is stored."""

    status, slug, title = HTTPStatus.CONFLICT, "conflict", "Conflict with what is stored"


class Invalid(DistrictError):
    """The request is well formed and breaks a rule; ``errors`` names each place."""

    status, slug, title = HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "The request breaks a rule"

    def __init__(self, detail: str = "", *, errors: Sequence[Mapping[str, Any]] = (), **members: Any) -> None:
        if errors:
            members["errors"] = [dict(error) for error in errors[:MAX_REPORTED_ERRORS]]
        super().__init__(detail, **members)


class TooLarge(DistrictError):
    """The body, or a list in it, is over its limit."""

    status, slug, title = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The request is too large"


class TooMany(DistrictError):
    """The caller must wait; ``retry_after_s`` says how long."""

    status, slug, title = HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"

    def __init__(self, detail: str = "", *, retry_after_s: int = 60, **members: Any) -> None:
        super().__init__(detail, **members)
        self.headers = {"Retry-After": str(retry_after_s)}


class Unavailable(DistrictError):
    """A part that the request needs does not answer now."""

    status, slug, title = HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Try again shortly"

    def __init__(self, detail: str = "", *, retry_after_s: int = 2, **members: Any) -> None:
        super().__init__(detail, **members)
        self.headers = {"Retry-After": str(retry_after_s)}


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str = "",
    *,
    instance: str = "",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """An RFC 9457 §3 answer."""
    body: dict[str, Any] = {"type": TYPE_BASE + slug, "title": title, "status": int(status)}
    if detail:
        body["detail"] = detail
    if instance:
        body["instance"] = instance
    return JSONResponse(
        body | members, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def of_error(error: DistrictError, *, instance: str = "") -> JSONResponse:
    """The answer of one of our errors."""
    return problem(
        error.status,
        error.slug,
        error.title,
        error.detail,
        instance=instance,
        headers=error.headers,
        **error.members,
    )


def _of_district(request: Request, error: Any) -> JSONResponse:
    return of_error(error, instance=request.url.path)


def _of_rule(request: Request, error: Exception) -> JSONResponse:
    """An error of the pure packages: their rules refuse a value that the request brought."""
    return of_error(Invalid(str(error)), instance=request.url.path)


def _of_validation(request: Request, error: Any) -> JSONResponse:
    shown = [
        {"pointer": _pointer(item["loc"]), "detail": _storable(item["msg"])}
        for item in error.errors()[:MAX_REPORTED_ERRORS]
    ]
    return of_error(Invalid("See errors.", errors=shown), instance=request.url.path)


def _pointer(location: Sequence[object]) -> str:
    return _storable("/" + "/".join(str(part) for part in location))[:MAX_POINTER_LETTERS]


def _storable(text: str) -> str:
    """A text that any answer can carry: half of a surrogate pair, which JSON lets in, is shown as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


_OF_ROUTING = {
    HTTPStatus.NOT_FOUND: (
        NotFound.title,
        "There is nothing at this address; /openapi.json lists what there is.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "Method not allowed",
        "This address takes other methods: the Allow header or /openapi.json names them.",
    ),
}


def _of_http(request: Request, error: Any) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    slug = status.phrase.lower().replace(" ", "-")
    title, advice = _OF_ROUTING.get(status, (status.phrase, ""))
    detail = error.detail if error.detail != status.phrase else advice
    return problem(status, slug, title, detail, instance=request.url.path, headers=error.headers)


def _of_database(request: Request, error: Any) -> JSONResponse:
    """What the database refused: a value, a rule of its own that a race has broken, or to answer at all.

    Its messages hold the values, so they are neither shown nor logged.
    """
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    answer: DistrictError
    if isinstance(cause, psycopg.DataError):
        answer = Invalid("A value is out of range, or holds a character that cannot be stored.")
    elif isinstance(cause, psycopg.errors.UniqueViolation | psycopg.errors.ForeignKeyViolation):
        answer = Conflict("Somebody else changed the same thing at this moment. Read it again.")
    elif isinstance(cause, psycopg.OperationalError | sqlalchemy.exc.TimeoutError):
        answer = Unavailable("The database does not answer now; send the same request again.")
    else:
        raise error
    diagnosis = getattr(cause, "diag", None)
    log.warning(
        "database.refused",
        error=type(cause).__name__,
        constraint=getattr(diagnosis, "constraint_name", None),
        route=route_of(request.scope),
        status=int(answer.status),
    )
    return of_error(answer, instance=request.url.path)


def route_of(scope: Scope) -> str:
    """The path as it was declared: a real one may hold what identifies somebody."""
    return str(getattr(scope.get("route"), "path", "")) or "unknown"


class Crashes:
    """ASGI middleware: an error that nobody expected is logged once, here, and answered as a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("request.failed", method=scope["method"], route=route_of(scope))
            if has_begun:
                raise ConnectionAbortedError("an answer broke off after its head was sent") from None
            await _of_crash(scope["path"])(scope, receive, send)


def _of_crash(path: str) -> JSONResponse:
    return problem(500, "internal", "The server failed", "It has been logged; try again.", instance=path)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(DistrictError, _of_district)
    app.add_exception_handler(GeoError, _of_rule)
    app.add_exception_handler(PushError, _of_rule)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    for kind in (psycopg.Error, sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError):
        app.add_exception_handler(kind, _of_database)

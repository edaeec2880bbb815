"""A UniFi console as its documentation and its own pages describe it: log-in with CSRF token, guests, integration API, errors, lag."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

BASE = "/proxy/network/integration/v1"
BOUNDS: Mapping[str, range] = {
    "timeLimitMinutes": range(1, 1_000_001),
    "dataUsageLimitMBytes": range(1, 1_048_577),
    "rxRateLimitKbps": range(2, 100_001),
    "txRateLimitKbps": range(2, 100_001),
}
_FILTER = re.compile(r"^macAddress\.eq\('((?:[0-9a-f]{2}:){5}[0-9a-f]{2})'\)$")


@dataclass(kw_only=True)
class Console:
    """State of a console, set and read by tests."""

    username: str = "portal"
    password: str = "a-password-of-the-console"
    api_key: str = "an-api-key-of-the-console"
    site: str = "mall1"
    site_id: str = "88f7af54-98f8-306a-a1c7-c9349722b1f6"
    is_unifi_os: bool = True
    lag: int = 0
    """How often a client is asked for before it is listed."""
    is_broken: bool = False
    is_limited: bool = False
    log_ins: int = 0
    token: str = ""
    stations: dict[str, str] = field(default_factory=dict)
    """The integration API's client ids by MAC."""
    guests: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked_for: dict[str, int] = field(default_factory=dict)

    def expire(self) -> None:
        """End every log-in, as a restart does."""
        self.token = ""


def _classic(message: str, status: int) -> Response:
    return JSONResponse({"meta": {"rc": "error", "msg": message}, "data": []}, status_code=status)


def _integration(message: str, status: int) -> Response:
    return JSONResponse({"statusCode": status, "statusName": "ERROR", "message": message}, status_code=status)


def app_of(console: Console) -> FastAPI:
    """The console's HTTP interface."""
    app = FastAPI()

    @app.middleware("http")
    async def broken(request: Request, call_next: Any) -> Response:
        if console.is_broken:
            return Response("<html>Bad gateway</html>", status_code=502)
        answer: Response = await call_next(request)
        return answer

    _log_in(app, console)
    _commands(app, console)
    _lists(app, console)
    _actions(app, console)
    return app


def _log_in(app: FastAPI, console: Console) -> None:
    @app.post("/api/auth/login" if console.is_unifi_os else "/api/login")
    async def log_in(request: Request) -> Response:
        console.log_ins += 1
        if console.is_limited:
            return JSONResponse({"code": "AUTHENTICATION_FAILED_LIMIT_REACHED"}, status_code=429)
        given = await request.json()
        if given != {"username": console.username, "password": console.password}:
            if not console.is_unifi_os:
                return _classic("api.err.Invalid", 400)
            return JSONResponse(
                {
                    "code": "AUTHENTICATION_FAILED_INVALID_CREDENTIALS",
                    "message": "Invalid username or password",
                },
                status_code=403,
            )
        console.token = uuid.uuid4().hex
        answer = JSONResponse({"meta": {"rc": "ok"}, "data": []})
        answer.set_cookie("TOKEN", console.token, httponly=True, secure=False, path="/")
        if console.is_unifi_os:
            answer.headers["X-CSRF-Token"] = f"csrf-{console.token}"
        return answer


def _commands(app: FastAPI, console: Console) -> None:
    prefix = "/proxy/network" if console.is_unifi_os else ""

    @app.post(prefix + "/api/s/{site}/cmd/stamgr")
    async def command(site: str, request: Request) -> Response:
        if not console.token or request.cookies.get("TOKEN") != console.token:
            return _classic("api.err.LoginRequired", 401)
        if console.is_unifi_os and request.headers.get("x-csrf-token") != f"csrf-{console.token}":
            return _classic("api.err.NoPermission", 403)
        if site != console.site:
            return _classic("api.err.NoSiteContext", 401)
        given = await request.json()
        mac = given.get("mac", "")
        if not re.fullmatch(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", mac):
            return _classic("api.err.InvalidPayload", 400)
        if given["cmd"] == "authorize-guest":
            console.guests[mac] = {name: value for name, value in given.items() if name not in {"cmd", "mac"}}
            return JSONResponse(
                {
                    "meta": {"rc": "ok"},
                    "data": [{"authorized_by": "api", "mac": mac, "minutes": given["minutes"]}],
                }
            )
        if given["cmd"] == "unauthorize-guest":
            if console.guests.pop(mac, None) is None:
                return _classic("api.err.UnknownStation", 400)
            return JSONResponse({"meta": {"rc": "ok"}, "data": []})
        return _classic("api.err.InvalidCommand", 400)


def _lists(app: FastAPI, console: Console) -> None:
    @app.get(BASE + "/sites")
    async def sites(request: Request) -> Response:
        if request.headers.get("x-api-key") != console.api_key:
            return _integration("Invalid API key", 401)
        row = {"id": console.site_id, "internalReference": console.site, "name": "Mall One"}
        return JSONResponse({"offset": 0, "limit": 200, "count": 1, "totalCount": 1, "data": [row]})

    @app.get(BASE + "/sites/{site_id}/clients")
    async def clients(site_id: str, request: Request) -> Response:
        if request.headers.get("x-api-key") != console.api_key:
            return _integration("Invalid API key", 401)
        wanted = _FILTER.match(request.query_params.get("filter", ""))
        if site_id != console.site_id or wanted is None:
            return _integration("Invalid filter", 400)
        mac = wanted.group(1)
        console.asked_for[mac] = console.asked_for.get(mac, 0) + 1
        is_listed = mac in console.stations and console.asked_for[mac] > console.lag
        rows = [{"id": console.stations[mac], "macAddress": mac, "type": "WIRELESS"}] if is_listed else []
        return JSONResponse(
            {"offset": 0, "limit": 25, "count": len(rows), "totalCount": len(rows), "data": rows}
        )


def _actions(app: FastAPI, console: Console) -> None:
    @app.post(BASE + "/sites/{site_id}/clients/{client_id}/actions")
    async def action(site_id: str, client_id: str, request: Request) -> Response:
        if request.headers.get("x-api-key") != console.api_key:
            return _integration("Invalid API key", 401)
        mac = next((mac for mac, id_ in console.stations.items() if id_ == client_id), None)
        if mac is None or site_id != console.site_id:
            return _integration("Client not found", 404)
        given = await request.json()
        kind = given.pop("action", "")
        if kind == "UNAUTHORIZE_GUEST_ACCESS":
            console.guests.pop(mac, None)
            return JSONResponse({"action": kind})
        wrong = [name for name, value in given.items() if value not in BOUNDS.get(name, ())]
        if wrong:
            return _integration(f"{wrong[0]} is out of bounds", 400)
        if kind != "AUTHORIZE_GUEST_ACCESS":
            return _integration("Unknown action", 400)
        console.guests[mac] = given
        granted = {"authorizedAt": "2026-05-01T09:00:00Z", "expiresAt": "2026-05-01T17:00:00Z"}
        return JSONResponse({"action": kind, "grantedAuthorization": granted})

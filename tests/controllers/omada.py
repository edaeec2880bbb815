"""An Omada controller's hotspot interface as TP-Link's FAQ 3231 describes it, with a unit of time of its own."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

STARTED_MS = 1_777_626_000_000
A_SECOND = {"milliseconds": 1_000, "seconds": 1, "microseconds": 1_000_000}
OF_ACCESS_POINT = ("clientMac", "apMac", "ssidName", "radioId", "site", "time", "authType")
OF_GATEWAY = ("clientMac", "gatewayMac", "vid", "site", "time", "authType")


@dataclass(kw_only=True)
class OmadaState:
    """State of a controller, set and read by tests."""

    controller_id: str = "f2b6a1c9d3e84755a0c1b2d3e4f50617"
    username: str = "portal"
    password: str = "a-password-of-the-operator"
    site: str = "Mall"
    unit: str = "milliseconds"
    """What this release takes ``time`` for."""
    shows_guests: bool = True
    is_broken: bool = False
    log_ins: int = 0
    token: str = ""
    guests: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By MAC: the request, and for how many seconds."""

    def expire(self) -> None:
        """End every log-in."""
        self.token = ""

    def knows(self, request: Request) -> bool:
        """Whether a request carries the token and the cookie of the log-in that holds."""
        cookie = request.cookies.get("TPOMADA_SESSIONID")
        return bool(self.token) and (request.headers.get("csrf-token"), cookie) == (
            self.token,
            f"s-{self.token}",
        )

    def take(self, given: dict[str, Any]) -> Response:
        """Let a guest in, as asked."""
        wanted = OF_GATEWAY if "gatewayMac" in given else OF_ACCESS_POINT
        missing = [name for name in wanted if name not in given]
        numbers = [given.get(name) for name in ("time", "radioId", "vid", "authType") if name in given]
        if missing or given["authType"] != 4 or not all(isinstance(number, int) for number in numbers):
            return _said(-1001, "Invalid request parameters.")
        if given["site"] != self.site:
            return _said(-41500, "Invalid parameter.")
        given["granted_s"] = given["time"] / A_SECOND[self.unit]
        self.guests[given["clientMac"]] = given
        return _said(0, "Success.")


def _said(code: int, message: str, result: Any = None) -> Response:
    return JSONResponse(
        {"errorCode": code, "msg": message} | ({"result": result} if result is not None else {})
    )


def app_of(state: OmadaState) -> FastAPI:
    """The controller's HTTP interface."""
    app = FastAPI()
    base = f"/{state.controller_id}/api/v2/hotspot"

    @app.middleware("http")
    async def broken(request: Request, call_next: Any) -> Response:
        if state.is_broken:
            return Response("Service Unavailable", status_code=503)
        answer: Response = await call_next(request)
        return answer

    @app.post(base + "/login")
    async def log_in(request: Request) -> Response:
        state.log_ins += 1
        if await request.json() != {"name": state.username, "password": state.password}:
            return _said(-30109, "Invalid username or password.")
        state.token = uuid.uuid4().hex
        answer = _said(0, "Hotspot log in successfully.", {"token": state.token})
        answer.set_cookie("TPOMADA_SESSIONID", f"s-{state.token}", httponly=True)
        return answer

    @app.post(base + "/extPortal/auth")
    async def authorise(request: Request) -> Response:
        if not state.knows(request):
            return _said(-1200, "Your login has expired.")
        return state.take(await request.json())

    @app.get(base + "/sites/{site}/clients")
    async def clients(site: str, request: Request) -> Response:
        if not state.shows_guests:
            return Response(status_code=404)
        if not state.knows(request):
            return _said(-1200, "Your login has expired.")
        start = STARTED_MS
        rows = [
            {"mac": mac, "start": start, "end": start + int(guest["granted_s"] * 1000), "valid": True}
            for mac, guest in state.guests.items()
            if request.query_params.get("searchKey", "") in mac and site == state.site
        ]
        return _said(0, "Success.", {"totalRows": len(rows), "data": rows})

    return app

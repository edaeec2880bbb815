"""SmartZone's northbound portal interface: one address, JSON requests, response codes."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

WORDS = {
    100: "Client unauthorized",
    101: "Client authorized",
    200: "OK",
    201: "Login succeeded",
    202: "Authentication pending",
    300: "Not found",
    301: "Login failed",
    302: "Bad request",
    303: "Version not supported",
    304: "Command not supported",
    305: "Category not supported",
    306: "Wrong request password",
    400: "Internal server error",
    401: "Authentication server error",
}


@dataclass(kw_only=True)
class SmartZone:
    """State of a controller, set and read by tests."""

    username: str = "api"
    password: str = "a-password-of-the-interface"
    knows_status: bool = True
    pending: int = 0
    """How often Status says pending after a log-in."""
    login_code: int | None = None
    """What a log-in is answered, whatever it says."""
    is_broken: bool = False
    devices: set[str] = field(default_factory=set)
    """Associated ones, as the redirect names them."""
    on_line: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, given: dict[str, Any]) -> int:
        """The response code of a request."""
        wrong = self._wrong(given)
        if wrong is not None:
            return wrong
        device = given["UE-MAC"]
        match given.get("RequestType"):
            case "Login":
                return self._login(device, given)
            case "Status":
                return self._status(device)
            case "Logout":
                return 200 if self.on_line.pop(device, None) else 100
        return 304

    def _wrong(self, given: dict[str, Any]) -> int | None:
        if given.get("RequestPassword") != self.password or given.get("RequestUserName") != self.username:
            return 306
        if given.get("APIVersion") != "1.0":
            return 303
        if given.get("RequestCategory") != "UserOnlineControl":
            return 305
        return None if given.get("UE-MAC") in self.devices else 300

    def _login(self, device: str, given: dict[str, Any]) -> int:
        if self.login_code is not None:
            return self.login_code
        if not given.get("UE-Username") or not given.get("UE-Password"):
            return 302
        self.on_line[device] = given
        return 202 if self.pending else 201

    def _status(self, device: str) -> int:
        if not self.knows_status:
            return 302
        if self.pending:
            self.pending -= 1
            return 202
        return 101 if device in self.on_line else 100


def app_of(state: SmartZone) -> FastAPI:
    """The controller's HTTP interface."""
    app = FastAPI()

    @app.post("/portalintf")
    async def ask(request: Request) -> Response:
        if state.is_broken:
            return Response("oops", status_code=500)
        code = state.answer(await request.json())
        return JSONResponse(
            {"Vendor": "Ruckus", "APIVersion": "1.0", "ResponseCode": code, "ReplyMessage": WORDS[code]}
        )

    return app

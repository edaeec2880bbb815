"""Whatever JSON a controller answers, the product's side ends in a refusal or an outage, never in a crash."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.dialect import GatewayInfo
from district.gateways.vendors import CONTROLLERS
from tests.controllers.serving import calling, gateway_of, login_of
from tests.serving import running

MAC = "1c7123456789"
VALUES: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", "x", "\u0000\ud7ff", [], [[]], {}, {"a": []}, 10**30)
NAMES = ("meta", "data", "errorCode", "result", "ResponseCode", "code", "message", "grantedAuthorization")
GRANTS: dict[str, dict[str, str]] = {
    "unifi": {"ap": ""},
    "integration": {"ap": ""},
    "omada": {"clientMac": "1C-71-23-45-67-89", "apMac": "AA-BB-CC-DD-EE-01", "radioId": "0", "site": "Mall"},
    "ruckus": {"mac": "1C:71:23:45:67:89", "address": ""},
}


class Odd:
    """A server that gives one answer to everything."""

    body: Any = None
    status: int = 200


def app_of(odd: Odd) -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def answer(path: str, request: Request) -> Response:
        return JSONResponse(odd.body, status_code=odd.status)

    return app


@pytest.fixture(scope="module")
def odd() -> Odd:
    return Odd()


@pytest.fixture(scope="module")
def address(odd: Odd) -> Iterator[str]:
    with running(app_of(odd)) as url:
        yield url


def gateway(kind: str, address: str) -> GatewayInfo:
    own: dict[str, dict[str, Any]] = {
        "unifi": {"username": "u", "password": "p"},
        "integration": {"api": "integration", "api_key": "k"},
        "omada": {"controller_id": "abcdefgh12345678", "username": "u", "password": "p"},
        "ruckus": {"password": "p"},
    }
    vendor = "unifi" if kind == "integration" else kind
    return gateway_of(vendor, {"controller_url": address} | own[kind])


def bodies() -> Iterator[Any]:
    yield from VALUES
    for name, value in itertools.product(NAMES, VALUES):
        yield {name: value}
    for value in VALUES:
        yield {"meta": {"rc": value, "msg": value}, "data": value}
        yield {"meta": {"rc": "error", "msg": value}}
        yield {"errorCode": 0, "result": value}
        # A printable token beside errorCode 0 would be a yes.
        yield {"errorCode": 0, "result": {"token": "\n" if value == "x" else value, "data": value}}
        yield {"data": [{"id": value, "internalReference": value, "name": value, "macAddress": value}]}
        yield {"data": [value], "ResponseCode": value}


@pytest.mark.parametrize("kind", GRANTS)
@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_odd_json_never_crashes_and_never_lets_in(kind: str, status: int, odd: Odd, address: str) -> None:
    info = gateway(kind, address)
    controller = CONTROLLERS[info.vendor]
    odd.status = status
    for odd.body in bodies():
        with calling(info) as caller, pytest.raises((ControllerRefused, ControllerUnavailable)):
            controller.admit(info, MAC, GRANTS[kind], login_of(), caller)
        with calling(info) as caller:
            try:
                controller.revoke(info, MAC, GRANTS[kind], caller)
            except (ControllerRefused, ControllerUnavailable):
                continue  # a device that is off already is no error

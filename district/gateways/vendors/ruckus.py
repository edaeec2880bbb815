"""Ruckus SmartZone and RUCKUS One: an unsigned redirect, and the northbound interface (NBI) of the controller.

Source: SmartZone Hotspot (WISPr) Portal Interface Reference Guide. Addresses that the redirect names (``sip``,
``nbiIP``) are not believed: only the operator's ``controller_url`` is called.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any

from pydantic import StringConstraints

from district.gateways.caller import Caller, ControllerRefused, ControllerUnavailable, shown
from district.gateways.controllers import ControllerOptions
from district.gateways.dialect import (
    Arrival,
    BadRedirect,
    Confirmation,
    Controller,
    Dialect,
    GatewayInfo,
    Login,
    SecretOption,
    Step,
    Tell,
)
from district.gateways.redirects import (
    client_mac_of,
    fields_of,
    ip_of,
    optional_mac,
    required,
    shown_url,
)

PATH = "/portalintf"
MAX_ENCRYPTED = 200
ENCRYPTED = "ENC"
LOCAL, GROUP = 0x02, 0x01
PENDING_PAUSES_S = (0.2, 0.4, 0.8, 1.2, 1.6)
SAME_VISIT_S = 300


class Code(IntEnum):
    """What the interface answers."""

    NOT_AUTHORISED = 100
    AUTHORISED = 101
    DONE = 200
    LOGGED_IN = 201
    PENDING = 202
    NOT_FOUND = 300
    LOGIN_FAILED = 301
    BAD_REQUEST = 302
    WRONG_VERSION = 303
    WRONG_COMMAND = 304
    WRONG_CATEGORY = 305
    WRONG_PASSWORD = 306
    INTERNAL = 400
    NO_AUTHENTICATION_SERVER = 401


ON_LINE = frozenset({Code.AUTHORISED, Code.LOGGED_IN})
OFF_LINE = frozenset({Code.NOT_AUTHORISED, Code.DONE, Code.NOT_FOUND})
WITHOUT_STATUS = frozenset({Code.NOT_FOUND, Code.BAD_REQUEST, Code.WRONG_COMMAND, Code.WRONG_CATEGORY})
"""Answers of a controller that knows no ``Status``."""
REASONS: Mapping[int, str] = {
    Code.NOT_AUTHORISED: "the device is not authorised",
    Code.PENDING: "the log-in is still on its way",
    Code.NOT_FOUND: "the controller does not know the device: it left, or the redirect is of another controller",
    Code.LOGIN_FAILED: "the controller's authentication server refused: check the WLAN's RADIUS server, or set Always Accept",
    Code.BAD_REQUEST: "the request lacks something: the release may not fit",
    Code.WRONG_VERSION: "the controller does not speak version 1.0 of the interface",
    Code.WRONG_COMMAND: "the controller does not know this kind of request",
    Code.WRONG_CATEGORY: "the controller does not know this category of request",
    Code.WRONG_PASSWORD: "user name or password of the northbound interface is wrong: check Administration > External Services > WISPr Northbound Interface",
    Code.INTERNAL: "the controller failed",
    Code.NO_AUTHENTICATION_SERVER: "the controller does not reach its authentication server",
}


class RuckusOptions(ControllerOptions):
    """As whom the controller is asked; ``controller_url`` is the interface, usually port 9443."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "api"
    password: SecretOption
    checks_status: bool = True
    """Ask after the log-in whether the device is on line; RUCKUS One may not answer."""


class Ruckus(Dialect):
    """``?client_mac&uip&sip|nbiIP&url&ssid``."""

    options_model = RuckusOptions
    confirms = Confirmation.CONTROLLER
    needs_login = True

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:  # noqa: ARG002 nothing is signed
        """A claim without a time: the same again within five minutes is the same redirect. Raises: BadRedirect."""
        fields = fields_of(raw_query, errors="replace")
        given = required(fields, "client_mac")
        mac = device_of(given)
        access_point = optional_mac(fields.get("mac", "") or fields.get("apmac", ""))
        around = int(machine_now.timestamp()) // SAME_VISIT_S
        return Arrival(
            mac=mac,
            access_point_mac=access_point,
            wanted_url=shown_url(fields.get("url", "")),
            fingerprint=hashlib.sha256(f"ruckus|{mac}|{access_point}|{around}".encode()).digest(),
            grant={"mac": given, "address": _address(fields.get("uip", ""))},
            is_signed=False,
            ssid=fields.get("ssid", "")[:64],
            inner_address=ip_of(fields.get("uip", "")),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 the controller is told
        """We tell the controller."""
        return Tell()

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:  # noqa: ARG002 nothing of the gateway is in it
        """What to set in SmartZone."""
        host = portal_url.split("://", 1)[-1].split("/", 1)[0]
        return (
            "SmartZone > Services > Hotspots & Portals > Hotspot (WISPr): Logon URL = External\n"
            f"Redirect unauthenticated user to: {portal_url}\n"
            f"Walled garden: {host}\n"
            "Administration > External Services > WISPr Northbound Interface: enable; its user and password go into this gateway's options.\n"
            "WLAN > Authentication Service: Always Accept, or this installation's RADIUS.\n"
            "To have devices named by their own address: CLI `config`, `no encrypt-mac-ip`.\n"
        )


class RuckusController(Controller):
    """A controller's northbound interface."""

    def admit(
        self,
        gateway: GatewayInfo,
        mac: str,  # noqa: ARG002 the grant names the device
        grant: Mapping[str, str],
        login: Login,
        caller: Caller,
    ) -> None:
        """Log the device in, and see that it is. Raises: ControllerRefused, ControllerUnavailable."""
        options = RuckusOptions.model_validate(gateway.options)
        user = {"UE-Username": login.username, "UE-Password": login.password}
        code = _ask(options, caller, "Login", grant, user)
        if code == Code.PENDING:
            code = _when_decided(options, caller, grant)
        if code not in ON_LINE:
            raise _refusal(code)
        if options.checks_status:
            seen = _ask(options, caller, "Status", grant)
            if seen not in ON_LINE | WITHOUT_STATUS:
                raise _refusal(seen)

    def revoke(self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], caller: Caller) -> None:  # noqa: ARG002 the grant names the device
        """Log the device out. Raises: ControllerRefused, ControllerUnavailable."""
        options = RuckusOptions.model_validate(gateway.options)
        code = _ask(options, caller, "Logout", grant)
        if code not in OFF_LINE:
            raise _refusal(code)


def device_of(given: str) -> str:
    """The device's address. One that the controller has encrypted is stood for by a local address made from it.

    Raises: BadRedirect.
    """
    if not given.startswith(ENCRYPTED):
        return client_mac_of(given)
    if len(given) > MAX_ENCRYPTED or not given.isascii() or not given.isalnum():
        raise BadRedirect("The redirect's client_mac is neither an address nor an encrypted one.")
    octets = bytearray(hashlib.sha256(given.encode()).digest()[:6])
    octets[0] = octets[0] & ~GROUP | LOCAL
    return octets.hex()


def _address(given: str) -> str:
    """The device's IP address as given, perhaps encrypted; empty when it is neither."""
    is_encrypted = given.startswith(ENCRYPTED) and given.isascii() and given.isalnum()
    return given if is_encrypted and len(given) <= MAX_ENCRYPTED else ip_of(given)


def _when_decided(options: RuckusOptions, caller: Caller, grant: Mapping[str, str]) -> int:
    code: int = Code.PENDING
    for pause_s in PENDING_PAUSES_S:
        if not caller.pause(pause_s):
            break
        code = _ask(options, caller, "Status", grant)
        if code not in {Code.PENDING, Code.NOT_AUTHORISED}:
            break
    return code


def _ask(
    options: RuckusOptions,
    caller: Caller,
    kind: str,
    grant: Mapping[str, str],
    more: Mapping[str, str] | None = None,
) -> int:
    """The response code of one request. Raises: ControllerUnavailable."""
    body: dict[str, Any] = {
        "Vendor": "Ruckus",
        "APIVersion": "1.0",
        "RequestUserName": options.username,
        "RequestPassword": options.password,
        "RequestCategory": "UserOnlineControl",
        "RequestType": kind,
        "UE-MAC": grant["mac"],
        **({"UE-IP": grant["address"]} if grant.get("address") else {}),
        **(more or {}),
    }
    answer = caller.call("POST", PATH, json=body)
    if answer.status != 200:
        raise ControllerUnavailable(f"Ruckus answered {answer.status}: check controller_url and its port.")
    code = answer.document().get("ResponseCode")
    try:
        return int(str(code))
    except ValueError:
        raise ControllerUnavailable(f"Ruckus answered without a response code ({shown(code)}).") from None


def _refusal(code: int) -> ControllerRefused:
    return ControllerRefused(
        f"Ruckus refused ({code}): {REASONS.get(code, 'a code that is not documented')}."
    )

"""TP-Link Omada (5.0.15 and newer): an unsigned redirect, and ``extPortal/auth`` of the controller.

Source: TP-Link FAQ 3231.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

import structlog
from pydantic import StringConstraints

from district.gateways.caller import Answered, Caller, ControllerRefused, ControllerUnavailable, shown
from district.gateways.controllers import ControllerOptions, KeptLogins, LoginOver, login_key
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
from district.gateways.redirect_ages import check_age
from district.gateways.redirects import (
    client_mac_of,
    fields_of,
    ip_of,
    mac_of,
    required,
    shown_url,
    spelled,
)

log = structlog.get_logger()
EXTERNAL_PORTAL = 4
DEFAULT_S = 8 * 3600
MOST_DIGITS = 6
MAX_NAME = 100
UNITS_A_SECOND = {"milliseconds": 1_000, "seconds": 1, "microseconds": 1_000_000}
FAIR = (0.5, 2.0)
"""How far the time that was granted may be from the plan's before the unit is called wrong."""
LOGIN_CODES = frozenset({-1, -1200, -44112, -44113, -44116})
REASONS: Mapping[int, str] = {
    -30109: "user name or password of the hotspot operator is wrong",
    -41500: "the controller took the time or another parameter for invalid",
    -41501: "the controller does not know the device, or it left: connect again",
    -41529: "the portal of this site is not of the type External Portal Server",
}


class OmadaOptions(ControllerOptions):
    """Which controller is asked, and as whom."""

    controller_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{8,64}$")]
    """The long id in the controller's own addresses."""
    username: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Of a hotspot operator (Hotspot Manager > Operators), not of an administrator."""
    password: SecretOption
    site: Annotated[str, StringConstraints(max_length=MAX_NAME)] = ""
    """Take guests of this site only; empty: of any site of the controller."""
    time_unit: Literal["milliseconds", "seconds", "microseconds"] = "milliseconds"
    """In which the controller reads ``time``: releases differ."""
    checks_time: bool = True
    """Read back for how long the controller let the first guests in, and refuse when the unit is wrong."""


class Omada(Dialect):
    """``?clientMac&apMac&ssidName&t&radioId&site&redirectUrl``, or with ``gatewayMac&vid``."""

    options_model = OmadaOptions
    confirms = Confirmation.CONTROLLER

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """A claim. Raises: BadRedirect when a field is missing, of another site, or older than five minutes."""
        fields = fields_of(raw_query, errors="replace")
        mac = client_mac_of(required(fields, "clientMac"))
        site = required(fields, "site")[:MAX_NAME]
        if gateway.options.get("site") and site != gateway.options["site"]:
            raise BadRedirect(f"The redirect is of the site {shown(site)}, not of this gateway's.")
        device = "apMac" if fields.get("apMac") else "gatewayMac"
        through = mac_of(required(fields, device))
        at = check_age(required(fields, "t"), machine_now)
        return Arrival(
            mac=mac,
            access_point_mac=through,
            wanted_url=shown_url(fields.get("redirectUrl", "")),
            fingerprint=hashlib.sha256(f"omada|{mac}|{through}|{at}".encode()).digest(),
            grant=_grant(fields, device, mac=mac, through=through, site=site),
            is_signed=False,
            ssid=fields.get("ssidName", "")[:64],
            inner_address=ip_of(fields.get("clientIp", "")),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 the controller is told
        """We tell the controller."""
        return Tell()

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:  # noqa: ARG002 nothing of the gateway is in it
        """What to set in the controller."""
        host = portal_url.split("://", 1)[-1].split("/", 1)[0]
        return (
            "Omada > Site > Settings > Authentication > Portal: Authentication Type = External Portal Server\n"
            f"Custom Portal Server (URL): {portal_url}\n"
            f"Access Control > Pre-Authentication Access: {host}\n"
            "Hotspot Manager > Operators: make an operator for this site; its name and password go into this gateway's options.\n"
        )


def _grant(fields: Mapping[str, str], device: str, *, mac: str, through: str, site: str) -> dict[str, str]:
    """What the controller wants to hear again."""
    kept = {"clientMac": spelled(mac, "-").upper(), device: spelled(through, "-").upper(), "site": site}
    number = "radioId" if device == "apMac" else "vid"
    digits = fields.get(number, "0" if number == "radioId" else "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        raise BadRedirect(f"The redirect's {number} is no number.")
    kept[number] = digits
    if device == "apMac":
        kept["ssidName"] = fields.get("ssidName", "")[:64]
    if ip_of(fields.get("clientIp", "")):
        kept["clientIp"] = ip_of(fields["clientIp"])
    return kept


class OmadaController(Controller):
    """The hotspot interface of a controller."""

    def __init__(self) -> None:
        self._logins = KeptLogins()

    def admit(
        self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], login: Login, caller: Caller
    ) -> None:
        """Authorise a guest, and read back for how long. Raises: ControllerRefused, ControllerUnavailable."""
        options = OmadaOptions.model_validate(gateway.options)
        session_s = login.plan.session_s or DEFAULT_S

        def act(token: str) -> None:
            _authorise(options, caller, token, grant, session_s=session_s)
            if options.checks_time:
                _check_time(options, caller, token, mac, grant, session_s=session_s)

        self._logins.using(_key(options), caller, lambda: _log_in(options, caller), act)

    def revoke(self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], caller: Caller) -> None:  # noqa: ARG002 the grant names the device
        """Authorise for one second more: the interface of the portal knows no other end."""
        options = OmadaOptions.model_validate(gateway.options)
        self._logins.using(
            _key(options),
            caller,
            lambda: _log_in(options, caller),
            lambda token: _authorise(options, caller, token, grant, session_s=1),
        )


def _key(options: OmadaOptions) -> bytes:
    return login_key(
        "omada", options.controller_url, options.controller_id, options.username, options.password
    )


def _log_in(options: OmadaOptions, caller: Caller) -> str:
    answer = caller.call(
        "POST",
        f"/{options.controller_id}/api/v2/hotspot/login",
        json={"name": options.username, "password": options.password},
    )
    result = _result(answer)
    token = result.get("token") if isinstance(result, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise ControllerUnavailable("Omada took the log-in and gave no token.")
    return token[:500]


def _authorise(
    options: OmadaOptions, caller: Caller, token: str, grant: Mapping[str, str], *, session_s: int
) -> None:
    numbers = {name: int(grant[name]) for name in ("radioId", "vid") if grant.get(name)}
    body = dict(grant) | numbers
    body |= {"time": session_s * UNITS_A_SECOND[options.time_unit], "authType": EXTERNAL_PORTAL}
    answer = caller.call(
        "POST",
        f"/{options.controller_id}/api/v2/hotspot/extPortal/auth",
        json=body,
        headers={"Csrf-Token": token},
    )
    _result(answer)


def _check_time(
    options: OmadaOptions,
    caller: Caller,
    token: str,
    mac: str,
    grant: Mapping[str, str],
    *,
    session_s: int,
) -> None:
    """Compare what was granted with what was wanted. A controller that shows no list of guests is believed.

    Raises: ControllerRefused when the unit of time must be another.
    """
    granted_s = _granted_s(options, caller, token, mac, grant)
    if granted_s is None:
        log.info("omada.time_not_read_back")
        return
    ratio = granted_s / session_s
    if not FAIR[0] <= ratio <= FAIR[1]:
        # Nobody stays on line for a thousand days because a unit was guessed wrong.
        _authorise(options, caller, token, grant, session_s=1)
        raise ControllerRefused(
            f"Omada let the guest in for {granted_s:.3g} s where the plan says {session_s} s: "
            f"set options.time_unit to another unit than {options.time_unit}."
        )


def _granted_s(
    options: OmadaOptions, caller: Caller, token: str, mac: str, grant: Mapping[str, str]
) -> float | None:
    site, spelling = quote(grant["site"], safe=""), spelled(mac, "-").upper()
    answer = caller.call(
        "GET",
        f"/{options.controller_id}/api/v2/hotspot/sites/{site}/clients"
        f"?currentPage=1&currentPageSize=10&searchKey={spelling}",
        headers={"Csrf-Token": token},
    )
    try:
        result = _result(answer)
    except (ControllerRefused, ControllerUnavailable):
        return None
    rows = result.get("data") if isinstance(result, dict) else None
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and str(row.get("mac", "")).upper() == spelling:
            start, end = row.get("start"), row.get("end")
            if isinstance(start, int | float) and isinstance(end, int | float):
                return (end - start) / 1_000
    return None


def _result(answer: Answered) -> Any:
    """What a good answer holds. Raises: LoginOver, ControllerRefused, ControllerUnavailable."""
    if answer.status in {401, 403}:
        raise LoginOver("Omada ended the log-in.")
    if answer.status != 200:
        raise ControllerUnavailable(
            f"Omada answered {answer.status}: check controller_url and controller_id."
        )
    body = answer.document()
    code = body.get("errorCode")
    if code == 0:
        return body.get("result")
    if isinstance(code, int) and code in LOGIN_CODES:
        raise LoginOver(f"Omada ended the log-in ({code}).")
    reason = REASONS.get(code) if isinstance(code, int) else None
    raise ControllerRefused(f"Omada refused ({shown(code)}): {reason or shown(body.get('msg', ''))}.")

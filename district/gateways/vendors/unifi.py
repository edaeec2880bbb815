"""UniFi: an unsigned redirect to ``/guest/s/{site}/``, and guests let in by the controller's API, classic or integration.

Source: help.ui.com 31228198640023 for the redirect; the requests as the controller's own pages send them.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import StringConstraints, model_validator

from district.gateways.caller import Answered, Caller, ControllerRefused, ControllerUnavailable, shown
from district.gateways.controllers import ControllerOptions, KeptLogins, LoginOver, login_key
from district.gateways.dialect import (
    Arrival,
    Confirmation,
    Controller,
    Dialect,
    GatewayInfo,
    Login,
    PlanInfo,
    SecretOption,
    Step,
    Tell,
)
from district.gateways.redirect_ages import check_age
from district.gateways.redirects import (
    client_mac_of,
    fields_of,
    optional_mac,
    required,
    shown_url,
    spelled,
)

Site = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
DEFAULT_MINUTES = 480
MOST_MINUTES = 1_000_000
KBPS = range(2, 100_001)
MOST_MEGABYTES = 1_048_576
INTEGRATION = "/proxy/network/integration/v1"
LAG_PAUSES_S = (0.2, 0.4, 0.8, 1.2, 1.6, 1.6)
"""A client that has just associated is not in the integration API's list yet."""
GONE = frozenset({"api.err.UnknownStation", "api.err.UnknownUser"})
LOGGED_OUT = frozenset({"api.err.LoginRequired", "api.err.SessionExpired"})
REASONS: Mapping[str, str] = {
    "api.err.Invalid": "user name or password of the controller is wrong",
    "api.err.NoPermission": "the controller's user may not authorise guests: give it the Hotspot or Site Admin role",
    "api.err.NoSiteContext": "the controller has no such site: check options.site",
    "api.err.Ubic2faTokenRequired": "the controller asks for a second factor: use a local account without one",
    "AUTHENTICATION_FAILED_LIMIT_REACHED": "the controller refuses log-ins for now, after too many",
}


class UnifiOptions(ControllerOptions):
    """Which API of the controller is asked, and as whom."""

    api: Literal["classic", "integration"] = "classic"
    """integration needs Network 9.1.105 or newer and an API key; classic a local account."""
    site: Site = "default"
    """As in the controller's own addresses: /manage/SITE/."""
    is_unifi_os: bool = True
    """False for a self-hosted Network application (port 8443)."""
    username: Annotated[str, StringConstraints(max_length=100)] = ""
    password: SecretOption = ""
    api_key: SecretOption = ""
    volume_unit: Literal["megabytes", "bytes"] = "megabytes"
    """Of the classic API's ``bytes``: controllers differ."""

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        if self.api == "integration" and not self.api_key:
            raise ValueError("the integration API needs api_key")
        if self.api == "classic" and not (self.username and self.password):
            raise ValueError("the classic API needs username and password")
        return self


class Unifi(Dialect):
    """``?ap&id&t&url&ssid``."""

    options_model = UnifiOptions
    confirms = Confirmation.CONTROLLER

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:  # noqa: ARG002 nothing is signed
        """A claim. Raises: BadRedirect when a field is missing or the redirect is older than five minutes."""
        fields = fields_of(raw_query, errors="replace")
        mac = client_mac_of(required(fields, "id"))
        at = check_age(required(fields, "t"), machine_now)
        access_point = optional_mac(fields.get("ap", ""))
        return Arrival(
            mac=mac,
            access_point_mac=access_point,
            wanted_url=shown_url(fields.get("url", "")),
            fingerprint=hashlib.sha256(f"unifi|{mac}|{access_point}|{at}".encode()).digest(),
            grant={"ap": access_point},
            is_signed=False,
            ssid=fields.get("ssid", "")[:64],
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 the controller is told
        """We tell the controller."""
        return Tell()

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """What to set in the Network application."""
        host = portal_url.split("://", 1)[-1].split("/", 1)[0]
        site = gateway.options.get("site", "default")
        return (
            "UniFi Network > Settings > Hotspot > Landing page: Authentication = External Portal Server\n"
            f"External Portal Server: {host}\n"
            f"UniFi adds /guest/s/{site}/ by itself. Where a full address can be given: {portal_url}\n"
            f"Pre-authorisation allowance: {host}\n"
            "A local account (classic: role Hotspot Operator or Site Admin) or an API key (integration) goes into this gateway's options.\n"
        )


class UnifiController(Controller):
    """The console or the self-hosted application."""

    def __init__(self) -> None:
        self._logins = KeptLogins()

    def admit(
        self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], login: Login, caller: Caller
    ) -> None:
        """Authorise a guest. Raises: ControllerRefused, ControllerUnavailable."""
        options = UnifiOptions.model_validate(gateway.options)
        if options.api == "integration":
            client = _client(options, caller, mac, pauses_s=LAG_PAUSES_S)
            if client is None:
                raise ControllerUnavailable("UniFi does not list the device yet.")
            answer = _act(options, caller, client, {"action": "AUTHORIZE_GUEST_ACCESS"} | limits(login.plan))
            if not isinstance(answer.get("grantedAuthorization"), dict):
                raise ControllerRefused("UniFi answered without having authorised the guest.")
            return
        command = {"cmd": "authorize-guest", "mac": spelled(mac)} | classic_limits(login.plan, options)
        if grant.get("ap"):
            command["ap_mac"] = spelled(grant["ap"])
        self._command(options, caller, command)

    def revoke(self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], caller: Caller) -> None:  # noqa: ARG002 the MAC is enough
        """Take the authorisation back. Raises: ControllerRefused, ControllerUnavailable."""
        options = UnifiOptions.model_validate(gateway.options)
        if options.api == "integration":
            client = _client(options, caller, mac, pauses_s=())
            if client is not None:
                _act(options, caller, client, {"action": "UNAUTHORIZE_GUEST_ACCESS"})
            return
        self._command(options, caller, {"cmd": "unauthorize-guest", "mac": spelled(mac)})

    def _command(self, options: UnifiOptions, caller: Caller, command: Mapping[str, Any]) -> None:
        prefix = "/proxy/network" if options.is_unifi_os else ""

        def act(token: str) -> None:
            answer = caller.call(
                "POST",
                f"{prefix}/api/s/{options.site}/cmd/stamgr",
                json=command,
                headers={"X-CSRF-Token": token} if token else {},
            )
            _check_classic(answer)

        key = login_key("unifi", options.controller_url, options.username, options.password)
        self._logins.using(key, caller, lambda: _log_in(options, caller), act)


def limits(plan: PlanInfo) -> dict[str, int]:
    """A plan in the integration API's words; rates as the guest sees them: what he receives is rx."""
    wanted = {
        "timeLimitMinutes": _minutes(plan),
        "dataUsageLimitMBytes": min(_megabytes(plan), MOST_MEGABYTES),
        "rxRateLimitKbps": _kbps(plan.down_kbps),
        "txRateLimitKbps": _kbps(plan.up_kbps),
    }
    return {name: value for name, value in wanted.items() if value}


def classic_limits(plan: PlanInfo, options: UnifiOptions) -> dict[str, Any]:
    """A plan in the classic API's words; minutes are always sent, for without them guests get the site's default."""
    volume = _megabytes(plan)
    if options.volume_unit == "bytes":
        volume = (plan.volume_kib or 0) * 1024
    wanted = {
        "minutes": _minutes(plan),
        "up": _kbps(plan.up_kbps),
        "down": _kbps(plan.down_kbps),
        "bytes": volume,
    }
    return {name: value for name, value in wanted.items() if value}


def _minutes(plan: PlanInfo) -> int:
    return min(-(-plan.session_s // 60), MOST_MINUTES) if plan.session_s else DEFAULT_MINUTES


def _megabytes(plan: PlanInfo) -> int:
    return -(-plan.volume_kib // 1024) if plan.volume_kib else 0


def _kbps(rate: int | None) -> int:
    return max(KBPS.start, min(rate, KBPS.stop - 1)) if rate else 0


def _log_in(options: UnifiOptions, caller: Caller) -> str:
    path = "/api/auth/login" if options.is_unifi_os else "/api/login"
    answer = caller.call("POST", path, json={"username": options.username, "password": options.password})
    if answer.status != 200:
        raise ControllerRefused(f"UniFi did not take the log-in ({answer.status}): {_reason(answer)}.")
    if not options.is_unifi_os:
        _check_classic(answer)
    return str(answer.headers.get("x-csrf-token", ""))[:500]


def _check_classic(answer: Answered) -> None:
    """Raises: LoginOver, ControllerRefused, ControllerUnavailable."""
    if answer.status >= 500:
        raise ControllerUnavailable(f"UniFi answered {answer.status}.")
    meta = answer.document().get("meta")
    code = shown(meta.get("msg", "")) if isinstance(meta, dict) else ""
    if isinstance(meta, dict) and meta.get("rc") == "ok" and answer.status == 200:
        return
    if code in LOGGED_OUT or (answer.status == 401 and not code):
        raise LoginOver("UniFi ended the log-in.")
    if code not in GONE:
        raise ControllerRefused(f"UniFi refused ({answer.status}): {_reason(answer)}.")


def _client(options: UnifiOptions, caller: Caller, mac: str, *, pauses_s: tuple[float, ...]) -> str | None:
    """Where the integration API knows the device as; asked again while it lags behind. None: not there."""
    site = _site_path(options, caller)
    query = quote(f"macAddress.eq('{spelled(mac)}')", safe="")
    for pause_s in (*pauses_s, None):
        found = _rows(_ask(options, caller, "GET", f"{site}/clients?filter={query}"))
        for row in found:
            if str(row.get("macAddress", "")).lower() == spelled(mac):
                return f"{site}/clients/{quote(str(row.get('id', '')), safe='')}"
        if pause_s is None or not caller.pause(pause_s):
            break
    return None


def _site_path(options: UnifiOptions, caller: Caller) -> str:
    for row in _rows(_ask(options, caller, "GET", f"{INTEGRATION}/sites?limit=200")):
        if options.site in (row.get("internalReference"), row.get("name"), row.get("id")):
            return f"{INTEGRATION}/sites/{quote(str(row.get('id', '')), safe='')}"
    raise ControllerRefused(f"UniFi has no site {options.site!r} for this API key: check options.site.")


def _act(options: UnifiOptions, caller: Caller, client: str, action: Mapping[str, Any]) -> dict[str, Any]:
    return _ask(options, caller, "POST", f"{client}/actions", json=action)


def _ask(
    options: UnifiOptions, caller: Caller, method: str, path: str, *, json: Any = None
) -> dict[str, Any]:
    answer = caller.call(method, path, json=json, headers={"X-API-KEY": options.api_key})
    if answer.status >= 500:
        raise ControllerUnavailable(f"UniFi answered {answer.status}.")
    if answer.status in {401, 403}:
        raise ControllerRefused(
            "UniFi does not take the API key: make one under Settings > Control Plane > Integrations."
        )
    if answer.status != 200:
        raise ControllerRefused(f"UniFi refused ({answer.status}): {_reason(answer)}.")
    return answer.document()


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = answer.get("data")
    if not isinstance(found, list):
        raise ControllerUnavailable("UniFi answered with JSON of another form.")
    return [row for row in found if isinstance(row, dict)]


def _reason(answer: Answered) -> str:
    """The controller's own words, or what its code means."""
    try:
        body = answer.document()
    except ControllerUnavailable:
        return "no reason given"
    meta = body.get("meta")
    code = str((meta.get("msg") if isinstance(meta, dict) else None) or body.get("code") or "")
    return REASONS.get(code) or shown(code or body.get("message") or "no reason given")

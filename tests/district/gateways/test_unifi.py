"""UniFi: what its redirect may claim, and guests let in and sent off by a console with all its moods."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.dialect import BadRedirect, GatewayInfo, PlanInfo, Tell
from district.gateways.vendors.unifi import Unifi, UnifiController
from district.problems import Invalid
from tests.controllers import unifi
from tests.controllers.serving import calling, gateway_of, login_of
from tests.serving import running

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
MAC, SPELLED = "1c7123456789", "1c:71:23:45:67:89"
GRANT = {"ap": "942a01020304"}


def query(*, mac: str = SPELLED, t: str | None = None, more: str = "") -> bytes:
    t = t if t is not None else str(int(NOW.timestamp()))
    return f"ap=94:2a:01:02:03:04&id={mac}&t={t}&url=http://example.com/&ssid=Mall%20Free{more}".encode()


@pytest.fixture
def console(request: pytest.FixtureRequest) -> unifi.Console:
    return unifi.Console(**getattr(request, "param", {}))


@pytest.fixture
def address(console: unifi.Console) -> Iterator[str]:
    with running(unifi.app_of(console)) as url:
        yield url


@pytest.fixture
def classic(console: unifi.Console, address: str) -> GatewayInfo:
    options = {
        "controller_url": address,
        "site": console.site,
        "username": console.username,
        "password": console.password,
        "is_unifi_os": console.is_unifi_os,
    }
    return gateway_of("unifi", options)


@pytest.fixture
def integration(console: unifi.Console, address: str) -> GatewayInfo:
    options = {
        "controller_url": address,
        "site": console.site,
        "api": "integration",
        "api_key": console.api_key,
    }
    return gateway_of("unifi", options)


def admit(gateway: GatewayInfo, *, plan: PlanInfo | None = None, by: UnifiController | None = None) -> None:
    login = login_of(plan) if plan else login_of()
    with calling(gateway) as caller:
        (by or UnifiController()).admit(gateway, MAC, GRANT, login, caller)


def revoke(gateway: GatewayInfo) -> None:
    with calling(gateway) as caller:
        UnifiController().revoke(gateway, MAC, GRANT, caller)


def test_a_redirect_is_a_claim_of_a_device(classic: GatewayInfo) -> None:
    arrival = Unifi().identify(classic, query(), machine_now=NOW)
    assert (arrival.mac, arrival.access_point_mac, arrival.ssid) == (MAC, "942a01020304", "Mall Free")
    assert arrival.is_signed is False
    assert isinstance(Unifi().grant(classic, arrival, login_of(), machine_now=NOW), Tell)


def test_the_same_redirect_in_another_spelling_is_the_same(classic: GatewayInfo) -> None:
    one = Unifi().identify(classic, query(), machine_now=NOW)
    other = Unifi().identify(classic, query(mac="1C-71-23-45-67-89", more="&x=1"), machine_now=NOW)
    later = Unifi().identify(classic, query(t=str(int(NOW.timestamp()) - 5)), machine_now=NOW)
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != later.fingerprint


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (query(t=str(int((NOW - timedelta(seconds=301)).timestamp()))), "older than five minutes"),
        (query(t=str(int((NOW + timedelta(seconds=61)).timestamp()))), "from the future"),
        (query(t=""), "exactly one t"),
        (query(t="-5"), "not in Unix seconds"),
        (query(t="9" * 17), "not in Unix seconds"),
        (query(mac="ff:ff:ff:ff:ff:ff"), "not that of a device"),
        (query(mac="x"), "no valid client MAC"),
        (query(more="&id=1c:71:23:45:67:90"), "exactly one id"),
        (b"id=" + b"1" * 9_000, "too long"),
    ],
)
def test_a_worn_or_altered_redirect_is_refused(classic: GatewayInfo, raw: bytes, words: str) -> None:
    with pytest.raises(BadRedirect, match=words):
        Unifi().identify(classic, raw, machine_now=NOW)


def test_a_redirect_of_five_minutes_is_taken(classic: GatewayInfo) -> None:
    t = str(int((NOW - timedelta(seconds=299)).timestamp()))
    assert Unifi().identify(classic, query(t=t), machine_now=NOW).mac == MAC


@pytest.mark.parametrize("console", [{}, {"is_unifi_os": False}], indirect=True, ids=["os", "self-hosted"])
def test_classic_api_gets_minutes_rates_and_megabytes(classic: GatewayInfo, console: unifi.Console) -> None:
    admit(classic)
    # 3,601 s are 61 minutes, 1,500,000 KiB are 1,465 MB: never less than the plan.
    assert console.guests == {
        SPELLED: {"minutes": 61, "up": 2_000, "down": 5_000, "bytes": 1_465, "ap_mac": "94:2a:01:02:03:04"}
    }
    revoke(classic)
    assert console.guests == {}


def test_classic_api_always_gets_minutes(classic: GatewayInfo, console: unifi.Console) -> None:
    admit(classic, plan=PlanInfo())
    assert console.guests[SPELLED] == {"minutes": 480, "ap_mac": "94:2a:01:02:03:04"}


def test_bytes_are_sent_where_the_controller_wants_bytes(
    classic: GatewayInfo, console: unifi.Console
) -> None:
    admit(gateway_of("unifi", {**classic.options, "volume_unit": "bytes"}))
    assert console.guests[SPELLED]["bytes"] == 1_500_000 * 1024


def test_a_log_in_is_kept_and_made_again_when_it_is_over(
    classic: GatewayInfo, console: unifi.Console
) -> None:
    controller = UnifiController()
    for _ in range(3):
        admit(classic, by=controller)
    assert console.log_ins == 1
    console.expire()
    admit(classic, by=controller)
    assert console.log_ins == 2


def test_another_password_is_another_log_in(classic: GatewayInfo, console: unifi.Console) -> None:
    controller = UnifiController()
    admit(classic, by=controller)
    wrong = gateway_of("unifi", {**classic.options, "password": "another-password"})
    with pytest.raises(ControllerRefused, match="log-in"):
        admit(wrong, by=controller)


@pytest.mark.parametrize(
    ("console", "wrong", "words"),
    [
        ({}, {"password": "not-this-one"}, "Invalid username or password|CREDENTIALS"),
        (
            {"is_unifi_os": False},
            {"password": "not-this-one"},
            "user name or password of the controller is wrong",
        ),
        ({}, {"site": "elsewhere"}, "no such site"),
        ({"is_limited": True}, {}, "refuses log-ins for now"),
    ],
    indirect=["console"],
    ids=["os-password", "self-hosted-password", "site", "limit"],
)
def test_classic_refusals_say_what_to_do(classic: GatewayInfo, wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ControllerRefused, match=words):
        admit(gateway_of("unifi", {**classic.options, **wrong}))


def test_who_is_off_line_already_is_no_error(
    classic: GatewayInfo, integration: GatewayInfo, console: unifi.Console
) -> None:
    revoke(classic)
    revoke(integration)
    console.stations[SPELLED] = "c1"
    revoke(integration)
    assert console.guests == {}
    assert console.stations == {SPELLED: "c1"}


def test_integration_api_authorises_the_client_by_its_id(
    integration: GatewayInfo, console: unifi.Console
) -> None:
    console.stations[SPELLED] = "6d0f1a1e-0000-4000-8000-000000000001"
    admit(integration)
    assert console.guests[SPELLED] == {
        "timeLimitMinutes": 61,
        "dataUsageLimitMBytes": 1_465,
        "rxRateLimitKbps": 5_000,
        "txRateLimitKbps": 2_000,
    }
    revoke(integration)
    assert console.guests == {}


def test_rates_and_volumes_beyond_the_api_are_cut_to_it(
    integration: GatewayInfo, console: unifi.Console
) -> None:
    console.stations[SPELLED] = "c1"
    admit(integration, plan=PlanInfo(session_s=10**9, down_kbps=10**7, up_kbps=1, volume_kib=1 << 40))
    assert console.guests[SPELLED] == {
        "timeLimitMinutes": 1_000_000,
        "dataUsageLimitMBytes": 1_048_576,
        "rxRateLimitKbps": 100_000,
        "txRateLimitKbps": 2,
    }


def test_a_client_that_is_listed_late_is_waited_for(integration: GatewayInfo, console: unifi.Console) -> None:
    console.stations[SPELLED], console.lag = "c1", 3
    admit(integration)
    assert SPELLED in console.guests
    assert console.asked_for[SPELLED] == 4


def test_a_client_that_is_never_listed_is_given_up_in_time(
    integration: GatewayInfo, console: unifi.Console
) -> None:
    with pytest.raises(ControllerUnavailable, match="does not list the device yet"):
        admit(integration)
    assert console.asked_for[SPELLED] == 7
    assert console.guests == {}


@pytest.mark.parametrize(
    ("wrong", "words"), [({"api_key": "not-this-key"}, "API key"), ({"site": "elsewhere"}, "no site")]
)
def test_integration_refusals_say_what_to_do(
    integration: GatewayInfo, wrong: dict[str, str], words: str
) -> None:
    with pytest.raises(ControllerRefused, match=words):
        admit(gateway_of("unifi", {**integration.options, **wrong}))


def test_a_broken_console_is_unavailable(
    classic: GatewayInfo, integration: GatewayInfo, console: unifi.Console
) -> None:
    console.is_broken = True
    for gateway in (classic, integration):
        with pytest.raises((ControllerUnavailable, ControllerRefused)):
            admit(gateway)
    assert console.guests == {}


@pytest.mark.parametrize(
    "options",
    [
        {"controller_url": "https://192.168.1.2"},
        {"controller_url": "https://192.168.1.2", "api": "integration", "username": "u", "password": "p"},
        {"controller_url": "http://192.168.1.2", "username": "u", "password": "p"},
        {"controller_url": "https://u:p@192.168.1.2", "username": "u", "password": "p"},
        {"controller_url": "https://192.168.1.2/path", "username": "u", "password": "p"},
        {"controller_url": "https://192.168.1.2", "username": "u", "password": "p", "site": "../x"},
        {"controller_url": "https://192.168.1.2", "username": "u", "password": "p", "ca_certificate": "x"},
        {
            "controller_url": "https://192.168.1.2",
            "username": "u",
            "password": "p",
            "certificate_sha256": "ab",
        },
        {"controller_url": "https://192.168.1.2", "username": "u", "password": "p", "verify": False},
    ],
    ids=",".join,
)
def test_options_that_cannot_work_are_refused_at_registration(options: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        gateway_of("unifi", options)


def test_configuration_names_the_host_to_enter(classic: GatewayInfo) -> None:
    text = Unifi().configuration(classic, portal_url="https://wifi.example/portal/gw")
    assert "External Portal Server: wifi.example" in text
    assert "/guest/s/mall1/" in text

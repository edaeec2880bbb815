"""Omada: what its redirect may claim, guests let in, log-ins that end, and the unit of time that releases differ in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.dialect import Arrival, BadRedirect, GatewayInfo, Tell
from district.gateways.vendors.omada import Omada, OmadaController
from tests.controllers.omada import OmadaState, app_of
from tests.controllers.serving import calling, gateway_of, login_of
from tests.serving import running

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
FIELDS = {
    "clientMac": "DD-BB-11-22-33-44".replace("DD", "DC"),
    "apMac": "AA-BB-CC-DD-EE-01",
    "ssidName": "Mall Free",
    "t": str(int(NOW.timestamp())),
    "radioId": "1",
    "site": "Mall",
    "redirectUrl": "http://example.com/",
    "clientIp": "192.168.0.17",
}
MAC, SPELLED = "dcbb11223344", "DC-BB-11-22-33-44"


def query(**changed: str) -> bytes:
    fields = FIELDS | changed
    return urlencode({name: value for name, value in fields.items() if value}).encode()


@pytest.fixture
def state(request: pytest.FixtureRequest) -> OmadaState:
    return OmadaState(**getattr(request, "param", {}))


@pytest.fixture
def gateway(state: OmadaState) -> Iterator[GatewayInfo]:
    with running(app_of(state)) as address:
        options = {
            "controller_url": address,
            "controller_id": state.controller_id,
            "username": state.username,
            "password": state.password,
            "site": state.site,
        }
        yield gateway_of("omada", options)


def arrive(gateway: GatewayInfo, **changed: str) -> Arrival:
    return Omada().identify(gateway, query(**changed), machine_now=NOW)


def admit(gateway: GatewayInfo, *, by: OmadaController | None = None, **changed: str) -> None:
    arrival = arrive(gateway, **changed)
    with calling(gateway) as caller:
        (by or OmadaController()).admit(gateway, arrival.mac, arrival.grant, login_of(), caller)


def test_a_redirect_is_a_claim_of_a_device(gateway: GatewayInfo) -> None:
    arrival = arrive(gateway)
    assert (arrival.mac, arrival.access_point_mac) == (MAC, "aabbccddee01")
    assert (arrival.is_signed, arrival.inner_address) == (False, "192.168.0.17")
    assert isinstance(Omada().grant(gateway, arrival, login_of(), machine_now=NOW), Tell)


@pytest.mark.parametrize("factor", [1, 1_000, 1_000_000], ids=["s", "ms", "us"])
def test_its_time_is_understood_in_any_unit(gateway: GatewayInfo, factor: int) -> None:
    fresh, old = NOW - timedelta(seconds=299), NOW - timedelta(seconds=301)
    assert arrive(gateway, t=str(int(fresh.timestamp()) * factor)).mac == MAC
    with pytest.raises(BadRedirect, match="older"):
        arrive(gateway, t=str(int(old.timestamp()) * factor))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"site": "Other"}, "not of this gateway|not of|the site"),
        ({"site": ""}, "exactly one site"),
        ({"clientMac": "x"}, "MAC"),
        ({"apMac": ""}, "exactly one gatewayMac"),
        ({"radioId": "one"}, "radioId is no number"),
        ({"t": ""}, "exactly one t"),
    ],
    ids=["site", "no-site", "mac", "no-ap", "radio", "no-time"],
)
def test_an_altered_redirect_is_refused(gateway: GatewayInfo, changed: dict[str, str], words: str) -> None:
    with pytest.raises(BadRedirect, match=words):
        arrive(gateway, **changed)


def test_a_guest_of_an_access_point_is_let_in_for_the_plans_time(
    gateway: GatewayInfo, state: OmadaState
) -> None:
    admit(gateway)
    guest = state.guests[SPELLED]
    assert guest["granted_s"] == 3_601
    assert {name: guest[name] for name in ("apMac", "ssidName", "radioId", "site", "clientIp")} == {
        "apMac": "AA-BB-CC-DD-EE-01",
        "ssidName": "Mall Free",
        "radioId": 1,
        "site": "Mall",
        "clientIp": "192.168.0.17",
    }


def test_a_guest_of_a_gateway_is_let_in(gateway: GatewayInfo, state: OmadaState) -> None:
    admit(gateway, apMac="", ssidName="", radioId="", gatewayMac="AA-BB-CC-DD-EE-02", vid="10")
    guest = state.guests[SPELLED]
    assert (guest["gatewayMac"], guest["vid"], "apMac" in guest) == ("AA-BB-CC-DD-EE-02", 10, False)


def test_a_log_in_is_kept_and_made_again_when_it_is_over(gateway: GatewayInfo, state: OmadaState) -> None:
    controller = OmadaController()
    admit(gateway, by=controller)
    admit(gateway, by=controller)
    assert state.log_ins == 1
    state.expire()
    admit(gateway, by=controller)
    assert state.log_ins == 2


@pytest.mark.parametrize("state", [{"unit": "seconds"}, {"unit": "microseconds"}], indirect=True)
def test_a_wrong_unit_of_time_is_found_out_and_taken_back(gateway: GatewayInfo, state: OmadaState) -> None:
    with pytest.raises(ControllerRefused, match="time_unit"):
        admit(gateway)
    # What remains of the guess is a second in its unit: 1,000 s at most, not 1,000 hours.
    assert state.guests[SPELLED]["granted_s"] <= 1_000
    admit(gateway_of("omada", {**gateway.options, "time_unit": state.unit}))
    assert state.guests[SPELLED]["granted_s"] == 3_601


@pytest.mark.parametrize("state", [{"shows_guests": False}], indirect=True)
def test_a_controller_that_shows_no_guests_is_believed(gateway: GatewayInfo, state: OmadaState) -> None:
    admit(gateway)
    assert state.guests[SPELLED]["granted_s"] == 3_601


def test_to_end_a_session_is_to_allow_one_second(gateway: GatewayInfo, state: OmadaState) -> None:
    admit(gateway)
    with calling(gateway) as caller:
        OmadaController().revoke(gateway, MAC, arrive(gateway).grant, caller)
    assert state.guests[SPELLED]["granted_s"] == 1


def test_a_wrong_password_is_said(gateway: GatewayInfo, state: OmadaState) -> None:
    with pytest.raises(ControllerRefused, match="password of the hotspot operator is wrong"):
        admit(gateway_of("omada", {**gateway.options, "password": "another-one"}))
    assert state.guests == {}


def test_a_refused_guest_is_said(gateway: GatewayInfo, state: OmadaState) -> None:
    state.site = "Renamed"
    with pytest.raises(ControllerRefused, match="-41500"):
        admit(gateway)


def test_a_broken_controller_is_unavailable(gateway: GatewayInfo, state: OmadaState) -> None:
    state.is_broken = True
    with pytest.raises(ControllerUnavailable, match="503"):
        admit(gateway)


def test_configuration_names_the_address_to_enter(gateway: GatewayInfo) -> None:
    assert "https://wifi.example/portal/gw" in Omada().configuration(
        gateway, portal_url="https://wifi.example/portal/gw"
    )

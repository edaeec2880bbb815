"""Ruckus: what its redirect may claim, and what the northbound interface answers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.dialect import Arrival, BadRedirect, GatewayInfo, Tell
from district.gateways.vendors.ruckus import Ruckus, RuckusController
from tests.controllers.ruckus import WORDS, SmartZone, app_of
from tests.controllers.serving import calling, gateway_of, login_of
from tests.serving import running

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
GIVEN = "1C:B9:C4:01:02:03"
ENCRYPTED = "ENC9d2f8a7b6c5d4e3f20112233445566778"
FIELDS = {
    "client_mac": GIVEN,
    "uip": "10.1.2.3",
    "sip": "scg.example",
    "nbiIP": "169.254.169.254",
    "proxy": "0",
    "ssid": "Mall",
    "url": "http://example.com/",
}


@pytest.fixture
def state(request: pytest.FixtureRequest) -> SmartZone:
    return SmartZone(devices={GIVEN, ENCRYPTED}, **getattr(request, "param", {}))


@pytest.fixture
def gateway(state: SmartZone) -> Iterator[GatewayInfo]:
    with running(app_of(state)) as address:
        yield gateway_of("ruckus", {"controller_url": address, "password": state.password})


def arrive(gateway: GatewayInfo, at: datetime = NOW, **changed: str) -> Arrival:
    return Ruckus().identify(gateway, urlencode(FIELDS | changed).encode(), machine_now=at)


def admit(gateway: GatewayInfo, **changed: str) -> None:
    arrival = arrive(gateway, NOW, **changed)
    with calling(gateway) as caller:
        RuckusController().admit(gateway, arrival.mac, arrival.grant, login_of(), caller)


def test_a_redirect_is_a_claim_and_its_server_is_not_believed(gateway: GatewayInfo) -> None:
    arrival = arrive(gateway)
    assert (arrival.mac, arrival.inner_address, arrival.is_signed) == ("1cb9c4010203", "10.1.2.3", False)
    assert arrival.grant == {"mac": GIVEN, "address": "10.1.2.3"}
    assert isinstance(Ruckus().grant(gateway, arrival, login_of(), machine_now=NOW), Tell)


def test_an_encrypted_device_has_a_stand_in_and_is_named_as_given(gateway: GatewayInfo) -> None:
    one, same = arrive(gateway, client_mac=ENCRYPTED), arrive(gateway, client_mac=ENCRYPTED)
    other = arrive(gateway, client_mac=ENCRYPTED[:-1] + "0")
    assert one.mac == same.mac != other.mac
    assert int(one.mac[:2], 16) & 3 == 2
    assert one.grant["mac"] == ENCRYPTED


def test_a_redirect_without_time_is_another_one_at_the_next_visit(gateway: GatewayInfo) -> None:
    one, same = arrive(gateway), arrive(gateway, at=NOW + timedelta(seconds=200))
    later = arrive(gateway, at=NOW + timedelta(hours=1))
    assert one.fingerprint == same.fingerprint != later.fingerprint


@pytest.mark.parametrize("mac", ["", "x", "ENC'; drop", "ENC" + "a" * 300])
def test_a_redirect_without_a_device_is_refused(gateway: GatewayInfo, mac: str) -> None:
    with pytest.raises(BadRedirect):
        arrive(gateway, client_mac=mac)


@pytest.mark.parametrize("given", [GIVEN, ENCRYPTED], ids=["clear", "encrypted"])
def test_a_device_is_logged_in_by_its_one_time_token_and_out_again(
    gateway: GatewayInfo, state: SmartZone, given: str
) -> None:
    admit(gateway, client_mac=given)
    assert state.on_line[given]["UE-Username"] == "w1"
    assert state.on_line[given]["UE-Password"] == "a-one-time-token"
    assert state.on_line[given]["UE-IP"] == "10.1.2.3"
    for _ in range(2):
        with calling(gateway) as caller:
            RuckusController().revoke(gateway, "", arrive(gateway, client_mac=given).grant, caller)
    assert state.on_line == {}


@pytest.mark.parametrize("state", [{"pending": 2}], indirect=True)
def test_a_log_in_that_is_pending_is_asked_after(gateway: GatewayInfo, state: SmartZone) -> None:
    admit(gateway)
    assert GIVEN in state.on_line


@pytest.mark.parametrize("state", [{"pending": 100}], indirect=True)
def test_a_log_in_that_stays_pending_is_no_log_in(gateway: GatewayInfo) -> None:
    with pytest.raises(ControllerRefused, match="still on its way"):
        admit(gateway)


@pytest.mark.parametrize("state", [{"knows_status": False}], indirect=True)
def test_a_controller_without_status_is_believed(gateway: GatewayInfo, state: SmartZone) -> None:
    admit(gateway)
    assert GIVEN in state.on_line


@pytest.mark.parametrize("state", [{"login_code": 201}], indirect=True)
def test_a_yes_that_its_status_denies_is_no_yes(gateway: GatewayInfo) -> None:
    with pytest.raises(ControllerRefused, match="not authorised"):
        admit(gateway)


REFUSALS = sorted(set(WORDS) - {101, 201, 202})


@pytest.mark.parametrize(
    "state", [{"login_code": code} for code in REFUSALS], indirect=True, ids=map(str, REFUSALS)
)
def test_every_other_code_is_a_refusal_that_names_it(gateway: GatewayInfo, state: SmartZone) -> None:
    with pytest.raises(ControllerRefused, match=rf"\({state.login_code}\)"):
        admit(gateway)
    assert state.on_line == {}


def test_a_wrong_password_is_said(gateway: GatewayInfo) -> None:
    with pytest.raises(ControllerRefused, match="northbound interface is wrong"):
        admit(gateway_of("ruckus", {**gateway.options, "password": "another-one"}))


def test_a_device_that_left_is_said(gateway: GatewayInfo) -> None:
    with pytest.raises(ControllerRefused, match="does not know the device"):
        admit(gateway, client_mac="1C:B9:C4:01:02:99")


def test_a_broken_controller_is_unavailable(gateway: GatewayInfo, state: SmartZone) -> None:
    state.is_broken = True
    with pytest.raises(ControllerUnavailable, match="500"):
        admit(gateway)

"""Portal 2.0 against an access controller of our own making, over real UDP. Not real gear."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from district.gateways.caller import Caller, CallPolicy, ControllerRefused, ControllerUnavailable
from district.gateways.dialect import BadRedirect, GatewayInfo, Login, PlanInfo, Tell
from district.gateways.portal2 import exchange
from district.gateways.vendors.portal2 import Options, Portal2, Portal2Controller

PROGRAM = Path(__file__).with_name("portal2_controller.py")
NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
SECRET = "shared-with-the-controller"
USER = "10.0.0.5"
GRANT = {"user_ip": USER}
FIRST_WAIT_S = exchange.FIRST_WAIT_S
REQ_CHALLENGE, REQ_AUTH, REQ_LOGOUT, AFF_ACK_AUTH = 1, 3, 5, 7


class Simulator:
    """The other program: its port, and what it says."""

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        given: dict[str, Any] = {"secret": SECRET, "users": {"w1": "one-time"}, **wanted}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.heard()["port"])

    def heard(self) -> dict[str, Any]:
        """The next thing that it says."""
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def until(self, is_it: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """All that it says up to the line that is looked for."""
        lines = [self.heard()]
        while not is_it(lines[-1]):
            lines.append(self.heard())
        return lines

    def tell(self, **values: object) -> None:
        """Say something to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(values) + "\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def simulated(**wanted: Any) -> Iterator[Simulator]:
    simulator = Simulator(wanted)
    try:
        yield simulator
    finally:
        simulator.stop()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller that answers is not asked again, however busy this machine is."""
    monkeypatch.setattr(exchange, "FIRST_WAIT_S", 20.0)


@pytest.fixture
def as_ever(unhurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not answer is asked again as by a product."""
    monkeypatch.setattr(exchange, "FIRST_WAIT_S", FIRST_WAIT_S)


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulator]]:
    with ExitStack() as stack:
        yield lambda **wanted: stack.enter_context(simulated(**wanted))


def gateway(port: int, **options: str) -> GatewayInfo:
    return GatewayInfo(
        slug="west",
        vendor="portal2",
        secret=SECRET,
        public_url="",
        options=Options(controller_url=f"udp://127.0.0.1:{port}", **options).model_dump(),
    )


def login(*, username: str = "w1", password: str = "one-time") -> Login:
    return Login(
        session_id=uuid.UUID(int=1),
        username=username,
        password=password,
        plan=PlanInfo(),
        landing_url="http://x.example/welcome",
    )


def admit(
    info: GatewayInfo, given: Login | None = None, *, deadline_s: float = 60, may_loop: bool = True
) -> None:
    policy = CallPolicy(
        origin=info.options["controller_url"], allows_loopback=may_loop, deadline_s=deadline_s
    )
    with Caller(policy) as caller:
        Portal2Controller().admit(info, "02aa22334466", GRANT, given or login(), caller)


def revoke(info: GatewayInfo) -> None:
    with Caller(CallPolicy(origin=info.options["controller_url"], allows_loopback=True)) as caller:
        Portal2Controller().revoke(info, "02aa22334466", GRANT, caller)


def kinds(lines: list[dict[str, Any]]) -> list[int]:
    return [line["took"] for line in lines if "took" in line]


def test_a_user_is_let_in_by_challenge_answer_and_a_word_of_thanks(
    simulate: Callable[..., Simulator],
) -> None:
    controller = simulate()
    admit(gateway(controller.port))
    lines = controller.until(lambda line: "confirmed" in line)
    assert kinds(lines) == [REQ_CHALLENGE, REQ_AUTH, AFF_ACK_AUTH]
    assert {line["serial"] for line in lines if "took" in line} == {lines[0]["serial"]}
    assert [line["request_id"] for line in lines if "took" in line] == [0, 0x1207, 0x1207]
    assert all(line["signed"] for line in lines if "took" in line)
    assert {"login": "w1", "right": True} in lines


def test_a_user_is_let_in_by_his_password_where_the_operator_chose_so(
    simulate: Callable[..., Simulator],
) -> None:
    controller = simulate()
    admit(gateway(controller.port, authentication="pap"))
    lines = controller.until(lambda line: "confirmed" in line)
    assert kinds(lines) == [REQ_AUTH, AFF_ACK_AUTH]
    assert lines[0]["pap"] == 1
    assert {"login": "w1", "right": True} in lines


@pytest.mark.parametrize("how", ["chap", "pap"])
def test_a_wrong_password_is_a_refusal_that_names_radius(
    simulate: Callable[..., Simulator], how: str
) -> None:
    controller = simulate()
    with pytest.raises(ControllerRefused, match="RADIUS"):
        admit(gateway(controller.port, authentication=how), login(password="another"))


def test_any_password_goes_over(simulate: Callable[..., Simulator]) -> None:
    password = "密码 " + "x" * 200
    controller = simulate(users={"用户": password})
    for how in ("chap", "pap"):
        admit(gateway(controller.port, authentication=how), login(username="用户", password=password))
        controller.until(lambda line: line.get("right") is True)
        revoke(gateway(controller.port))


@pytest.mark.usefixtures("as_ever")
@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_datagram_is_sent_again_under_the_same_number(
    simulate: Callable[..., Simulator], lost: int
) -> None:
    controller = simulate(lose=lost)
    admit(gateway(controller.port))
    lines = controller.until(lambda line: "confirmed" in line)
    # An answer that a busy machine brings late is asked for once more, too.
    assert [kind for kind, _ in groupby(kinds(lines))] == [REQ_CHALLENGE, REQ_AUTH, AFF_ACK_AUTH]
    assert kinds(lines).count(REQ_CHALLENGE) > lost
    assert len({line["serial"] for line in lines if "took" in line}) == 1


@pytest.mark.usefixtures("as_ever")
def test_a_log_in_whose_answer_never_comes_is_taken_back(simulate: Callable[..., Simulator]) -> None:
    controller = simulate(mute=[REQ_AUTH])
    with pytest.raises(ControllerUnavailable):
        admit(gateway(controller.port), deadline_s=8)
    last = controller.until(lambda line: line.get("took") == REQ_LOGOUT)[-1]
    assert (last["user"], last["error"]) == (USER, 1)


@pytest.mark.usefixtures("as_ever")
def test_a_controller_that_says_nothing_is_given_up_in_time(simulate: Callable[..., Simulator]) -> None:
    controller = simulate(mute=[REQ_CHALLENGE])
    with pytest.raises(ControllerUnavailable):
        admit(gateway(controller.port), deadline_s=1.5)


@pytest.mark.usefixtures("as_ever")
def test_an_answer_that_is_not_signed_with_the_secret_is_none(simulate: Callable[..., Simulator]) -> None:
    controller = simulate(lies=True)
    with pytest.raises(ControllerUnavailable, match="authenticator"):
        admit(gateway(controller.port))


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ({"challenge": 1}, ControllerRefused, "portal server"),
        ({"challenge": 3}, ControllerUnavailable, "on its way"),
        ({"challenge": 4}, ControllerRefused, "failed"),
        ({"challenge": 77}, ControllerRefused, "77"),
        ({"auth": 3}, ControllerUnavailable, "on its way"),
        ({"auth": 4}, ControllerRefused, "failed"),
    ],
    ids=str,
)
def test_what_the_controller_says_is_told_in_words(
    simulate: Callable[..., Simulator], answers: Mapping[str, int], error: type[Exception], words: str
) -> None:
    controller = simulate(answers=answers)
    with pytest.raises(error, match=words):
        admit(gateway(controller.port))


def test_who_is_on_line_already_is_in(simulate: Callable[..., Simulator]) -> None:
    controller = simulate()
    admit(gateway(controller.port))
    controller.until(lambda line: "confirmed" in line)
    admit(gateway(controller.port))
    assert kinds([controller.heard()]) == [REQ_CHALLENGE]


def test_a_user_is_sent_off(simulate: Callable[..., Simulator]) -> None:
    controller = simulate()
    admit(gateway(controller.port))
    revoke(gateway(controller.port))
    last = controller.until(lambda line: line.get("took") == REQ_LOGOUT)[-1]
    assert (last["user"], last["error"], last["signed"]) == (USER, 0, True)


@pytest.mark.parametrize("code", [1, 2])
def test_a_refused_log_off_is_told(simulate: Callable[..., Simulator], code: int) -> None:
    controller = simulate(answers={"logout": code})
    with pytest.raises(ControllerRefused, match="log the user off"):
        revoke(gateway(controller.port))


def test_a_controller_on_this_machine_is_not_called() -> None:
    with pytest.raises(ControllerUnavailable, match="this machine"):
        admit(gateway(2000), may_loop=False)


def redirect(**fields: str) -> bytes:
    given = {
        "wlanuserip": USER,
        "wlanacname": "ac1",
        "usermac": "02-AA-22-33-44-66",
        "ssid": "商圈",
        "apmac": "00:18:0a:13:dd:b0",
        "url": "http://example.com/a",
    }
    return urlencode(given | fields).encode()


def test_a_redirect_says_who_comes_from_where() -> None:
    arrival = Portal2().identify(gateway(2000), redirect(), machine_now=NOW)
    assert (arrival.mac, arrival.access_point_mac) == ("02aa22334466", "00180a13ddb0")
    assert (arrival.inner_address, arrival.ssid) == (USER, "商圈")
    assert arrival.wanted_url == "http://example.com/a"
    assert arrival.grant == GRANT
    assert not arrival.is_signed
    assert Portal2().grant(gateway(2000), arrival, login(), machine_now=NOW) == Tell()


def test_the_operator_names_the_controller_s_own_fields() -> None:
    info = gateway(2000, user_ip_field="clientip", mac_field="station")
    raw = urlencode({"clientip": "10.9.9.9", "station": "02bb22334466", "wlanuserip": USER}).encode()
    arrival = Portal2().identify(info, raw, machine_now=NOW)
    assert (arrival.mac, arrival.grant["user_ip"]) == ("02bb22334466", "10.9.9.9")


@pytest.mark.parametrize(
    "fields",
    [
        {"wlanuserip": ""},
        {"wlanuserip": "8.8.8.8"},
        {"wlanuserip": "127.0.0.1"},
        {"wlanuserip": "fd00::1"},
        {"wlanuserip": "10.0.0.5%25eth0"},
        {"usermac": ""},
        {"usermac": "01:00:5e:00:00:01"},
    ],
    ids=str,
)
def test_a_user_who_cannot_be_of_this_gateway_is_refused(fields: Mapping[str, str]) -> None:
    with pytest.raises(BadRedirect):
        Portal2().identify(gateway(2000), redirect(**fields), machine_now=NOW)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://10.0.0.1",
        "udp://ac.example",
        "udp://[::1]:2000",
        "udp://10.0.0.1:99999",
        "udp://10.0.0.1/x",
    ],
)
def test_a_controller_is_an_address_and_a_port(url: str) -> None:
    with pytest.raises(ValueError, match="controller_url"):
        Options(controller_url=url)


def test_the_usual_port_is_understood() -> None:
    assert Options(controller_url="udp://10.0.0.1").controller_url == "udp://10.0.0.1:2000"

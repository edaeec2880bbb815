"""Disconnect and CoA against a NAS of its own: named fully, signed, repeated, and its reasons in words."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from district.gateways.dialect import PlanInfo
from district.radius import coa
from district.radius.coa import SessionName, Target, Verdict
from tests.district.radius.nas import COA, DISCONNECT, SECRET, SimulatedNas
from tests.product import wait_for

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
NAME = SessionName(
    username="w1",
    session_id="5f0c01",
    calling_station="02-AA-22-33-44-66",
    nas_identifier="mall-east",
    nas_address="10.0.0.1",
)
WISPR, CHILLI, MIKROTIK = 14122, 14559, 14988

WAITS_S = coa.WAITS_S


@pytest.fixture
def nas() -> Iterator[SimulatedNas]:
    with SimulatedNas(sessions={"5f0c01"}).listening() as nas:
        yield nas


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A NAS that answers is heard, however busy this machine is."""
    monkeypatch.setattr(coa, "WAITS_S", (60.0, 60.0, 60.0))


@pytest.fixture
def as_ever(unhurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not answer is waited for as long as a product waits."""
    monkeypatch.setattr(coa, "WAITS_S", WAITS_S)


def target(nas: SimulatedNas, *, secret: str = SECRET) -> Target:
    return Target(address="127.0.0.1", port=nas.port, secret=secret)


def test_a_session_is_named_by_user_session_device_and_nas(nas: SimulatedNas) -> None:
    reply = coa.disconnect(target(nas), NAME, machine_now=NOW)
    assert reply.verdict is Verdict.DONE
    assert nas.sessions == set()
    (heard,) = nas.heard
    assert heard.code == DISCONNECT
    assert heard.attributes[1] == b"w1"
    assert heard.attributes[44] == b"5f0c01"
    assert heard.attributes[31] == b"02-AA-22-33-44-66"
    assert heard.attributes[32] == b"mall-east"
    assert heard.attributes[4] == bytes([10, 0, 0, 1])
    assert int.from_bytes(heard.attributes[55]) == int(NOW.timestamp())


def test_a_session_that_the_nas_does_not_know_is_over(nas: SimulatedNas) -> None:
    nas.sessions.clear()
    reply = coa.disconnect(target(nas), NAME, machine_now=NOW)
    assert (reply.verdict, reply.is_over) == (Verdict.GONE, True)
    assert "no such session (503)" in reply.words


@pytest.mark.parametrize("cause", sorted(set(coa.CAUSES) - {201, 503}))
def test_a_refusal_is_told_in_words(nas: SimulatedNas, cause: int) -> None:
    nas.refuses_with = cause
    reply = coa.disconnect(target(nas), NAME, machine_now=NOW)
    assert (reply.verdict, reply.is_over) == (Verdict.REFUSED, False)
    assert reply.words == f"The NAS refused: {coa.CAUSES[cause]} ({cause})."


def test_a_refusal_without_a_reason_is_a_refusal(nas: SimulatedNas) -> None:
    nas.refuses_with = 0
    reply = coa.disconnect(target(nas), NAME, machine_now=NOW)
    assert reply.verdict is Verdict.REFUSED
    assert "no reason" in reply.words


def test_a_lost_request_is_sent_again_unchanged(nas: SimulatedNas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coa, "WAITS_S", (0.2, 60.0, 60.0))
    nas.drops = 1
    assert coa.disconnect(target(nas), NAME, machine_now=NOW).verdict is Verdict.DONE
    assert len(nas.heard) == 1


def test_a_nas_with_a_wrong_clock_is_asked_without_the_time(
    nas: SimulatedNas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coa, "WAITS_S", (0.2, 0.2, 60.0))
    nas.wants_no_time = True
    assert coa.disconnect(target(nas), NAME, machine_now=NOW).verdict is Verdict.DONE
    assert 55 not in nas.heard[0].attributes


@pytest.mark.usefixtures("as_ever")
def test_silence_ends_after_two_seconds(nas: SimulatedNas) -> None:
    nas.drops = 100
    began = time.monotonic()
    reply = coa.disconnect(target(nas), NAME, machine_now=NOW)
    assert (reply.verdict, reply.is_over) == (Verdict.SILENT, False)
    assert time.monotonic() - began >= 1.9


@pytest.mark.usefixtures("as_ever")
def test_a_nas_with_another_secret_hears_nothing_right(nas: SimulatedNas) -> None:
    reply = coa.disconnect(target(nas, secret="another-secret"), NAME, machine_now=NOW)
    assert reply.verdict is Verdict.SILENT
    assert "secret" in reply.words
    wait_for("all three have come", lambda: nas.forged == 3, timeout_s=60)
    assert nas.heard == []


@pytest.mark.usefixtures("as_ever")
def test_an_answer_that_is_not_signed_by_the_secret_is_no_answer(nas: SimulatedNas) -> None:
    nas.signs_wrongly = True
    assert coa.disconnect(target(nas), NAME, machine_now=NOW).verdict is Verdict.SILENT


@pytest.mark.usefixtures("as_ever")
def test_nobody_listening_is_silence() -> None:
    with SimulatedNas().listening() as gone:
        port = gone.port
    reply = coa.disconnect(Target(address="127.0.0.1", port=port, secret=SECRET), NAME, machine_now=NOW)
    assert reply.verdict is Verdict.SILENT


def test_a_change_carries_every_attribute_of_the_plan(nas: SimulatedNas) -> None:
    plan = PlanInfo(session_s=3_600, idle_s=600, down_kbps=5_000, up_kbps=1_000, volume_kib=5 * 1024 * 1024)
    reply = coa.change(target(nas), NAME, plan, interim_s=300, machine_now=NOW)
    assert reply.verdict is Verdict.DONE
    (heard,) = nas.heard
    assert heard.code == COA
    numbers = {key: int.from_bytes(heard.attributes[key]) for key in (27, 28, 85)}
    assert numbers == {27: 3_600, 28: 600, 85: 300}
    assert int.from_bytes(heard.vendor[WISPR, 7]) == 1_000_000
    assert int.from_bytes(heard.vendor[WISPR, 8]) == 5_000_000
    # 5 GiB: one gigaword of 4 GiB and 1 GiB.
    assert int.from_bytes(heard.vendor[CHILLI, 3]) == 1 << 30
    assert int.from_bytes(heard.vendor[CHILLI, 23]) == 1
    assert heard.vendor[MIKROTIK, 8] == b"1000k/5000k"
    assert int.from_bytes(heard.vendor[MIKROTIK, 17]) == 1 << 30


def test_what_a_plan_does_not_limit_is_left_out_and_so_set_back(nas: SimulatedNas) -> None:
    coa.change(target(nas), NAME, PlanInfo(down_kbps=2_000), interim_s=600, machine_now=NOW)
    (heard,) = nas.heard
    assert {27, 28} & set(heard.attributes) == set()
    assert set(heard.vendor) == {(WISPR, 8), (MIKROTIK, 8)}
    assert heard.vendor[MIKROTIK, 8] == b"0/2000k"

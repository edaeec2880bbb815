"""One row a session, whatever the order, the repetitions and the NAS's habits."""

import itertools
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.gateways.models import Gateway, WifiSession
from district.members import service as members
from district.radius import jobs, marks, sessions
from district.radius.accounting import Told, told
from district.radius.marks import Mark, MarkKind
from district.radius.packets import AccountingRequest, Nas, Status
from tests.factories import Makers

INTERIM = timedelta(minutes=5)
MAC = "02aa22334466"
NAS = Nas(address="10.0.0.1", identifier="nas-1")


class Place:
    """A district whose sessions are told of."""

    def __init__(self, makers: Makers, clock: FixedClock) -> None:
        self.makers, self.clock = makers, clock
        self.session: Session = makers.session
        self.district: District = makers.district()
        self.info: DistrictInfo = makers.info(self.district)
        self.began = clock.now()

    def packet(self, status: Status, at_s: int, *, unique_id: str = "u", **values: Any) -> Told:
        """A packet of a session that began when the test did, told without delay."""
        given: dict[str, Any] = {"session_id": "s", "mac": MAC, "nas": NAS, "session_s": at_s}
        request = AccountingRequest(status=status, unique_id=unique_id, **(given | values))
        at = self.began + timedelta(seconds=at_s)
        return told(request, now=at, machine_now=at)

    def record(self, *packets: Told) -> None:
        """One fetch of the worker."""
        sessions.record(self.session, self.info, packets, interim=INTERIM, clock=self.clock)

    def rows(self) -> list[dict[str, Any]]:
        """What is stored."""
        found = self.session.execute(
            text("SELECT * FROM radius_session WHERE district_id = :d ORDER BY unique_id"),
            {"d": self.district.id},
        )
        return [dict(row._mapping) for row in found]

    def forget(self) -> None:
        """Begin anew."""
        self.session.execute(
            text("DELETE FROM radius_session WHERE district_id = :d"), {"d": self.district.id}
        )

    def login(self) -> WifiSession:
        """A log-in whose device is a claim."""
        gateway = Gateway(
            district_id=self.district.id,
            id=new_id(),
            slug=f"g-{uuid.uuid4().hex[:8]}",
            vendor="click",
            secret="x" * 16,
            created_at=self.clock.now(),
        )
        self.session.add(gateway)
        self.session.flush()
        row = WifiSession(
            district_id=self.district.id,
            id=new_id(),
            gateway_id=gateway.id,
            member_id=self.makers.member(self.district).id,
            alias=members.alias_of(self.info, MAC),
            method="click",
            granted_at=self.clock.now(),
            device_mac=MAC,
        )
        self.session.add(row)
        self.session.flush()
        return row

    def mark(self, row: WifiSession) -> bytes:
        """What we gave this session as Class."""
        return marks.written(self.info, Mark(kind=MarkKind.SESSION, id=row.id))


@pytest.fixture
def place(makers: Makers, clock: FixedClock) -> Place:
    """A district."""
    return Place(makers, clock)


def test_every_order_and_repetition_gives_the_same_row(place: Place) -> None:
    packets = [
        place.packet(Status.START, 0),
        place.packet(Status.INTERIM, 300, up_octets=10, down_octets=(1 << 32) - 1, access_point_mac="02" * 6),
        place.packet(Status.INTERIM, 600, up_octets=20, down_octets=(1 << 32) + 7, access_point_mac="04" * 6),
        place.packet(
            Status.STOP,
            700,
            up_octets=30,
            down_octets=(1 << 32) + 9,
            terminate_cause="User-Request",
            access_point_mac="04" * 6,
        ),
    ]
    seen = set()
    for order in itertools.permutations(packets):
        place.forget()
        for packet in order:
            place.record(packet)
            place.record(packet)
        seen.add(repr(place.rows()))
        place.forget()
        place.record(*order, *order[:2])
        seen.add(repr(place.rows()))
    assert len(seen) == 1
    (row,) = place.rows()
    assert (row["session_s"], row["up_octets"], row["down_octets"]) == (700, 30, (1 << 32) + 9)
    assert (row["started_at"], row["stopped_at"]) == (place.began, place.began + timedelta(seconds=700))
    assert (row["access_point_mac"], row["terminate_cause"]) == ("04" * 6, "User-Request")


def test_a_late_interim_does_not_open_a_session_again(place: Place) -> None:
    place.record(place.packet(Status.STOP, 700, terminate_cause="User-Request", calling_station="x"))
    place.record(place.packet(Status.INTERIM, 900, calling_station="x"))
    (row,) = place.rows()
    assert (row["stopped_at"], row["calling_station"]) == (place.began + timedelta(seconds=700), "")


def test_a_start_confirms_the_login_and_a_stop_ends_it(place: Place) -> None:
    login = place.login()
    mark = place.mark(login)
    place.record(place.packet(Status.START, 0, mark=mark))
    assert (login.confirmed_by, login.ended_at) == ("radius", None)
    aliases = place.session.execute(
        text("SELECT member_id FROM device_alias WHERE district_id = :d"), {"d": place.district.id}
    )
    assert [row.member_id for row in aliases] == [login.member_id]
    place.record(place.packet(Status.STOP, 60, mark=mark, terminate_cause="Idle-Timeout"))
    assert login.ended_because == "Idle-Timeout"
    assert (login.device_mac, login.ended_at) == ("", place.began + timedelta(seconds=60))
    assert place.rows()[0]["member_id"] == login.member_id


@pytest.mark.parametrize("flip", range(33))
def test_an_altered_mark_names_nobody(place: Place, flip: int) -> None:
    login = place.login()
    mark = bytearray(place.mark(login))
    mark[flip] ^= 1
    place.record(place.packet(Status.START, 0, mark=bytes(mark)))
    assert place.rows()[0]["wifi_session_id"] is None
    assert login.confirmed_at is None


def test_a_mark_of_another_district_names_nobody(place: Place) -> None:
    other = Place(place.makers, place.clock)
    login = other.login()
    place.record(place.packet(Status.START, 0, mark=other.mark(login)))
    assert place.rows()[0]["member_id"] is None


def test_a_nas_that_starts_again_ends_what_it_had_and_nothing_else(place: Place) -> None:
    elsewhere = Nas(address="10.0.0.2", identifier="nas-2")
    place.record(
        place.packet(Status.START, 0, unique_id="before"),
        place.packet(Status.START, 0, unique_id="elsewhere", nas=elsewhere),
        place.packet(Status.START, 100, unique_id="after", session_s=0),
    )
    place.record(place.packet(Status.ON, 50, unique_id="", mac="", session_s=0))
    stopped = {row["unique_id"]: row["terminate_cause"] for row in place.rows() if row["stopped_at"]}
    assert stopped == {"before": sessions.NAS_REBOOT}


def test_a_session_without_a_word_for_two_intervals_ends_when_it_was_last_heard_of(
    place: Place, clock: FixedClock
) -> None:
    login = place.login()
    place.record(place.packet(Status.INTERIM, 300, mark=place.mark(login)))
    clock.advance(timedelta(seconds=300) + 2 * INTERIM)
    assert jobs.close_lost(place.session, place.info, clock=clock) == 0
    clock.advance(timedelta(seconds=1))
    assert jobs.close_lost(place.session, place.info, clock=clock) == 1
    (row,) = place.rows()
    assert (row["stopped_at"], row["terminate_cause"]) == (
        place.began + timedelta(seconds=300),
        sessions.LOST,
    )
    assert login.ended_because == sessions.LOST


def test_a_session_given_up_comes_back_when_it_is_heard_of_later_and_ends_by_its_stop(
    place: Place, clock: FixedClock
) -> None:
    place.record(place.packet(Status.INTERIM, 300))
    clock.advance(timedelta(hours=1))
    jobs.close_lost(place.session, place.info, clock=clock)
    place.record(place.packet(Status.INTERIM, 300))
    assert place.rows()[0]["stopped_at"] is not None
    place.record(place.packet(Status.INTERIM, 3600))
    assert place.rows()[0]["stopped_at"] is None
    place.record(place.packet(Status.STOP, 3700, terminate_cause="User-Request"))
    (row,) = place.rows()
    assert (row["stopped_at"], row["terminate_cause"]) == (
        place.began + timedelta(seconds=3700),
        "User-Request",
    )


def test_the_right_clock_of_a_nas_is_believed_and_a_wrong_one_is_not(place: Place) -> None:
    now = place.began
    exact = AccountingRequest(
        status=Status.START, unique_id="u", event_at=now - timedelta(seconds=90), delay_s=20
    )
    assert told(exact, now=now, machine_now=now).at == now - timedelta(seconds=90)
    skewed = AccountingRequest(
        status=Status.START, unique_id="u", event_at=now - timedelta(hours=8), delay_s=20
    )
    assert told(skewed, now=now, machine_now=now).at == now - timedelta(seconds=20)
    spooled = AccountingRequest(
        status=Status.START, unique_id="u", event_at=now - timedelta(hours=1), delay_s=3600
    )
    assert told(spooled, now=now, machine_now=now).at == now - timedelta(hours=1)

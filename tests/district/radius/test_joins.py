"""Who comes back without a sign-in page is told as joining, once a visit."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from district.clock import FixedClock
from district.members import service as members
from district.members.models import Member
from district.radius.packets import Status
from tests.district.radius.test_sessions import MAC, Place
from tests.factories import Makers

OTHER_MAC = "02aa22334477"
RULE = {"v": 1, "trigger": {"any": [{"on": "wifi.join", "return": True}]}, "holdout": {"pct": 0}}


class Return(Place):
    """A member whose device is known, and a campaign that waits for those who come back."""

    def __init__(self, makers: Makers, clock: FixedClock) -> None:
        super().__init__(makers, clock)
        self.member: Member = makers.member(self.district)
        for mac in (MAC, OTHER_MAC):
            members.see_device(self.session, self.info, self.member, mac=mac, clock=clock)
        makers.campaign(self.district, makers.merchant(self.district), [], rule=RULE)
        self.session.flush()

    def at(self, at_s: int, status: Status, unique_id: str, **values: Any) -> None:
        """A packet of a session that began just then, or has gone on for so long."""
        self.clock.advance(self.began + timedelta(seconds=at_s) - self.clock.now())
        self.record(self.packet(status, at_s, unique_id=unique_id, **values))

    def told(self) -> list[tuple[Any, ...]]:
        rows = self.session.execute(
            text(
                "SELECT member_id, occurrence_key, facts ->> 'joins', facts ->> 'access_point' FROM pending_trigger"
                " WHERE district_id = :d AND kind = 'wifi.join' ORDER BY at, occurrence_key"
            ),
            {"d": self.district.id},
        )
        return [tuple(row) for row in rows]


@pytest.fixture
def back(makers: Makers, clock: FixedClock) -> Return:
    return Return(makers, clock)


def test_a_known_device_that_comes_back_is_a_return(back: Return) -> None:
    start = back.packet(Status.START, 0, unique_id="a", access_point_mac="aabbccddeeff")
    back.record(start)
    back.record(start)
    assert back.told() == [(back.member.id, "radius:a", "2", "aabbccddeeff")]


def test_roaming_and_a_second_device_are_the_same_visit(back: Return) -> None:
    back.at(0, Status.START, "a", session_s=0)
    back.at(600, Status.STOP, "a", session_s=600)
    back.at(660, Status.START, "b", session_s=0)
    back.at(720, Status.START, "c", session_s=0, mac=OTHER_MAC)
    assert [row[1] for row in back.told()] == ["radius:a"]


def test_two_devices_in_one_batch_are_one_visit(back: Return) -> None:
    back.record(
        back.packet(Status.START, 0, unique_id="a", session_s=0),
        back.packet(Status.START, 2, unique_id="b", session_s=0, mac=OTHER_MAC),
    )
    assert [row[1] for row in back.told()] == ["radius:a"]


def test_who_was_away_comes_anew(back: Return) -> None:
    back.at(0, Status.START, "a", session_s=0)
    back.at(60, Status.STOP, "a", session_s=60)
    back.at(60 + 31 * 60, Status.START, "b", session_s=0)
    assert [row[1] for row in back.told()] == ["radius:a", "radius:b"]


def test_who_has_just_signed_in_at_the_page_was_told_by_that(back: Return) -> None:
    login = back.login()
    login.member_id = back.member.id
    back.session.flush()
    back.at(5, Status.START, "a", session_s=0)
    assert back.told() == []


@pytest.mark.parametrize("method", ["mac", "802.1x"])
def test_a_session_that_radius_opened_is_no_sign_in(back: Return, method: str) -> None:
    login = back.login()
    login.member_id, login.method = back.member.id, method
    back.session.flush()
    back.at(5, Status.START, "a", session_s=0)
    assert len(back.told()) == 1


def test_strangers_late_packets_and_ends_tell_nothing(back: Return) -> None:
    back.record(back.packet(Status.START, 0, unique_id="x", mac="02aa22334499"))
    back.record(back.packet(Status.STOP, 30, unique_id="y"))
    back.clock.advance(timedelta(minutes=16))
    back.record(back.packet(Status.START, 0, unique_id=uuid.uuid4().hex))
    assert back.told() == []

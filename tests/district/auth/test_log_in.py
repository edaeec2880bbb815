"""Passwords: how often they may be wrong, and what a guesser learns."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from district.auth import passwords
from district.auth import service as auth
from district.auth.models import Account, Role
from district.clock import FixedClock
from district.districts.models import District
from district.problems import NotAuthenticated, TooMany, Unavailable
from tests.factories import Makers

Sessions = sessionmaker[Session]


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


@pytest.fixture
def operator(committed: Makers, district: District) -> Account:
    return committed.account(district, Role.OPERATOR)


class Door:
    """Tries of one test, from a network of its own."""

    def __init__(self, sessions: Sessions, district: District, clock: FixedClock) -> None:
        self.sessions, self.district, self.clock = sessions, district, clock
        self.network = f"net-{uuid.uuid4().hex}"

    def knock(self, username: str, password: str, network: str | None = None) -> str:
        try:
            auth.log_in(
                self.sessions,
                username=username,
                password=password,
                network=network or self.network,
                district_slug_of={self.district.id: self.district.slug},
                clock=self.clock,
            )
        except (NotAuthenticated, TooMany, Unavailable) as error:
            return type(error).__name__
        return "in"


@pytest.fixture
def door(many: Sessions, district: District, clock: FixedClock) -> Door:
    return Door(many, district, clock)


@pytest.mark.parametrize("is_known", [True, False])
def test_after_ten_wrong_passwords_nobody_gets_in_from_there_for_a_while(
    door: Door, operator: Account, is_known: bool
) -> None:
    name = operator.username if is_known else f"nobody-{uuid.uuid4().hex}"
    said = [door.knock(name, "wrong") for _ in range(passwords.TRIES_HERE + 1)]
    assert said == ["NotAuthenticated"] * passwords.TRIES_HERE + ["TooMany"]
    assert door.knock(name, "password") == "TooMany"
    door.clock.advance(passwords.TRIES_PERIOD)
    assert door.knock(name, "password") == ("in" if is_known else "NotAuthenticated")


def test_a_guesser_does_not_lock_the_owner_out_elsewhere(door: Door, operator: Account) -> None:
    for _ in range(passwords.TRIES_HERE + 5):
        door.knock(operator.username, "wrong")
    assert door.knock(operator.username, "password", network="the-office") == "in"


def test_guesses_from_everywhere_end_too(door: Door, operator: Account) -> None:
    for number in range(passwords.TRIES_EVERYWHERE):
        assert door.knock(operator.username, "wrong", network=f"net-{number}-{uuid.uuid4().hex}") != "TooMany"
    assert door.knock(operator.username, "wrong", network="one-more") == "TooMany"


def test_one_network_cannot_try_many_names(door: Door) -> None:
    said = [door.knock(f"name-{number}", "123456") for number in range(passwords.TRIES_OF_NETWORK + 1)]
    assert said[-1] == "TooMany"
    assert set(said[:-1]) == {"NotAuthenticated"}


def test_wrong_passwords_at_once_never_pass_the_limit(
    door: Door, operator: Account, threads: ThreadPoolExecutor
) -> None:
    said = list(threads.map(lambda _: door.knock(operator.username, "wrong"), range(64)))
    assert said.count("NotAuthenticated") <= passwords.TRIES_HERE
    assert "in" not in said


def test_right_passwords_count_nothing(door: Door, operator: Account) -> None:
    assert {door.knock(operator.username, "password") for _ in range(2 * passwords.TRIES_HERE)} == {"in"}


def test_the_period_is_machine_time(door: Door, operator: Account) -> None:
    for _ in range(passwords.TRIES_HERE):
        door.knock(operator.username, "wrong")
    door.clock = FixedClock(door.clock.now() + timedelta(days=3), door.clock.machine_now())
    assert door.knock(operator.username, "password") == "TooMany"


def test_an_unknown_name_takes_as_long_as_a_wrong_password(door: Door, operator: Account) -> None:
    def least_s(name: str) -> float:
        times = []
        for number in range(5):
            begun = time.process_time()
            door.knock(name, "wrong", network=f"timing-{number}")
            times.append(time.process_time() - begun)
        return min(times)

    known, unknown = least_s(operator.username), least_s("nobody-at-all")
    # Without a hash it would be a hundredth.
    assert 0.2 < known / unknown < 5


@pytest.mark.parametrize("name", ["", "a\0b", "\N{GREEK SMALL LETTER ALPHA}" * 200, "' OR 1=1 --"])
def test_a_strange_name_is_only_wrong(door: Door, name: str) -> None:
    assert door.knock(name, "password") == "NotAuthenticated"


def test_the_password_is_not_stored(operator: Account) -> None:
    assert operator.password_hash.startswith("$argon2id$")
    assert "password" not in operator.password_hash.removeprefix("$argon2id$")

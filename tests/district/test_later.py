"""Writes that nobody waits for: they come, once each, and a bad one takes none of the others with it."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from district.database import make_engine, make_sessions
from district.later import LaterWrites


def counted(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        return int(session.execute(text("SELECT count(*) FROM noted")).scalar_one())


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(database_url, pool_size=4)
    made = make_sessions(engine)
    with made.begin() as session:
        session.execute(text("DROP TABLE IF EXISTS noted"))
        session.execute(text("CREATE TABLE noted (number int PRIMARY KEY CHECK (number >= 0))"))
    yield made
    with made.begin() as session:
        session.execute(text("DROP TABLE noted"))
    engine.dispose()


NOTE = "INSERT INTO noted (number) VALUES (:number)"


def test_what_was_added_is_written_once(sessions: sessionmaker[Session]) -> None:
    later = LaterWrites(sessions)
    for number in (1, 2, 2):
        later.add(NOTE, {"number": number}, key=number)
    later.flush()
    later.flush()
    assert counted(sessions) == 2


def test_one_that_is_refused_takes_no_other_with_it(sessions: sessionmaker[Session]) -> None:
    later = LaterWrites(sessions)
    for number in (1, -1, 2):
        later.add(NOTE, {"number": number}, key=number)
    later.flush()
    assert counted(sessions) == 2


def test_what_does_not_fit_is_dropped_and_the_rest_is_written(sessions: sessionmaker[Session]) -> None:
    later = LaterWrites(sessions, most=3)
    for number in range(10):
        later.add(NOTE, {"number": number}, key=number)
    later.flush()
    assert counted(sessions) == 3


def test_many_threads_lose_nothing(sessions: sessionmaker[Session]) -> None:
    later = LaterWrites(sessions)

    def add(first: int) -> None:
        for number in range(first, first + 200):
            later.add(NOTE, {"number": number}, key=number)
            if number % 50 == 0:
                later.flush()

    threads = [threading.Thread(target=add, args=(first,)) for first in range(0, 1_600, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    later.flush()
    assert counted(sessions) == 1_600

"""A controller says that a user has left: his session ends, on its word alone and once."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from district.clock import FixedClock
from district.database import make_pool, make_sessions, new_id
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.departures import Departures
from district.gateways.models import WifiSession
from district.gateways.schemas import NewGateway
from district.tasks import ended
from tests.factories import Makers

PROGRAM = Path(__file__).with_name("portal2_controller.py")
SECRET = "shared-with-the-controller"
ACK_NTF_LOGOUT = 14


class Controller:
    """The simulated access controller, and the lines that it writes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, **wanted: Any) -> "Controller":
        given = json.dumps({"secret": SECRET, **wanted})
        pipe = subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), given, stdin=pipe, stdout=pipe
        )
        made = cls(process)
        await made.heard()
        return made

    async def heard(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return said

    def notify(self, port: int, user: str) -> None:
        assert self.process.stdin is not None
        line = json.dumps({"notify": ["127.0.0.1", port], "user": user}) + "\n"
        self.process.stdin.write(line.encode())

    async def stop(self) -> None:
        self.process.kill()
        await self.process.wait()


@pytest.fixture
async def controller() -> AsyncIterator[Controller]:
    made = await Controller.start()
    yield made
    await made.stop()


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


@pytest.fixture
async def listening(database_url: str, clock: FixedClock, district: District) -> AsyncIterator[Departures]:
    pool = make_pool(database_url, size=2)
    await pool.open()
    departures = Departures(pool=pool, clock=clock, host="127.0.0.1", port=0)
    task = asyncio.create_task(departures.run())
    await departures.bound
    yield departures
    await ended([task])
    await pool.close()


def opened(
    committed: Makers, district: District, *, user: str, address: str = "127.0.0.1", secret: str = SECRET
) -> uuid.UUID:
    """A session of a gateway of its own; its id."""
    new = NewGateway.model_validate(
        {
            "slug": f"p-{uuid.uuid4().hex[:12]}",
            "vendor": "portal2",
            "secret": secret,
            "options": {"controller_url": f"udp://{address}:2000"},
        }
    )
    row = gateways.create(committed.session, committed.info(district), new, clock=committed.clock)
    session = WifiSession(
        district_id=district.id,
        id=new_id(),
        gateway_id=row.id,
        member_id=committed.member(district).id,
        alias=b"a" * 32,
        method="click",
        granted_at=committed.clock.now(),
        device_mac="02aa22334466",
        grant={"user_ip": user},
    )
    committed.session.add(session)
    committed.session.commit()
    return session.id


def session_of(engine: Engine, session_id: uuid.UUID) -> WifiSession:
    with make_sessions(engine)() as session:
        return session.scalars(select(WifiSession).where(WifiSession.id == session_id)).one()


async def test_the_controller_s_word_ends_the_user_s_session(
    committed: Makers, district: District, engine: Engine, controller: Controller, listening: Departures
) -> None:
    left = opened(committed, district, user="10.0.0.5")
    stays = opened(committed, district, user="10.0.0.6")
    elsewhere = opened(committed, district, user="10.0.0.5", address="127.0.0.9")
    await listening.read_controllers()
    controller.notify(listening.bound.result(), "10.0.0.5")
    thanks = await controller.heard()
    assert (thanks["took"], thanks["serial"], thanks["user"]) == (ACK_NTF_LOGOUT, 77, "10.0.0.5")
    over = session_of(engine, left)
    assert (over.ended_at, over.ended_because) == (committed.clock.now(), "gateway")
    assert (over.device_mac, over.grant) == ("", {})
    assert session_of(engine, stays).ended_at is None
    assert session_of(engine, elsewhere).ended_at is None


async def test_the_same_notice_again_is_thanked_for_and_ends_nothing_more(
    committed: Makers, district: District, engine: Engine, controller: Controller, listening: Departures
) -> None:
    first = opened(committed, district, user="10.0.1.5")
    await listening.read_controllers()
    controller.notify(listening.bound.result(), "10.0.1.5")
    await controller.heard()
    with make_sessions(engine).begin() as session:
        row = session.get_one(WifiSession, (district.id, first))
        row.ended_at, row.grant = None, {"user_ip": "10.0.1.5"}
    controller.notify(listening.bound.result(), "10.0.1.5")
    assert (await controller.heard())["took"] == ACK_NTF_LOGOUT
    assert session_of(engine, first).ended_at is None


@pytest.mark.parametrize(
    "wanted",
    [{"secret": "another-secret-of-theirs"}, {"host": "127.0.0.8"}],
    ids=["wrong secret", "another address"],
)
async def test_nobody_else_s_word_counts(  # noqa: PLR0917 pytest gives them by name
    committed: Makers,
    district: District,
    engine: Engine,
    controller: Controller,
    listening: Departures,
    wanted: dict[str, str],
) -> None:
    user, other = ("10.0.2.5", "10.0.2.6") if "secret" in wanted else ("10.0.3.5", "10.0.3.6")
    stays, leaves = opened(committed, district, user=user), opened(committed, district, user=other)
    await listening.read_controllers()
    stranger = await Controller.start(**wanted)
    try:
        stranger.notify(listening.bound.result(), user)
        assert stranger.process.stdin is not None
        await stranger.process.stdin.drain()
        stranger.process.stdin.close()
        await stranger.process.wait()  # it has sent what it had to
    finally:
        if stranger.process.returncode is None:
            await stranger.stop()
    controller.notify(listening.bound.result(), other)
    assert (await controller.heard())["user"] == other
    assert session_of(engine, stays).ended_at is None
    assert session_of(engine, leaves).ended_at is not None

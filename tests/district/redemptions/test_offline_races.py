"""Tills without a line, many at once, and a server that dies while it settles."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter as Tally
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from district.clock import FixedClock, system
from district.embedded.nats import free_port
from district.ledger.models import LedgerPosting
from district.offers.models import Offer
from district.redemptions.models import Redemption
from district.redemptions.offline_models import OfflineEntry
from tests.district.redemptions.conftest import Counter
from tests.district.redemptions.offline_tills import Device, bound_offer, second_till, shown
from tests.product import wait_for

ENTRIES, BEGUN = 60, 20
STARTS_WITHIN_S = 150.0


def counts(engine: Engine, offer: Offer) -> tuple[int, dict[str, int]]:
    """How often a coupon was redeemed, and its entries by their outcome."""
    with Session(engine) as session:
        used = select(func.count()).where(
            Redemption.district_id == offer.district_id,
            Redemption.offer_id == offer.id,
            Redemption.reversed_at.is_(None),
        )
        rows = select(OfflineEntry.outcome).where(
            OfflineEntry.district_id == offer.district_id, OfflineEntry.offer_id == offer.id
        )
        return session.scalars(used).one(), dict(Tally(session.scalars(rows)))


async def test_eight_tills_and_one_with_a_line_use_a_coupon_once(counter: Counter, engine: Engine) -> None:
    offer = bound_offer(counter)
    devices = [Device(counter=counter, key=await second_till(counter)) for _ in range(8)]
    code = await shown(counter, offer)
    for device in devices:
        await device.sync()
        device.take(code)
    online, *rows = await asyncio.gather(counter.use(offer.code), *(device.bring_in() for device in devices))
    redeemed, outcomes = counts(engine, offer)
    assert redeemed == 1
    assert sum(outcomes.values()) == 8
    told = Tally(row["outcome"] for (row,) in rows)
    assert dict(told) == outcomes
    assert (online.status_code == 200) + outcomes.get("redeemed", 0) == 1
    assert outcomes.get("conflict", 0) == (8 if online.status_code == 200 else 7)
    with Session(engine) as session:
        booked = session.scalars(
            select(func.count()).where(
                LedgerPosting.district_id == offer.district_id, LedgerPosting.kind == "offline_conflict"
            )
        ).one()
    assert booked == outcomes["conflict"]


async def test_one_journal_brought_in_by_eight_connections_is_settled_once(
    counter: Counter, engine: Engine
) -> None:
    device = Device(counter=counter, key=counter.key)
    await device.sync()
    offers = [bound_offer(counter) for _ in range(6)]
    for offer in offers:
        device.take(await shown(counter, offer))
    sent = await asyncio.gather(*(device.bring_in() for _ in range(8)))
    for place, offer in enumerate(offers):
        told = Tally(rows[place]["outcome"] for rows in sent)
        assert told == {"redeemed": 1, "replayed": 7}
        assert len({rows[place]["redemption_id"] for rows in sent}) == 1
        assert counts(engine, offer) == (1, {"redeemed": 1})


class Web:
    """The web role as a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        own = {"DISTRICT_PORT": str(self.port), "DISTRICT_HOST": "127.0.0.1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "district", "web"],
            env=os.environ | environment | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for("the server answers", self._answers, timeout_s=STARTS_WITHIN_S)
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def post(self, path: str, key: str, body: Any) -> Any:
        """The answer, None when the server was gone before it came."""
        request = urllib.request.Request(
            self.address + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=150) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AssertionError(refused.read().decode()) from refused
        except OSError:
            return None


@pytest.fixture
def environment(database_url: str, nats_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DISTRICT_DATABASE_URL": database_url,
        "DISTRICT_NATS_URL": nats_url,
        "DISTRICT_DATA_DIR": str(tmp_path),
        "DISTRICT_SECRET": "an-installation's-own-words-7f3a9c",
    }


def settled(engine: Engine, device: Device) -> int:
    with Session(engine) as session:
        rows = select(func.count()).where(OfflineEntry.district_id == device.counter.district.id)
        return session.scalars(rows).one()


async def test_a_server_killed_while_it_settles_has_settled_a_beginning_and_the_rest_comes_after(
    counter: Counter, engine: Engine, environment: dict[str, str], clock: FixedClock
) -> None:
    # The server of this test is a process with a clock of its own, the machine's.
    clock.advance(system.machine_now() - clock.machine_now())
    device = Device(counter=counter, key=counter.key)
    await device.sync()
    offers = [bound_offer(counter) for _ in range(ENTRIES)]
    for offer in offers:
        device.take(await shown(counter, offer))
    path = f"/v1/districts/{counter.district.slug}/redemptions/offline"
    web = Web(environment)
    with Session(engine) as holding:
        # Here it comes no further, however long the test takes to kill it.
        holding.execute(text("SELECT 1 FROM offer WHERE id = :id FOR UPDATE"), {"id": offers[BEGUN].id})
        sending = asyncio.create_task(asyncio.to_thread(web.post, path, counter.key, device.journal()))
        await asyncio.to_thread(
            wait_for, "the server has begun", lambda: settled(engine, device) == BEGUN, timeout_s=120.0
        )
        web.kill()
        assert await sending is None
    again = Web(environment)
    answer = await asyncio.to_thread(again.post, path, counter.key, device.journal())
    again.kill()
    outcomes = [row["outcome"] for row in answer["rows"]]
    assert outcomes == ["replayed"] * BEGUN + ["redeemed"] * (ENTRIES - BEGUN)
    assert [counts(engine, offer) for offer in offers] == [(1, {"redeemed": 1})] * ENTRIES
    with Session(engine) as session:
        booked = session.scalars(
            select(func.count()).where(
                LedgerPosting.district_id == counter.district.id, LedgerPosting.kind == "redemption"
            )
        ).one()
    assert booked == ENTRIES

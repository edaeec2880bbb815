"""Steady load on a product that is being killed, and what must hold afterwards."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import nats
import nats.errors

from geo.coordinates import LonLat
from push.limits import MAX_CAP
from tests.benchmarks import store18, worlds
from tests.benchmarks.loading import Connection
from tests.factories import square
from tests.product import Product, wait_for

MEMBERS = 1_200
ROWS_A_POST = 100
POSTS_A_SECOND = 10.0
SENDERS = 4
GROUPS = 200
"""Members take turns in so many groups; a multiple of SENDERS, so that one sender tells all of a member, in order."""
FENCES = MAX_CAP
"""No more than a district's policy lets one member have on a day: every refusal is a loss here."""
FAR = (store18.PLANE.anchor.lon + 0.03, store18.PLANE.anchor.lat + 0.03)
DOORS = [
    LonLat(
        lon=store18.PLANE.anchor.lon + (number % 8 - 4) * 0.003,
        lat=store18.PLANE.anchor.lat + (number // 8 - 2) * 0.003,
    )
    for number in range(FENCES)
]
IN_FLIGHT = 16
"""Messages that one kill of a worker may leave unknown."""
DRAIN_S = 180.0
SETTLE_S = 240.0


@dataclass(kw_only=True)
class Load:
    """Posts from threads of their own until told to stop; a post that was refused or lost is sent again, unchanged.

    Members walk from one campaign's fence to the next, always by way of outside: each offer is theirs once.
    """

    product: Product
    world: worlds.World
    ahead: timedelta
    accepted: dict[int, int] = field(default_factory=dict)
    """Rows of each post that was answered 202, by its number."""
    refused: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _error: BaseException | None = None
    _number: int = 0

    @classmethod
    def prepared(cls, product: Product) -> Self:
        """Fill the database of a product that has not been started."""
        fences = [square(door, 0.0005) for door in DOORS]
        with product.makers() as makers:
            world = worlds.make(makers, fences=fences, devices_of_members=range(MEMBERS))
        return cls(product=product, world=world, ahead=product.now() - datetime.now(UTC))  # noqa: TID251 the load's own clock

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send the last posts until they are taken. Raises what went wrong meanwhile."""
        self._stop.set()
        assert self._thread is not None
        self._thread.join(timeout=DRAIN_S)
        assert not self._thread.is_alive(), "the last posts were not taken"
        if self._error is not None:
            raise self._error

    def grew(self, by: int) -> bool:
        """Whether so many more posts were taken since the last time that this was asked with 0."""
        if by == 0:
            self._mark = len(self.accepted)
        return len(self.accepted) >= self._mark + by

    _mark: int = 0

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except BaseException as error:
            self._error = error

    async def _send_all(self) -> None:
        await asyncio.gather(*(self._sender(number) for number in range(SENDERS)))

    async def _sender(self, first: int) -> None:
        number = first
        connection: Connection | None = None
        while not self._stop.is_set():
            body = self._body(number)
            began = asyncio.get_running_loop().time()
            connection = await self._until_taken(connection, number, body)
            number += SENDERS
            spent = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(0.0, SENDERS / POSTS_A_SECOND - spent))
        if connection is not None:
            connection.close()

    async def _until_taken(self, connection: Connection | None, number: int, body: bytes) -> Connection:
        while True:
            try:
                connection = connection or await Connection.open(self.product.address)
                answer = await connection.ask(worlds.sightings_request(self.world, body))
            except (OSError, TimeoutError) as error:
                connection = None
                self._count(type(error).__name__)
                await asyncio.sleep(0.1)
                continue
            if answer.status == 202:
                said = answer.json()
                assert not said["rejected"], said["rejected"][:3]
                self.accepted[number] = said["accepted"] + said["duplicates"]
                return connection
            assert answer.status in (503, 500, 429), answer
            self._count(str(answer.status))
            await asyncio.sleep(0.2)

    def _count(self, what: str) -> None:
        self.refused[what] = self.refused.get(what, 0) + 1

    def _body(self, number: int) -> bytes:
        at = worlds.instant_text(datetime.now(UTC) + self.ahead)  # noqa: TID251
        return worlds.body_of(list(self._rows(number, at)))

    def _rows(self, post: int, at: str) -> Iterator[dict[str, Any]]:
        """One group of members steps in or out; the rest are strangers."""
        door = door_of(post)
        lon, lat = FAR if door is None else (DOORS[door].lon, DOORS[door].lat)
        for member in members_of(post):
            yield worlds.row_of(f"{post}-m{member}", worlds.mac_of(member), lon, lat, at=at)
        for place in range(ROWS_A_POST - MEMBERS // GROUPS):
            mac = worlds.mac_of(10_000 + (post * ROWS_A_POST + place) % 5_000)
            yield worlds.row_of(f"{post}-{place}", mac, DOORS[0].lon, DOORS[0].lat, at=at)

    def check_sightings(self) -> None:
        """No accepted sighting is lost, none is stored twice."""
        wait_for("the recorder has read the stream", self._is_drained, timeout_s=DRAIN_S)
        sql = (
            "SELECT source_id, count(*) FROM raw_sighting WHERE district_id = %s AND feed_id = %s GROUP BY 1"
        )
        stored = dict(self.product.rows(sql, self.world.district_id, self.world.feed_id))
        twice = [id_ for id_, count in stored.items() if count != 1]
        assert not twice, f"{len(twice)} sightings are stored twice"
        of_post: dict[int, int] = {}
        for id_ in stored:
            post = int(id_.partition("-")[0])
            of_post[post] = of_post.get(post, 0) + 1
        short = {post: of_post.get(post, 0) for post in self.accepted if of_post.get(post, 0) != ROWS_A_POST}
        assert not short, (
            f"{len(short)} of {len(self.accepted)} accepted posts are not whole: {list(short.items())[:5]}"
        )

    def _is_drained(self) -> bool:
        try:
            return asyncio.run(drained(self.product.nats_url))
        except (nats.errors.Error, OSError, TimeoutError):
            return False

    def check_offers(self, *, worker_kills: int) -> int:
        """Each member has the offer of each fence that he was seen to enter, once.

        A message may be missing only where a worker was killed as it sent it. Returns how many are missing.
        """
        assert self._thread is None or not self._thread.is_alive()
        expected = {
            (self.world.campaign_ids[door], self.world.member_ids[member])
            for post in self.accepted
            if (door := door_of(post)) is not None
            for member in members_of(post)
        }
        missing = expected
        ends = time.monotonic() + SETTLE_S
        while missing and time.monotonic() < ends:
            missing = expected - set(
                self._rows_of("SELECT campaign_id, member_id FROM offer WHERE district_id = %s")
            )
            time.sleep(0.2)
        reasons = self._rows_of("SELECT reason, sum(times) FROM refusal WHERE district_id = %s GROUP BY 1")
        assert not missing, f"{len(missing)} of {len(expected)} offers were never made; refusals: {reasons}"
        offers = self._rows_of(
            "SELECT campaign_id, member_id, count(*) FROM offer WHERE district_id = %s GROUP BY 1, 2"
        )
        assert not [row for row in offers if row[2] != 1], "a member got an offer twice"
        assert {(campaign_id, member_id) for campaign_id, member_id, _ in offers} == expected
        wait_for("every message has left the queue", self._has_told, timeout_s=2 * SETTLE_S)
        told = self._rows_of("SELECT offer_id, count(*) FROM inbox_item WHERE district_id = %s GROUP BY 1")
        assert not [row for row in told if row[1] != 1], "an offer was told twice"
        untold = len(expected) - len(told)
        assert untold <= IN_FLIGHT * worker_kills, f"{untold} offers of {len(expected)} were never told"
        return untold

    def _has_told(self) -> bool:
        on_the_way = "state IN ('queued', 'leased', 'sending')"
        sql = f"SELECT count(*) FROM outbox_message WHERE district_id = %s AND {on_the_way}"
        return self._rows_of(sql) == [(0,)]

    def _rows_of(self, sql: str) -> list[tuple[Any, ...]]:
        return self.product.rows(sql, self.world.district_id)


def door_of(post: int) -> int | None:
    """The fence that a post's members step into; None: they are seen outside."""
    turn = post // GROUPS
    return turn // 2 % FENCES if turn % 2 else None


def members_of(post: int) -> range:
    """The members that a post tells of, by number."""
    size = MEMBERS // GROUPS
    return range(post % GROUPS * size, (post % GROUPS + 1) * size)


async def drained(nats_url: str) -> bool:
    """Whether the recorder has nothing left to read."""
    client = await nats.connect(nats_url, max_reconnect_attempts=1)
    try:
        info = await client.jetstream().consumer_info("SIGHTINGS", "recorder")
        return not (info.num_pending or info.num_ack_pending)
    finally:
        await client.close()

"""Shoppers with telephones: they join the Wi-Fi, are positioned, read their offers, and redeem some."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import numpy as np
import structlog

from district.clock import Clock
from district.demo import curves, history
from district.demo.crowd import Crowd, Fixes
from district.demo.ground import Ground
from district.demo.network import Network
from district.demo.people import Arrived, Errand, Person, Place, Standing
from district.demo.street_graph import StreetGraph
from district.demo.walk_requests import Away, Product

SLOTS_SPARE = 1.2
ARRIVALS_MOST = 6
"""People who come in within one second, at most."""
JOINS_AT_ONCE = 2
JOINS_WAITING_MOST = 400
READS_AT_ONCE = 4
POSTS_WAITING_MOST = 20
READ_EVERY_S = (60.0, 150.0)
SHARE_PAST, SHARE_STRANGERS_JOINING = 0.5, 0.8
SHARE_PAST_AT_PORTAL = 0.25
SHARE_MARKETING, SHARE_LOCATION, SHARE_CHINESE = 0.85, 0.82, 0.2
SHARE_OPENING, SHARE_GOING = 0.5, 0.45
log = structlog.get_logger()


class Shoppers:
    """A crowd and its telephones. ``tick`` is called about once a second and never waits."""

    def __init__(
        self, ground: Ground, product: Product, clock: Clock, *, count: int, seed: int | None = None
    ) -> None:
        self._ground = ground
        self._product = product
        self._clock = clock
        self._count = count
        self._random = np.random.default_rng(seed)
        graph = StreetGraph.of_features(ground.streets, ground.district.center)
        self._stores = {shop.id: number for number, shop in enumerate(ground.shops)}
        self.crowd = Crowd(graph, _places(ground, graph), int(count * SLOTS_SPARE) + 8, self._random)
        self._network = Network(ground, self.crowd, graph.plane, self._random)
        self._resting = list(ground.sessions)
        self._read_at_s = np.full(int(count * SLOTS_SPARE) + 8, np.inf)
        self._joins: asyncio.Queue[int] = asyncio.Queue(JOINS_WAITING_MOST)
        self._reads: asyncio.Queue[int] = asyncio.Queue(JOINS_WAITING_MOST)
        self._posts: asyncio.Queue[dict[str, Any]] = asyncio.Queue(POSTS_WAITING_MOST)
        self._tasks: set[asyncio.Task[None]] = set()
        self._random.shuffle(self._resting)

    def resume(self, standing: Sequence[Standing]) -> None:
        """Let these go on where they were; call it before ``fill``."""
        now_s = self._now_s()
        for one in standing:
            slot = self.crowd.free_slot()
            if slot is None:
                return
            self.crowd.resume(slot, one, now_s)
            if one.person.number in self._resting:
                self._resting.remove(one.person.number)
            self._take_telephone(slot, one.person, now_s)

    def fill(self) -> None:
        """Let as many be inside as the hour asks for, and the telephones begin to work."""
        now_s = self._now_s()
        for _ in range(self._wanted() - self.crowd.inside):
            self._come(now_s, is_here=True)
        if not self._tasks:
            self._keep(self._post_for_ever())
            for _ in range(JOINS_AT_ONCE):
                self._keep(self._work_for_ever(self._joins, self._join))
            for _ in range(READS_AT_ONCE):
                self._keep(self._work_for_ever(self._reads, self._read))

    def tick(self) -> None:
        """Whatever is due by now."""
        now_s = self._now_s()
        for arrived in self.crowd.step(now_s):
            self._keep(self._redeem(arrived))
        missing = self._wanted() - self.crowd.inside
        for _ in range(
            int(min(max(missing, 0), self._random.poisson(min(ARRIVALS_MOST, 0.5 + missing / 20))))
        ):
            self._come(now_s)
        self._post(self.crowd.fixes(now_s))
        for found in np.flatnonzero(self._read_at_s <= now_s):
            slot = int(found)
            self._read_at_s[slot] = now_s + self._random.uniform(*READ_EVERY_S)
            _put(self._reads, slot)

    def go_home(self) -> None:
        """The evening: nobody is left."""
        for slot in self.crowd.slots_inside():
            self._rest(self.crowd.people[int(slot)])
        self.crowd.clear()
        self._read_at_s[:] = np.inf

    async def stop(self) -> None:
        """End the telephones."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _wanted(self) -> int:
        local = self._clock.now().astimezone(self._ground.district.zone)
        return int(self._count * curves.presence(local))

    def _now_s(self) -> float:
        return self._clock.now().timestamp()

    def _come(self, now_s: float, *, is_here: bool = False) -> None:
        slot = self.crowd.free_slot()
        if slot is None:
            return
        person = self._somebody()
        (self.crowd.appear if is_here else self.crowd.arrive)(slot, person, now_s)
        self._take_telephone(slot, person, now_s)

    def _take_telephone(self, slot: int, person: Person, now_s: float) -> None:
        self._read_at_s[slot] = now_s + self._random.uniform(0, READ_EVERY_S[1]) if person.token else np.inf
        if person.joins and not person.has_joined:
            _put(self._joins, slot)

    def _somebody(self) -> Person:
        """A past member whose browser knows him, or a stranger."""
        if self._resting and self._random.random() < SHARE_PAST:
            number = self._resting.pop()
            is_rotating = history.history_mac(number).startswith("da")
            return Person(
                mac=self._new_mac("da") if is_rotating else history.history_mac(number),
                number=number,
                token=self._ground.sessions[number],
                joins=is_rotating or bool(self._random.random() < SHARE_PAST_AT_PORTAL),
            )
        is_rotating = self._random.random() < history.SHARE_ROTATING
        return Person(
            mac=self._new_mac("da" if is_rotating else "3c"),
            joins=bool(self._random.random() < SHARE_STRANGERS_JOINING),
        )

    def _new_mac(self, first: str) -> str:
        return first + self._random.bytes(5).hex()

    def _rest(self, person: Person | None) -> None:
        """A past member may come again."""
        if person is not None and person.number is not None:
            self._resting.insert(0, person.number)

    def _post(self, fixes: Fixes) -> None:
        """What the network saw of this second, to be sent in order."""
        if (post := self._network.post(fixes)) is not None:
            _put(self._posts, post)

    async def _post_for_ever(self) -> None:
        while True:
            post = await self._posts.get()
            try:
                await self._product.report(self._ground.feed, post)
            except Away as error:
                log.warning("walkers.wait", asked=str(error))

    async def _work_for_ever(self, queue: "asyncio.Queue[int]", work: "Any") -> None:
        while True:
            slot = await queue.get()
            person = self.crowd.people[slot]
            if person is None:
                continue
            try:
                await work(slot, person)
            except Away as error:
                log.warning("walkers.wait", asked=str(error))

    async def _join(self, slot: int, person: Person) -> None:
        likes = self._random.random(3)
        joined = await self._product.join(
            self._ground.gateway,
            self._ground.gateway_secret,
            mac=person.mac,
            access_point=self._ground.access_points[
                int(self._random.integers(len(self._ground.access_points)))
            ][0],
            language="zh" if likes[2] < SHARE_CHINESE else "en",
            ticked={
                "marketing": bool(likes[0] < SHARE_MARKETING),
                "location": bool(likes[1] < SHARE_LOCATION),
            },
            token=person.token,
        )
        if joined is None:
            return
        person.token, person.has_joined = joined.token, True
        if joined.token and self.crowd.people[slot] is person:
            self._read_at_s[slot] = self._now_s() + self._random.uniform(*READ_EVERY_S)

    async def _read(self, slot: int, person: Person) -> None:
        """Look into the inbox; open some of what is new, and go where one leads."""
        if not person.token:
            return  # who had this slot when the look was due has left
        for offer_id in await self._product.offers(person.token):
            if offer_id in person.seen:
                continue
            person.seen.add(offer_id)
            if self._random.random() >= SHARE_OPENING:
                continue
            coupon = await self._product.open_offer(person.token, offer_id)
            stores = [store for store in coupon.store_ids if store in self._stores] if coupon else []
            if (
                coupon
                and stores
                and self._random.random() < SHARE_GOING
                and self.crowd.people[slot] is person
            ):
                self.crowd.send(
                    slot, Errand(place=self._stores[stores[0]], offer_id=offer_id, code=coupon.code)
                )

    async def _redeem(self, arrived: Arrived) -> None:
        shop = self._ground.shops[arrived.errand.place]
        key = self._ground.till_keys.get(shop.id)
        if key is None:
            return
        try:
            status = await self._product.redeem(
                self._ground.district.slug,
                key,
                code=arrived.errand.code,
                store_id=shop.id,
                number=arrived.errand.offer_id,
                at=self._clock.now().isoformat(),
            )
        except Away as error:
            log.warning("walkers.wait", asked=str(error))
        else:
            log.debug("walkers.redeemed", status=status)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _places(ground: Ground, graph: StreetGraph) -> list[Place]:
    lon = np.array([shop.position.lon for shop in ground.shops])
    lat = np.array([shop.position.lat for shop in ground.shops])
    x_m, y_m = graph.plane.to_metres(lon, lat)
    return [
        Place(
            id=shop.id,
            category=shop.category,
            x_m=float(x_m[number]),
            y_m=float(y_m[number]),
            has_offers=shop.has_offers,
            floor=shop.floor,
        )
        for number, shop in enumerate(ground.shops)
    ]


def _put(queue: "asyncio.Queue[Any]", item: Any) -> None:
    """What does not fit any more is dropped: the product has been away for long."""
    if not queue.full():
        queue.put_nowait(item)

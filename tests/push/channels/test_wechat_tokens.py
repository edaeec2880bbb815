"""Tokens shared by many: asked for by one, renewed once, and never lost with who asks."""

import asyncio
from datetime import timedelta

import pytest

from push.channels.wechat_tokens import Held, Issued, MemoryShelf, SharedToken
from push.receipts import Failure, FailureKind


class Server:
    """Issues numbered tokens; the ordinary answer is the one that is in force."""

    def __init__(self, *, lasts: timedelta = timedelta(hours=2)) -> None:
        self.asked: list[bool] = []
        self.number = 0
        self.lasts = lasts
        self.fails = False
        self.waits: asyncio.Event | None = None

    async def ask(self, is_forced: bool) -> Issued | Failure:
        self.asked.append(is_forced)
        if self.waits is not None:
            await self.waits.wait()
        if self.fails:
            return Failure(kind=FailureKind.TRANSIENT, detail="away")
        self.number += is_forced or self.number == 0
        return Issued(value=f"T{self.number}", lasts=self.lasts)


class Watch:
    """Machine time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def worker(shelf: MemoryShelf, server: Server, watch: Watch) -> SharedToken:
    return SharedToken(shelf=shelf, ask=server.ask, monotonic=watch)


async def held(token: SharedToken) -> Held:
    found = await token.current()
    assert isinstance(found, Held)
    return found


async def test_many_calls_of_many_workers_ask_once() -> None:
    shelf, server, watch = MemoryShelf(), Server(), Watch()
    workers = [worker(shelf, server, watch) for _ in range(4)]
    found = await asyncio.gather(*(held(one) for one in workers for _ in range(10)))
    assert {one.value for one in found} == {"T1"}
    assert server.asked == [False]


async def test_a_token_is_asked_for_anew_before_it_ends() -> None:
    server, watch = Server(lasts=timedelta(seconds=100)), Watch()
    token = worker(MemoryShelf(), server, watch)
    await held(token)
    watch.now_s = 39
    await held(token)
    assert len(server.asked) == 1
    token.shelf = MemoryShelf()  # the shelf's own time goes by, too
    watch.now_s = 41
    await held(token)
    assert len(server.asked) == 2


async def test_a_refused_token_is_replaced_by_another_workers() -> None:
    shelf, server, watch = MemoryShelf(), Server(), Watch()
    one, other = worker(shelf, server, watch), worker(shelf, server, watch)
    first, same = await held(one), await held(other)
    newer = await one.after(first)
    assert isinstance(newer, Held)
    assert newer.value == "T2"
    taken = await other.after(same)
    assert isinstance(taken, Held)
    assert (taken.version, taken.value) == (newer.version, "T2")
    assert server.asked == [False, False, True]


async def test_who_fails_gives_the_turn_to_the_next() -> None:
    shelf, server, watch = MemoryShelf(), Server(), Watch()
    server.fails = True
    token = worker(shelf, server, watch)
    assert await token.current() == Failure(kind=FailureKind.TRANSIENT, detail="away")
    server.fails = False
    assert (await held(worker(shelf, server, watch))).value == "T1"


async def test_who_is_cut_off_while_asking_gives_the_turn_to_the_next() -> None:
    shelf, server, watch = MemoryShelf(), Server(), Watch()
    server.waits = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await worker(shelf, server, watch).current()
    server.waits = None
    assert (await held(worker(shelf, server, watch))).value == "T1"

"""The member's inbox: pages, the stream, and that nothing is missed or shown twice."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from district.auth.models import Role
from district.clock import FixedClock
from district.database import make_pool, new_id
from district.deliveries import inbox
from district.deliveries.inbox import InboxHub, Reader
from district.deliveries.models import InboxItem
from district.deliveries.queue import SqlOutbox
from district.districts.models import District
from district.members.models import Member
from push.consent import Channel
from push.delivery import DeliveryState, Result
from push.wording import Language
from tests.conftest import refresh
from tests.district.deliveries.servers import served, until
from tests.district.offers.conftest import Ground
from tests.factories import Makers


def arrive(makers: Makers, district: District, member: Member, title: str) -> InboxItem:
    """An item written and told as a record of the dispatcher would."""
    item = InboxItem(
        district_id=district.id,
        id=new_id(),
        member_id=member.id,
        title={"en": title, "zh": f"中{title}"},
        body={"en": "body"},
        why={},
        at=makers.clock.now(),
        committed_at=makers.clock.machine_now(),
    )
    makers.session.add(item)
    makers.session.execute(text("SELECT pg_notify('inbox', :who)"), {"who": f"{district.id}:{member.id}"})
    makers.done()
    return item


LEASE = timedelta(seconds=30)


class Shopper:
    """A member with a token."""

    def __init__(self, makers: Makers, language: str = "en") -> None:
        self.makers = makers
        self.district = makers.district()
        self.member = makers.member(self.district, language=language)
        self.headers = self.auth(self.member)

    def auth(self, member: Member) -> dict[str, str]:
        token = self.makers.token(self.district, Role.SHOPPER, subject_id=member.id)
        return {"Authorization": f"Bearer {token}"}

    def gets(self, title: str) -> InboxItem:
        return arrive(self.makers, self.district, self.member, title)


@pytest.fixture
async def shopper(app: FastAPI, committed: Makers) -> Shopper:
    shopper = Shopper(committed)
    await refresh(app)
    return shopper


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[str]:
    """The application behind a real socket: only there are streams streams."""
    async with served(app) as url:
        yield url


async def read(lines: AsyncIterator[str], number: int) -> list[dict[str, Any]]:
    """The next events of a stream, each with its id."""
    found: list[dict[str, Any]] = []
    event: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif "data" in event:
            found.append({"id": int(event["id"])} | {"item": json.loads(event["data"])})
            event = {}
            if len(found) == number:
                break
        else:
            event = {}
    return found


async def test_a_page_shows_the_newest_first_in_the_members_language(
    client: httpx.AsyncClient, shopper: Shopper
) -> None:
    items = [shopper.gets(str(number)) for number in range(3)]
    answer = await client.get("/v1/me/inbox?limit=2", headers=shopper.headers)
    body = answer.json()
    assert [item["title"] for item in body["items"]] == ["2", "1"]
    assert set(body["items"][0]) == {"id", "offer_id", "title", "body", "store_id", "why", "at"}
    assert body["last_event_id"] == items[2].sequence
    rest = await client.get(f"/v1/me/inbox?limit=2&after={body['next']}&lang=zh", headers=shopper.headers)
    assert [item["title"] for item in rest.json()["items"]] == ["中0"]
    assert rest.json()["next"] is None


async def test_an_inbox_is_its_members_alone(client: httpx.AsyncClient, shopper: Shopper) -> None:
    shopper.gets("mine")
    other = shopper.makers.member(shopper.district)
    answer = await client.get("/v1/me/inbox", headers=shopper.auth(other))
    assert answer.json()["items"] == []


@pytest.mark.parametrize("path", ["/v1/me/inbox", "/v1/me/inbox/stream", "/v1/me/offers"])
async def test_nobody_reads_without_a_token(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize("path", ["/v1/me/inbox", "/v1/me/inbox/stream"])
async def test_a_merchant_has_no_inbox(client: httpx.AsyncClient, shopper: Shopper, path: str) -> None:
    token = shopper.makers.token(shopper.district, Role.MERCHANT, scope_id=new_id())
    assert (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 403


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "limit=101", "lang=fr"])
async def test_an_invalid_query_is_named(client: httpx.AsyncClient, shopper: Shopper, query: str) -> None:
    assert (await client.get(f"/v1/me/inbox?{query}", headers=shopper.headers)).status_code == 422


async def test_an_ended_membership_has_no_inbox(client: httpx.AsyncClient, shopper: Shopper) -> None:
    shopper.member.state = "erased"
    shopper.makers.done()
    assert (await client.get("/v1/me/inbox", headers=shopper.headers)).status_code == 404


async def test_a_stream_goes_on_after_the_last_event_and_brings_what_arrives(
    server: str, shopper: Shopper
) -> None:
    seen, missed = shopper.gets("seen"), shopper.gets("missed")
    headers = shopper.headers | {"Last-Event-ID": str(seen.sequence)}
    async with (
        httpx.AsyncClient(timeout=90) as client,
        client.stream("GET", f"{server}/v1/me/inbox/stream", headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        first = await read(lines, 1)
        new = shopper.gets("new")
        second = await read(lines, 1)
    assert [(one["id"], one["item"]["title"]) for one in first + second] == [
        (missed.sequence, "missed"),
        (new.sequence, "new"),
    ]


async def test_a_closed_stream_is_forgotten(app: FastAPI, server: str, shopper: Shopper) -> None:
    hub: InboxHub = app.state.inbox_hub
    async with (
        httpx.AsyncClient(timeout=90) as client,
        client.stream("GET", f"{server}/v1/me/inbox/stream", headers=shopper.headers) as answer,
    ):
        await anext(answer.aiter_lines())
        assert hub.streams == 1

    async def is_forgotten() -> bool:
        return hub.streams == 0

    await until(is_forgotten)


async def test_a_member_has_a_bounded_number_of_streams(
    app: FastAPI, client: httpx.AsyncClient, shopper: Shopper
) -> None:
    hub: InboxHub = app.state.inbox_hub
    other = shopper.makers.member(shopper.district)
    with contextlib.ExitStack() as open_streams:
        for _ in range(inbox.MOST_STREAMS):
            open_streams.enter_context(hub.subscribed(shopper.district.id, shopper.member.id))
        answer = await client.get("/v1/me/inbox/stream", headers=shopper.headers)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
        assert not hub.is_full(shopper.district.id, other.id)


async def test_a_stream_survives_a_database_that_is_away(ground: Ground) -> None:
    member = ground.member()
    away = make_pool("postgresql://127.0.0.1:1/none", size=1)
    stream = inbox.events(
        Reader(pool=away, district_id=ground.info.id, member_id=member.id, language=Language.EN),
        InboxHub(""),
        after=0,
        heartbeat_s=0.05,
    )
    assert [await anext(stream) for _ in range(2)] == ["retry: 2000\n\n", ": quiet\n\n"]
    await stream.aclose()


@pytest.mark.parametrize("mark", ["", "abc", "-1", "99999999999999999999"])
async def test_a_foreign_event_id_is_no_error(server: str, shopper: Shopper, mark: str) -> None:
    headers = shopper.headers | {"Last-Event-ID": mark}
    async with (
        httpx.AsyncClient(timeout=90) as client,
        client.stream("GET", f"{server}/v1/me/inbox/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200


def reader(ground: Ground, member: Member) -> Reader:
    return Reader(pool=ground.pool, district_id=ground.info.id, member_id=member.id, language=Language.EN)


async def test_a_lost_notice_costs_no_item(ground: Ground) -> None:
    member = ground.member()
    stream = inbox.events(reader(ground, member), InboxHub(""), after=0, heartbeat_s=0.05)
    assert (await anext(stream)).startswith("retry:")
    assert await anext(stream) == ": quiet\n\n"
    arrive(ground.makers, ground.district, member, "silent")  # nobody listens to the notice here
    async with asyncio.timeout(90):
        while "silent" not in await anext(stream):
            pass
    await stream.aclose()


async def test_a_stream_ends_so_that_its_session_is_looked_at_again(ground: Ground) -> None:
    stream = inbox.events(
        reader(ground, ground.member()), InboxHub(""), after=0, heartbeat_s=0.01, longest_s=0.05
    )
    async with asyncio.timeout(90):
        assert [one async for one in stream][-1] == ": quiet\n\n"


async def test_items_of_one_member_become_visible_in_the_order_of_their_sequence(
    ground: Ground, clock: FixedClock
) -> None:
    """Eight workers record one member's messages while a stream reads: none is missed, none comes twice."""
    campaign, member = ground.campaign(), ground.member()
    cap = ground.cap("x", slots=100)
    for _ in range(6):
        await ground.issue(*(ground.draft(campaign, member, reservations=(cap,)) for _ in range(10)))
    outbox = SqlOutbox(pool=ground.pool, district=ground.info, clock=clock)
    leased = [one for _ in range(3) for one in await outbox.lease(limit=20, lease_for=LEASE)]
    stream = inbox.events(reader(ground, member), InboxHub(""), after=0, heartbeat_s=0.001)
    seen: list[int] = []

    async def follow() -> None:
        async for event in stream:
            if event.startswith("id:"):
                seen.append(int(event.split("\n")[0].removeprefix("id: ")))
            if len(seen) == len(leased):
                return

    follower = asyncio.create_task(follow())
    random.shuffle(leased)

    async def record(part: int) -> None:
        for one in leased[part::8]:
            await outbox.record(
                [Result(id=one.id, fence=one.fence, state=DeliveryState.ACCEPTED, by=Channel.INBOX)]
            )

    await asyncio.gather(*(record(part) for part in range(8)))
    async with asyncio.timeout(90):
        await follower
    await stream.aclose()
    assert len(leased) == 60
    assert seen == sorted(set(seen))

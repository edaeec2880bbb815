"""From an offer to a member's telephones: told by the app, sent by the provider that carries each, ended and revived."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.database import Pool
from district.deliveries.fleet import Fleet
from district.deliveries.jobs import Lane
from district.districts import service as districts
from district.members.models import Member
from district.settings import Settings
from push.consent import Channel
from push.dispatch import DispatchPolicy
from tests.channels.apps.vendors import (
    APP,
    APPLE_KEY,
    KEY_ID,
    TEAM_ID,
    Vendor,
    apple,
    google,
    service_account,
)
from tests.conftest import refresh
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

IPHONE, OTHER = "a1" * 32, "dW5pdA:APA91b" + "x" * 120
ROWS = """
SELECT channel, state, reason FROM outbox_message
WHERE district_id = %(d)s AND channel <> 'inbox' ORDER BY id
"""
ENDPOINTS = (
    "SELECT split_part(address, ':', 1), state FROM member_endpoint WHERE district_id = %(d)s ORDER BY 1"
)


class World:
    """A district, its operator, and what a worker does."""

    def __init__(self, ground: Ground, desk: Desk, settings: Settings, pool: Pool) -> None:
        self.ground, self.desk, self.settings, self.pool = ground, desk, settings, pool

    async def set_up(self, kind: str, options: dict[str, Any], secrets: dict[str, Any]) -> None:
        body = {"slug": kind, "kind": kind, "name": kind, "options": {"apps": [APP], **options}}
        made = await self.desk.ask("POST", "channel-providers", body | {"secrets": secrets})
        assert made.status_code == 201, made.text

    async def use_apple(self, service: Vendor) -> None:
        options = {"team_id": TEAM_ID, "key_id": KEY_ID, "base_url": service.url}
        await self.set_up("apns", options, {"private_key": APPLE_KEY})

    async def use_google(self, service: Vendor) -> None:
        options = {"base_url": service.url, "token_url": f"{service.url}/token"}
        await self.set_up("fcm", options, {"service_account": service_account()})

    async def register(self, member: Member, platform: str, token: str) -> str:
        """The app tells its token."""
        key = self.ground.makers.token(self.ground.district, Role.SHOPPER, subject_id=member.id)
        self.ground.makers.done()
        answer = await self.desk.client.post(
            "/v1/me/devices",
            json={"platform": platform, "token": token, "app": APP},
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["state"])

    async def offer(self, member: Member) -> None:
        campaign = self.ground.campaign()
        draft = self.ground.draft(campaign, member, channels=(Channel.INBOX, Channel.APP))
        await self.ground.issue(draft)

    async def work(self, rounds: int = 3) -> None:
        """A worker's lane, some rounds."""
        registry = districts.registry(self.pool)
        await registry.refresh()
        fleet = Fleet.opened(self.pool, self.settings, self.ground.clock)
        lane = Lane(
            pool=self.pool,
            registry=registry,
            settings=self.settings,
            clock=self.ground.clock,
            fleet=fleet,
            channels=frozenset({Channel.APP}),
            policy=DispatchPolicy(),
            stopping=asyncio.Event(),
        )
        for _ in range(rounds):
            await lane.tick()
        await fleet.close()


@pytest.fixture
async def world(app: FastAPI, ground: Ground, desk: Desk, settings: Settings, pool: Pool) -> World:
    await refresh(app)
    return World(ground, desk, settings, pool)


async def test_an_offer_rings_the_telephone_that_was_seen_last_by_the_provider_that_carries_it(
    world: World,
) -> None:
    async with apple(no_tokens=True) as one, google(any_time=True) as other:
        await world.use_apple(one)
        await world.use_google(other)
        member = world.ground.member(language="zh")
        await world.register(member, "apns", IPHONE)
        world.ground.clock.advance(timedelta(minutes=1))
        await world.register(member, "fcm", OTHER)
        await world.offer(member)
        await world.work()
        sent = [json.loads(each["body"]) for each in other.requests if each["path"] != "/token"]
    assert one.requests == []
    assert [each["message"]["token"] for each in sent] == [OTHER]
    assert sent[0]["message"]["notification"]["title"] == "八折"
    assert await world.ground.rows(ROWS) == [("app", "accepted", "")]


async def test_a_telephone_that_is_gone_is_ended_and_the_next_one_rings(world: World) -> None:
    gone = {"status": 410, "body": {"reason": "Unregistered", "timestamp": 4_000_000_000_000}}
    async with apple(no_tokens=True, devices={IPHONE: gone}) as one, google(any_time=True) as other:
        await world.use_apple(one)
        await world.use_google(other)
        member = world.ground.member()
        await world.register(member, "fcm", OTHER)
        world.ground.clock.advance(timedelta(minutes=1))
        await world.register(member, "apns", IPHONE)
        await world.offer(member)
        await world.work()
        assert len(one.requests) == 1
    assert await world.ground.rows(ENDPOINTS) == [("apns", "gone"), ("fcm", "active")]
    assert await world.ground.rows(ROWS) == [("app", "accepted", "")]
    assert await world.register(member, "apns", IPHONE) == "active"


async def test_a_telephone_that_registered_since_is_kept(world: World) -> None:
    at = world.ground.clock.machine_now() - timedelta(hours=1)
    stale = {"status": 410, "body": {"reason": "Unregistered", "timestamp": int(at.timestamp() * 1000)}}
    async with apple(no_tokens=True, devices={IPHONE: stale}) as service:
        await world.use_apple(service)
        member = world.ground.member()
        await world.register(member, "apns", IPHONE)
        await world.offer(member)
        await world.work()
    assert await world.ground.rows(ENDPOINTS) == [("apns", "active")]
    ((channel, state, reason),) = await world.ground.rows(ROWS)
    assert (channel, state) == ("app", "failed")
    assert "registered since" in reason


async def test_an_operator_tries_both_by_the_written_address(world: World) -> None:
    async with apple(no_tokens=True) as one, google(any_time=True) as other:
        await world.use_apple(one)
        await world.use_google(other)
        for kind, address in (("apns", f"apns:{APP}:{IPHONE}"), ("fcm", f"fcm:{APP}:{OTHER}")):
            answer = await world.desk.ask("POST", f"channel-providers/{kind}/test", {"to": address})
            assert answer.json()["outcome"] == "accepted", answer.text
            answer = await world.desk.ask("POST", f"channel-providers/{kind}/test", {"to": "nothing"})
            assert answer.json()["outcome"] == "message_refused"

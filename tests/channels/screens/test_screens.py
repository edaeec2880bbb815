"""Screens in shops: they show what anybody may claim there, from when it begins until it ends, and nothing of anybody."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from district.campaigns.models import Campaign
from district.channels.models import ChannelProvider
from district.database import Pool
from district.deliveries.screens import Screens
from district.settings import Settings
from district.stores.models import Store
from tests.channels.screens.broker import PASSWORD, USER, Mosquitto, mosquitto
from tests.channels.screens.test_mqtt import shown
from tests.district.deliveries.relays import Desk
from tests.district.offers.claiming import claimable
from tests.district.offers.conftest import Ground

OPEN = {"mode": "open"}
SAID = "SELECT count(*) FROM screen_topic WHERE district_id = %(d)s"


@dataclass
class Street:
    """A district whose screens listen to a broker."""

    ground: Ground
    desk: Desk
    broker: Mosquitto
    screens: Screens

    async def make(self, **changes: Any) -> None:
        """Enter the broker."""
        options = {"host": "127.0.0.1", "port": self.broker.port, "tls": False, "user": USER}
        body = {
            "slug": "screens",
            "kind": "mqtt_screens",
            "name": "Screens",
            "options": options,
            "secrets": {"password": PASSWORD},
        }
        made = await self.desk.ask("POST", "channel-providers", body | changes)
        assert made.status_code == 201, made.text
        assert PASSWORD not in made.text

    def campaign(self, *stores: Store, **values: Any) -> Campaign:
        """One that anybody may claim."""
        made = claimable(self.ground, values.pop("claim", OPEN), **values)
        self.ground.makers.done()
        return made

    async def on_screens(self) -> dict[str, dict[str, Any]]:
        """What each topic of this district shows to a screen that is switched on now."""
        start = f"shangquan/{self.ground.district.slug}/stores/"
        found = await shown(self.broker)
        return {topic.removeprefix(start): json.loads(body) for topic, body in found.items()}

    async def campaigns(self) -> list[str]:
        """Which campaigns are shown anywhere."""
        return sorted(offer["id"] for one in (await self.on_screens()).values() for offer in one["offers"])

    def change(self, campaign: Campaign, **values: Any) -> None:
        statement = update(Campaign).where(Campaign.id == campaign.id).values(**values)
        self.ground.makers.session.execute(statement)
        self.ground.makers.done()


@pytest.fixture
async def street(
    ground: Ground, desk: Desk, pool: Pool, settings: Settings, tmp_path: Path
) -> AsyncIterator[Street]:
    """The broker is there, and nobody has entered it yet."""
    screens = Screens(pool=pool, district=ground.info, settings=settings, clock=ground.clock)
    async with mosquitto(tmp_path) as broker:
        yield Street(ground=ground, desk=desk, broker=broker, screens=screens)


async def test_an_offer_is_shown_in_its_store_with_where_to_claim_it(street: Street) -> None:
    await street.make()
    campaign = street.campaign()
    assert await street.screens.tell() == 1
    ((topic, document),) = (await street.on_screens()).items()
    assert topic.endswith("/now")
    slug = street.ground.district.slug
    assert document["v"] == 1
    assert document["store"]["ref"] == topic.removesuffix("/now")
    (offer,) = document["offers"]
    assert offer["id"] == str(campaign.id)
    assert set(offer["title"]) == {"en", "zh"}
    assert offer["link"] == f"https://wifi.example/d/{slug}/centre/{campaign.id}"


async def test_what_does_not_change_is_not_said_again_before_its_time(street: Street) -> None:
    await street.make()
    street.campaign()
    assert await street.screens.tell() == 1
    assert await street.screens.tell() == 0
    async with street.screens.pool.connection() as connection:
        await connection.execute("UPDATE screen_topic SET again_at = clock_timestamp()")
    assert await street.screens.tell() == 1


@pytest.mark.parametrize("left", ["interval '1 hour'", "interval '20 min'"], ids=["too long", "as it may be"])
async def test_a_screen_does_not_wait_for_an_hour_that_comes_again(street: Street, left: str) -> None:
    await street.make()
    street.campaign()
    assert await street.screens.tell() == 1
    async with street.screens.pool.connection() as connection:  # as if the database's clock had been set back
        await connection.execute(f"UPDATE screen_topic SET again_at = clock_timestamp() + {left}".encode())
    assert await street.screens.tell() == (1 if left == "interval '1 hour'" else 0)


@pytest.mark.parametrize(
    "change",
    [{"state": "ended"}, {"state": "paused"}, {"state": "exhausted"}],
    ids=["ended", "paused", "sold-out"],
)
async def test_an_offer_that_is_over_leaves_the_screen(street: Street, change: dict[str, Any]) -> None:
    await street.make()
    campaign = street.campaign()
    await street.screens.tell()
    assert await street.campaigns() == [str(campaign.id)]
    street.change(campaign, **change)
    assert await street.screens.tell() == 1
    assert await street.on_screens() == {}
    assert await street.ground.number(SAID) == 0


async def test_what_only_chosen_members_get_is_never_shown(street: Street) -> None:
    await street.make()
    street.ground.campaign()
    street.campaign(claim={"mode": "open", "listed": False})
    street.campaign(claim={"mode": "link"})
    street.campaign(state="in_review")
    street.ground.makers.done()
    assert await street.screens.tell() == 0
    assert await street.on_screens() == {}


async def test_nothing_of_a_member_is_in_a_notice(street: Street) -> None:
    await street.make()
    member = street.ground.member(phone="+358401234567", email="shopper@example.org")
    campaign = street.campaign()
    street.ground.makers.offer(campaign, member)
    street.ground.makers.done()
    await street.screens.tell()
    told = json.dumps(await street.on_screens())
    for private in (str(member.id), "358401234567", "shopper@"):
        assert private not in told


async def test_a_notice_ends_with_its_offer(street: Street) -> None:
    await street.make()
    ends_at = street.ground.clock.now() + timedelta(seconds=2)
    street.campaign(claim={"mode": "open", "closes_at": ends_at.isoformat()})
    await street.screens.tell()
    assert len(await street.campaigns()) == 1
    async with asyncio.timeout(90):
        while await street.on_screens():  # the broker's own clock ends it  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_two_workers_do_not_speak_at_once_and_both_end(street: Street) -> None:
    await street.make()
    for _ in range(5):
        street.campaign()
    said = await asyncio.gather(*(street.screens.tell() for _ in range(4)))
    assert sum(said) in range(5, 11)
    assert len(await street.campaigns()) == 5
    assert await street.ground.number(SAID) == 5


async def test_a_broker_that_is_away_is_left_alone_and_told_once_it_is_back(street: Street) -> None:
    await street.make()
    campaign = street.campaign()
    await street.broker.stop()
    assert await street.screens.tell() == 0
    rests = (
        "SELECT count(*) FROM channel_provider WHERE district_id = %(d)s AND paused_until > clock_timestamp()"
    )
    assert await street.ground.number(rests) == 1
    await street.broker.start()
    assert await street.screens.tell() == 0
    street.ground.makers.session.execute(update(ChannelProvider).values(paused_until=None))
    street.ground.makers.done()
    assert await street.screens.tell() == 1
    assert await street.campaigns() == [str(campaign.id)]


async def test_a_ref_with_signs_that_topics_reserve_is_written_in_per_cent(street: Street) -> None:
    await street.make()
    campaign = street.campaign()
    session = street.ground.makers.session
    session.execute(update(Store).where(Store.district_id == street.ground.info.id).values(ref="node/1+#"))
    street.ground.makers.done()
    await street.screens.tell()
    assert list(await street.on_screens()) == ["node%2F1%2B%23/now"]
    assert await street.campaigns() == [str(campaign.id)]


async def test_a_store_that_gets_another_ref_leaves_nothing_under_the_old_one(street: Street) -> None:
    await street.make()
    street.campaign()
    await street.screens.tell()
    before = list(await street.on_screens())
    session = street.ground.makers.session
    session.execute(update(Store).where(Store.district_id == street.ground.info.id).values(ref="other"))
    street.ground.makers.done()
    await street.screens.tell()
    assert before != ["other/now"]
    assert list(await street.on_screens()) == ["other/now"]


async def test_an_operator_tries_a_broker_without_leaving_anything_there(street: Street) -> None:
    await street.make()
    answer = await street.desk.ask("POST", "channel-providers/screens/test", {"to": "shop-1"})
    assert answer.json()["outcome"] == "accepted", answer.text
    assert await street.on_screens() == {}
    await street.broker.stop()
    answer = await street.desk.ask("POST", "channel-providers/screens/test", {"to": "shop-1"})
    assert answer.json()["outcome"] == "transient"

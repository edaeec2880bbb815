"""What is out of a pool is told at once, before any job folds it into the stock; the guard on a smaller stock is exact."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.campaigns.models import Campaign
from district.campaigns.queries import IS_EXHAUSTED_SQL, LIVE_CAMPAIGNS_SQL
from district.database import transaction
from district.offers import jobs
from district.portal.queries import OFFERS_TODAY_SQL
from tests.conftest import refresh
from tests.district.offers.claiming import DROP, OPEN, PACKETS, attempt, claimable, strangers
from tests.district.offers.conftest import Ground

OUT = "SELECT campaign_id, count(*) FROM offer WHERE district_id = %(d)s AND state <> 'void' GROUP BY campaign_id"
WAITING = "SELECT count(*) FROM drop_ticket WHERE district_id = %(d)s AND state = 'waiting'"
KINDS: dict[str, dict[str, Any]] = {
    "drop": {"claim": DROP},
    "red_packet": {"claim": OPEN, "offer": {"kind": "red_packet", "value": PACKETS["value"]}},
    "counted": {"claim": OPEN},
}


@dataclass(frozen=True, kw_only=True)
class Counter:
    """What the merchant and everybody else is told of one campaign's stock."""

    ground: Ground
    app: FastAPI
    client: httpx.AsyncClient
    token: str

    def path(self, campaign: Campaign) -> str:
        return f"/v1/districts/{self.ground.district.slug}/campaigns/{campaign.id}"

    async def answer(self, campaign: Campaign) -> dict[str, Any]:
        response = await self.client.get(
            self.path(campaign), headers={"authorization": f"Bearer {self.token}"}
        )
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def lower(self, campaign: Campaign, stock: int | None) -> httpx.Response:
        body = {"version": (await self.answer(campaign))["version"], "stock": stock}
        return await self.client.patch(
            self.path(campaign), json=body, headers={"authorization": f"Bearer {self.token}"}
        )

    async def page(self, path: str) -> str:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", cookies={COOKIE: self.token}
        ) as browser:
            response = await browser.get(path, headers={"accept-language": "en"})
        assert response.status_code == 200, response.text
        return response.text

    async def is_sold_out(self, campaign: Campaign) -> bool:
        """As the engine, the campaign's life and the sign-in page see it, who must not differ."""
        keys = {"district_id": self.ground.info.id, "campaigns": [campaign.id]}
        async with transaction(self.ground.pool) as connection:
            row = await (await connection.execute(LIVE_CAMPAIGNS_SQL, keys)).fetchone()
        assert row is not None
        session = self.ground.makers.session
        values = {"district_id": self.ground.info.id, "campaign_id": campaign.id}
        is_exhausted = session.scalar(text(IS_EXHAUSTED_SQL), values)
        now = {"now": self.ground.clock.now()}
        offered = session.execute(text(OFFERS_TODAY_SQL), {"district_id": self.ground.info.id, **now}).all()
        session.rollback()
        assert row[10] == is_exhausted == (not offered)
        return bool(row[10])


@pytest.fixture
async def counter(ground: Ground, client: httpx.AsyncClient, app: FastAPI) -> Counter:
    account = ground.makers.account(ground.district, Role.MERCHANT, scope_id=ground.merchant.id)
    token = ground.makers.token(
        ground.district, Role.MERCHANT, subject_id=account.id, scope_id=ground.merchant.id
    )
    await refresh(app)
    return Counter(ground=ground, app=app, client=client, token=token)


async def made(ground: Ground, kind: str, *, stock: int = 40) -> Campaign:
    campaign = claimable(ground, KINDS[kind]["claim"], stock=stock, offer=KINDS[kind].get("offer"))
    await jobs.keep_pools(ground.pool, ground.info.id)
    return campaign


async def draw(ground: Ground, campaign: Campaign, members: list[uuid.UUID]) -> int:
    """How many got one, with those whose ticket waited in a queue."""
    before = await out(ground, campaign)
    await asyncio.gather(*(attempt(ground, campaign, one) for one in members))
    while await ground.number(WAITING):
        await jobs.serve_drops(ground.pool, ground.info, now=ground.clock.now())
    return await out(ground, campaign) - before


async def out(ground: Ground, campaign: Campaign) -> int:
    """Offers of the campaign that members have."""
    rows = await ground.rows(OUT)
    return int(dict(rows).get(campaign.id, 0))


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_page_and_answer_tell_what_is_out_right_after_a_draw(counter: Counter, kind: str) -> None:
    campaign = await made(counter.ground, kind)
    assert await draw(counter.ground, campaign, strangers(counter.ground, 7)) == 7
    found = await counter.answer(campaign)
    assert (found["issued"], found["stock"]) == (7, 40)
    assert "7 / 40" in " ".join((await counter.page(f"/merchant/campaigns/{campaign.id}")).split())
    assert ">33<" in await counter.page("/merchant")
    assert not await counter.is_sold_out(campaign)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_all_see_at_once_that_the_last_piece_is_out(counter: Counter, kind: str) -> None:
    campaign = await made(counter.ground, kind)
    assert await draw(counter.ground, campaign, strangers(counter.ground, 40)) == 40
    assert await counter.is_sold_out(campaign)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_stock_below_what_is_out_is_refused_right_after_a_draw(counter: Counter, kind: str) -> None:
    campaign = await made(counter.ground, kind)
    await draw(counter.ground, campaign, strangers(counter.ground, 7))
    refused = await counter.lower(campaign, 6)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/stock"
    assert refused.json()["errors"][0]["detail"].startswith("7 offers are issued")
    assert (await counter.answer(campaign))["stock"] == 40
    assert await draw(counter.ground, campaign, strangers(counter.ground, 3)) == 3


async def test_a_drop_made_smaller_gives_out_no_more_than_is_left(counter: Counter) -> None:
    campaign = await made(counter.ground, "drop")
    await draw(counter.ground, campaign, strangers(counter.ground, 7))
    lowered = await counter.lower(campaign, 9)
    assert (lowered.status_code, lowered.json()["issued"], lowered.json()["stock"]) == (200, 7, 9)
    assert await draw(counter.ground, campaign, strangers(counter.ground, 10)) == 2
    assert await out(counter.ground, campaign) == 9
    assert await counter.is_sold_out(campaign)


async def test_a_drop_made_smaller_while_many_draw_is_never_drawn_beyond_its_stock(counter: Counter) -> None:
    ground = counter.ground
    for wanted in (5, 15, 25):
        campaign = await made(ground, "drop")
        members = strangers(ground, 30)
        drawn, lowered = await asyncio.gather(
            draw(ground, campaign, members), counter.lower(campaign, wanted)
        )
        found = await counter.answer(campaign)
        assert found["issued"] == drawn
        assert lowered.status_code in {200, 422}
        if lowered.status_code == 200:
            assert (found["stock"], drawn <= wanted) == (wanted, True)
        else:
            assert (found["stock"], drawn > wanted) == (40, True)


async def test_a_drop_that_is_sold_out_goes_on_when_its_stock_is_made_larger(counter: Counter) -> None:
    campaign = await made(counter.ground, "drop", stock=4)
    await draw(counter.ground, campaign, strangers(counter.ground, 4))
    assert await counter.is_sold_out(campaign)
    raised = await counter.lower(campaign, 6)
    assert (raised.status_code, raised.json()["issued"]) == (200, 4)
    assert not await counter.is_sold_out(campaign)
    await jobs.keep_pools(counter.ground.pool, counter.ground.info.id)
    assert await draw(counter.ground, campaign, strangers(counter.ground, 5)) == 2


async def test_pieces_given_back_count_at_once_for_a_smaller_stock(counter: Counter) -> None:
    """The stock was told of seven; five of them came back since."""
    ground = counter.ground
    campaign = await made(ground, "drop")
    await draw(ground, campaign, strangers(ground, 7))
    await jobs.keep_pools(ground.pool, ground.info.id)
    async with transaction(ground.pool) as connection:
        await connection.execute(
            "UPDATE pool_piece SET offer_id = NULL WHERE district_id = %(d)s AND number IN ("
            "SELECT number FROM pool_piece WHERE district_id = %(d)s AND offer_id IS NOT NULL LIMIT 5)",
            {"d": ground.info.id},
        )
    lowered = await counter.lower(campaign, 3)
    assert (lowered.status_code, lowered.json()["issued"], lowered.json()["stock"]) == (200, 2, 3)

"""The offer centre's pages: what they show to whom, claiming without a script, the line of a drop, posters."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.database import Pool, make_pool
from district.offers.claim_models import ClaimLink, DropTicket
from tests.conftest import refresh
from tests.district.offers.claiming import DROP, OPEN, PACKETS, claimable
from tests.district.offers.conftest import Ground
from tests.factories import Makers

TOKEN = "a-token-of-a-poster-0123"
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = make_pool(database_url, size=4)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def ground(committed: Makers, pool: Pool, clock: FixedClock) -> Ground:
    district = committed.district()
    merchant = committed.merchant(district)
    info = committed.info(district)
    return Ground(makers=committed, district=district, info=info, merchant=merchant, pool=pool, clock=clock)


class Visitor:
    """A browser, of a member or of nobody."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, ground: Ground) -> None:
        self.app, self.client, self.ground = app, client, ground
        self.base = f"/d/{ground.district.slug}/centre"

    def member(self) -> dict[str, str]:
        member = self.ground.member()
        return {COOKIE: self.ground.makers.token(self.ground.district, Role.SHOPPER, subject_id=member.id)}

    async def page(self, path: str = "", cookies: dict[str, str] | None = None) -> httpx.Response:
        await refresh(self.app)
        return await self.client.get(self.base + path, headers=_cookie(cookies))

    async def press(
        self, campaign: Campaign, cookies: dict[str, str] | None, **fields: Any
    ) -> httpx.Response:
        await refresh(self.app)
        return await self.client.post(
            f"{self.base}/{campaign.id}/claim", data=fields, headers=_cookie(cookies) | OWN
        )


def _cookie(cookies: dict[str, str] | None) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())}


@pytest.fixture
def visitor(app: FastAPI, client: httpx.AsyncClient, ground: Ground) -> Visitor:
    return Visitor(app, client, ground)


async def test_an_empty_centre_says_so_in_both_languages(visitor: Visitor) -> None:
    assert "Nothing to take now" in (await visitor.page()).text
    assert "暂无可领优惠" in (await visitor.page("?lang=zh")).text


async def test_what_is_left_is_shown_and_what_is_sold_out_comes_last(visitor: Visitor) -> None:
    words = {"title": {"en": "The second"}}
    claimable(visitor.ground, OPEN, stock=0, offer=words)
    claimable(visitor.ground, OPEN, stock=3, offer={"title": {"en": "The first"}})
    text = (await visitor.page()).text
    assert "3 left" in text
    assert text.index("The first") < text.index("The second")
    assert "The second" not in (await visitor.page("?has_stock=true")).text


async def test_a_member_claims_with_one_press_and_lands_on_the_coupon(visitor: Visitor) -> None:
    campaign, member = claimable(visitor.ground, OPEN, stock=3), visitor.member()
    assert "Take it" in (await visitor.page(f"/{campaign.id}", member)).text
    pressed = await visitor.press(campaign, member)
    assert pressed.status_code == 303
    coupon = await visitor.client.get(pressed.headers["location"], headers=_cookie(member))
    assert "QR code of the coupon" in coupon.text
    again = await visitor.press(campaign, member)
    assert again.headers["location"] == pressed.headers["location"]


async def test_who_is_no_member_is_shown_the_way_in(visitor: Visitor) -> None:
    campaign = claimable(visitor.ground, OPEN)
    assert "/sign-in?next=" in (await visitor.page(f"/{campaign.id}")).text
    assert (await visitor.press(campaign, None)).status_code == 401


async def test_a_refusal_is_told_on_the_page(visitor: Visitor) -> None:
    campaign = claimable(visitor.ground, OPEN, rule={"who": "returning"})
    refused = await visitor.press(campaign, visitor.member())
    assert refused.status_code == 403
    assert "Not for you" in refused.text


async def test_a_foreign_form_claims_nothing(visitor: Visitor) -> None:
    campaign, member = claimable(visitor.ground, OPEN), visitor.member()
    await refresh(visitor.app)
    answer = await visitor.client.post(
        f"{visitor.base}/{campaign.id}/claim",
        headers=_cookie(member) | {"sec-fetch-site": "cross-site"},
    )
    assert answer.status_code == 403


async def test_a_line_moves_on_without_a_script_and_tells_how_many_are_before(visitor: Visitor) -> None:
    campaign = claimable(visitor.ground, DROP, stock=5, state="paused")
    makers, now = visitor.ground.makers, visitor.ground.clock.now()
    first, second = visitor.ground.member(), visitor.ground.member()
    for one in (first, second):
        makers.session.add(
            DropTicket(
                district_id=visitor.ground.district.id,
                campaign_id=campaign.id,
                member_id=one.id,
                joined_at=now,
            )
        )
        makers.done()
    cookies = {COOKIE: makers.token(visitor.ground.district, Role.SHOPPER, subject_id=second.id)}
    text = (await visitor.page(f"/{campaign.id}", cookies)).text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert 'data-ahead="1"' in text


async def test_a_drop_that_has_not_begun_counts_down(visitor: Visitor) -> None:
    opens = visitor.ground.clock.now() + timedelta(minutes=20)
    campaign = claimable(visitor.ground, {"mode": "drop", "opens_at": opens.isoformat()}, stock=5)
    text = (await visitor.page(f"/{campaign.id}", visitor.member())).text
    assert "0:20:00" in text
    assert "Stand in line" not in text


async def test_a_poster_opens_what_is_listed_nowhere_and_tells_its_price(visitor: Visitor) -> None:
    price = {"value": {"type": "in_store_price", "price_minor": 990, "regular_minor": 1_590}}
    campaign = claimable(visitor.ground, OPEN | {"listed": False}, offer=price)
    makers = visitor.ground.makers
    makers.session.add(
        ClaimLink(
            district_id=visitor.ground.district.id,
            token=TOKEN,
            campaign_id=campaign.id,
            created_at=visitor.ground.clock.now(),
        )
    )
    makers.done()
    member = visitor.member()
    assert (await visitor.page(f"/{campaign.id}", member)).status_code == 404
    poster = await visitor.client.get(f"/c/{visitor.ground.district.slug}.{TOKEN}")
    assert poster.status_code == 303
    page = await visitor.client.get(poster.headers["location"], headers=_cookie(member))
    assert "€9.90 instead of €15.90" in page.text
    pressed = await visitor.press(campaign, member, k=TOKEN)
    assert pressed.status_code == 303
    assert "/offers/" in pressed.headers["location"]


@pytest.mark.parametrize("link", ["nowhere.x", "no-dot", ".", "d..x", "a" * 200])
async def test_a_poster_of_nobody_is_not_found(visitor: Visitor, link: str) -> None:
    await refresh(visitor.app)
    assert (await visitor.client.get(f"/c/{link}")).status_code == 404


async def test_a_red_packet_shows_what_was_in_it(visitor: Visitor) -> None:
    campaign, member = claimable(visitor.ground, OPEN, offer=PACKETS), visitor.member()
    assert "Red packet" in (await visitor.page("", member)).text
    pressed = await visitor.press(campaign, member)
    coupon = await visitor.client.get(pressed.headers["location"], headers=_cookie(member))
    assert "€" in coupon.text
    assert "QR code of the coupon" in coupon.text

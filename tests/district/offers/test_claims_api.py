"""Claiming over the interface: what is listed, what is claimed, and what each refusal says."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.offers.claim_schemas import ClaimBody
from tests.conftest import refresh
from tests.district.offers.claiming import DROP, OPEN, PACKETS, RESERVE, claimable, draft
from tests.district.offers.conftest import Ground

PRICE = {"value": {"type": "in_store_price", "price_minor": 990, "regular_minor": 1_590}}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A district, a client, and somebody who claims."""

    ground: Ground
    client: httpx.AsyncClient
    app: FastAPI

    @property
    def slug(self) -> str:
        return self.ground.district.slug

    def shopper(self, **values: Any) -> dict[str, str]:
        member = self.ground.member(**values)
        return self.bearer(Role.SHOPPER, subject_id=member.id)

    def bearer(self, role: Role, **values: Any) -> dict[str, str]:
        token = self.ground.makers.token(self.ground.district, role, **values)
        return {"authorization": f"Bearer {token}"}

    async def claim(
        self, offer: Campaign | uuid.UUID | str, shopper: Mapping[str, str], **body: Any
    ) -> httpx.Response:
        await refresh(self.app)
        offer_id = offer.id if isinstance(offer, Campaign) else offer
        return await self.client.post(f"/v1/me/offers/{offer_id}/claim", headers=shopper, json=body)

    async def listed(self, **query: Any) -> list[dict[str, Any]]:
        await refresh(self.app)
        answer = await self.client.get(f"/v1/districts/{self.slug}/offers", params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
def desk(ground: Ground, client: httpx.AsyncClient, app: FastAPI) -> Desk:
    return Desk(ground=ground, client=client, app=app)


async def test_the_offer_centre_lists_the_nearest_first_and_tells_what_is_left(desk: Desk) -> None:
    near = claimable(desk.ground, OPEN, stock=3)
    far = claimable(desk.ground, OPEN, stock=0, offer={"kind": "coupon"})
    hidden = claimable(desk.ground, OPEN | {"listed": False})
    pushed = claimable(desk.ground)
    items = await desk.listed(lon=24.9445, lat=60.1689)
    assert {item["id"] for item in items} == {str(near.id), str(far.id)}
    assert str(hidden.id) not in str(items)
    assert str(pushed.id) not in str(items)
    by_id = {item["id"]: item for item in items}
    first = by_id[str(near.id)]
    assert (first["left"], first["has_stock"], first["title"]) == (3, True, "€5.00 off")
    assert first["stores"][0]["distance_m"] == pytest.approx(0, abs=1)
    assert [item["id"] for item in await desk.listed(has_stock=True)] == [str(near.id)]
    assert await desk.listed(category="no such trade") == []


async def test_the_list_pages_by_key_in_the_order_of_distance(desk: Desk) -> None:
    made = [claimable(desk.ground, OPEN) for _ in range(5)]
    found: list[str] = []
    after: dict[str, str] = {}
    await refresh(desk.app)
    while True:
        answer = await desk.client.get(
            f"/v1/districts/{desk.slug}/offers", params={"lon": 24.9, "lat": 60.1, "limit": 2, **after}
        )
        page = answer.json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert sorted(found) == sorted(str(one.id) for one in made)


async def test_a_claim_says_where_the_offer_came_from_and_gives_its_code(desk: Desk) -> None:
    shopper = desk.shopper()
    answer = await desk.claim(claimable(desk.ground, OPEN, stock=1), shopper)
    assert answer.status_code == 201, answer.text
    claimed = answer.json()
    assert (claimed["source"], claimed["ticket"]) == ("offer_centre", None)
    assert len(claimed["offer"]["code"]) == 26
    assert claimed["offer"]["text"].startswith("At Zio until 1 May 13:00")


async def test_one_person_claims_once_and_a_repeated_request_is_the_same_claim(desk: Desk) -> None:
    campaign, shopper = claimable(desk.ground, OPEN, stock=9), desk.shopper()
    first = await desk.claim(campaign, shopper | {"idempotency-key": "k1"})
    same = await desk.claim(campaign, shopper | {"idempotency-key": "k1"})
    other = await desk.claim(campaign, shopper | {"idempotency-key": "k2"})
    assert (first.status_code, same.status_code, other.status_code) == (201, 200, 409)
    assert first.json()["offer"]["id"] == same.json()["offer"]["id"] == other.json()["offer_id"]
    assert other.json()["type"].endswith(":one-per-person")


async def test_each_refusal_has_its_own_type(desk: Desk) -> None:
    ground, shopper = desk.ground, desk.shopper()
    cases = {
        "sold-out": claimable(ground, OPEN, stock=9, state="exhausted"),
        "not-yet-open": claimable(ground, OPEN | {"opens_at": "2026-05-01T13:00:00+03:00"}),
        "claim-over": claimable(ground, OPEN, state="ended"),
        "not-for-you": claimable(ground, OPEN, rule={"who": "returning"}),
        "only-by-poster": claimable(ground, OPEN | {"listed": False}),
        "not-found": claimable(ground, RESERVE),
    }
    found = {slug: (await desk.claim(campaign, shopper)).json() for slug, campaign in cases.items()}
    assert {slug: answer["type"].rpartition(":")[2] for slug, answer in found.items()} == {
        slug: slug for slug in cases
    }
    assert found["not-for-you"]["reason"] == "not_in_audience"
    assert found["not-yet-open"]["opens_at"] == "2026-05-01T13:00:00+03:00"


async def test_what_is_for_new_customers_is_claimed_by_one(desk: Desk) -> None:
    answer = await desk.claim(claimable(desk.ground, OPEN, rule={"who": "new"}), desk.shopper())
    assert answer.status_code == 201, answer.text


async def test_an_in_store_price_is_told_only_by_the_shops_own_code(desk: Desk) -> None:
    campaign, shopper = claimable(desk.ground, OPEN, offer=PRICE), desk.shopper()
    (listed,) = await desk.listed()
    assert (listed["value"], listed["needs_poster"]) == ({"type": "in_store_price"}, True)
    assert "9.90" not in listed["title"]
    refused = await desk.claim(campaign, shopper)
    assert refused.json()["type"].endswith(":only-by-poster")
    token = await _poster(desk, campaign)
    claimed = await desk.claim(campaign, shopper, token=token)
    assert claimed.status_code == 201, claimed.text
    assert claimed.json()["source"] == "poster"
    assert claimed.json()["offer"]["value"] == PRICE["value"]


async def _poster(desk: Desk, campaign: Campaign) -> str:
    path = f"/v1/districts/{desk.slug}/campaigns/{campaign.id}/claim-links"
    owner = desk.bearer(Role.MERCHANT, scope_id=desk.ground.merchant.id)
    made = await desk.client.post(path, headers=owner)
    assert made.status_code == 201, made.text
    token: str = made.json()["token"]
    assert made.json()["url"] == f"http://testserver/c/{desk.slug}.{token}"
    assert [one["token"] for one in (await desk.client.get(path, headers=owner)).json()] == [token]
    picture = await desk.client.get(f"{path}/{token}/qr.svg", headers=owner)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    return token


async def test_a_withdrawn_poster_opens_nothing(desk: Desk) -> None:
    campaign = claimable(desk.ground, OPEN | {"listed": False})
    await refresh(desk.app)
    token = await _poster(desk, campaign)
    owner = desk.bearer(Role.MERCHANT, scope_id=desk.ground.merchant.id)
    path = f"/v1/districts/{desk.slug}/campaigns/{campaign.id}/claim-links/{token}"
    assert (await desk.client.delete(path, headers=owner)).status_code == 204
    assert (await desk.claim(campaign, desk.shopper(), token=token)).status_code == 403


async def test_another_merchant_makes_no_poster(desk: Desk) -> None:
    campaign = claimable(desk.ground, OPEN)
    await refresh(desk.app)
    other = desk.ground.makers.merchant(desk.ground.district)
    path = f"/v1/districts/{desk.slug}/campaigns/{campaign.id}/claim-links"
    answer = await desk.client.post(path, headers=desk.bearer(Role.MERCHANT, scope_id=other.id))
    assert answer.status_code == 404


async def test_a_poster_of_one_campaign_opens_no_other(desk: Desk) -> None:
    one, other = (claimable(desk.ground, OPEN | {"listed": False}) for _ in range(2))
    await refresh(desk.app)
    token = await _poster(desk, one)
    assert (await desk.claim(other, desk.shopper(), token=token)).status_code == 403


async def test_a_drop_gives_a_ticket_or_the_offer(desk: Desk) -> None:
    campaign, first, second = claimable(desk.ground, DROP, stock=1), desk.shopper(), desk.shopper()
    won = await desk.claim(campaign, first)
    assert won.status_code == 201, won.text
    assert (won.json()["source"], won.json()["ticket"]["state"]) == ("drop", "won")
    lost = await desk.claim(campaign, second)
    assert lost.json()["type"].endswith(":sold-out")
    ticket = await desk.client.get(f"/v1/me/offers/{campaign.id}/ticket", headers=second)
    assert (ticket.json()["state"], ticket.json()["ahead"]) == ("lost", 0)
    nobody = await desk.client.get(f"/v1/me/offers/{campaign.id}/ticket", headers=desk.shopper())
    assert nobody.status_code == 404


async def test_a_red_packet_is_redeemed_as_the_amount_in_it(desk: Desk) -> None:
    campaign = claimable(desk.ground, OPEN, offer=PACKETS)
    claimed = (await desk.claim(campaign, desk.shopper())).json()["offer"]
    assert claimed["kind"] == "red_packet"
    assert claimed["value"]["type"] == "amount"
    store_id = claimed["store_ids"][0]
    key = desk.ground.makers.key(
        desk.ground.district, Role.TILL, scope_id=uuid.UUID(store_id), merchant_id=desk.ground.merchant.id
    )
    await refresh(desk.app)
    used = await desk.client.post(
        f"/v1/districts/{desk.slug}/redemptions",
        headers={"authorization": f"Bearer {key}"},
        json={"code": claimed["code"], "use_request_no": "1"},
    )
    assert used.status_code == 200, used.text
    assert used.json()["value"] == claimed["value"]


async def test_what_is_held_for_one_member_is_nobody_elses(desk: Desk) -> None:
    ground = desk.ground
    campaign, member = claimable(ground, RESERVE, stock=1), ground.member()
    issued = (await ground.issue(draft(ground, campaign, member))).issued[0]
    assert (await desk.claim(issued.id, desk.shopper())).status_code == 404
    own = desk.bearer(Role.SHOPPER, subject_id=member.id)
    listed = await desk.client.get("/v1/me/offers", headers=own)
    assert [(one["state"], one["code"]) for one in listed.json()["items"]] == [("reserved", None)]
    claimed = await desk.claim(issued.id, own)
    assert (claimed.status_code, claimed.json()["source"]) == (201, "reservation")


@pytest.mark.parametrize("token", ["", "short", "x" * 65, "with space in it!!"])
def test_tokens_have_a_shape(token: str) -> None:
    with pytest.raises(ValidationError):
        ClaimBody(token=token)


async def test_a_position_that_is_none_is_refused(desk: Desk) -> None:
    await refresh(desk.app)
    answer = await desk.client.get(f"/v1/districts/{desk.slug}/offers", params={"lon": 500, "lat": 60})
    assert answer.status_code == 422

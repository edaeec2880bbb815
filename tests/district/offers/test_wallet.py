"""The member's wallet."""

from datetime import timedelta
from xml.etree import ElementTree

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.database import new_id
from district.offers.wallet import qr_svg
from tests.conftest import refresh
from tests.factories import Makers


class Wallet:
    """A member with a token, and a campaign with a store."""

    def __init__(self, makers: Makers) -> None:
        self.makers = makers
        self.district = makers.district()
        merchant = makers.merchant(self.district)
        self.store = makers.store(self.district, merchant_id=merchant.id)
        self.campaign: Campaign = makers.campaign(self.district, merchant, [self.store])
        self.member = makers.member(self.district, language="zh")
        token = makers.token(self.district, Role.SHOPPER, subject_id=self.member.id)
        self.headers = {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def wallet(app: FastAPI, committed: Makers) -> Wallet:
    wallet = Wallet(committed)
    await refresh(app)
    return wallet


async def test_looking_at_an_offer_marks_it_opened_once(
    client: httpx.AsyncClient, wallet: Wallet, clock: FixedClock
) -> None:
    offer = wallet.makers.offer(wallet.campaign, wallet.member)
    answer = await client.get(f"/v1/me/offers/{offer.id}", headers=wallet.headers)
    clock.advance(timedelta(minutes=1))
    await client.get(f"/v1/me/offers/{offer.id}", headers=wallet.headers)
    wallet.makers.session.refresh(offer)
    body = answer.json()
    assert (body["state"], body["code"], body["title"]) == ("opened", offer.code, "八折")
    assert body["store_ids"] == [str(wallet.store.id)]
    assert offer.opened_at == clock.now() - timedelta(minutes=1)


async def test_an_offer_past_its_end_is_shown_as_expired(
    client: httpx.AsyncClient, wallet: Wallet, clock: FixedClock
) -> None:
    offer = wallet.makers.offer(wallet.campaign, wallet.member)
    clock.advance(timedelta(hours=2))
    answer = await client.get(f"/v1/me/offers/{offer.id}", headers=wallet.headers)
    assert answer.json()["state"] == "expired"


async def test_a_redeemed_offer_stays_redeemed_when_looked_at(
    client: httpx.AsyncClient, wallet: Wallet
) -> None:
    offer = wallet.makers.offer(wallet.campaign, wallet.member, state="redeemed")
    answer = await client.get(f"/v1/me/offers/{offer.id}", headers=wallet.headers)
    assert answer.json()["state"] == "redeemed"


async def test_another_members_offer_is_not_found_and_stays_unopened(
    client: httpx.AsyncClient, wallet: Wallet
) -> None:
    offer = wallet.makers.offer(wallet.campaign, wallet.makers.member(wallet.district))
    for path in (
        f"/v1/me/offers/{offer.id}",
        f"/v1/me/offers/{offer.id}/qr.svg",
        f"/v1/me/offers/{new_id()}",
    ):
        assert (await client.get(path, headers=wallet.headers)).status_code == 404
    wallet.makers.session.refresh(offer)
    assert offer.state == "issued"


async def test_an_invalid_id_is_named(client: httpx.AsyncClient, wallet: Wallet) -> None:
    assert (await client.get("/v1/me/offers/x", headers=wallet.headers)).status_code == 422


async def test_nobody_sees_an_offer_without_a_token(client: httpx.AsyncClient, wallet: Wallet) -> None:
    offer = wallet.makers.offer(wallet.campaign, wallet.member)
    assert (await client.get(f"/v1/me/offers/{offer.id}")).status_code == 401


async def test_the_wallet_lists_all_but_what_never_arrived_by_key(
    client: httpx.AsyncClient, wallet: Wallet, clock: FixedClock
) -> None:
    made = []
    for _ in range(3):
        made.append(str(wallet.makers.offer(wallet.campaign, wallet.member).id))
        clock.advance(timedelta(seconds=1))
    wallet.makers.offer(wallet.campaign, wallet.member, state="void")
    first = (await client.get("/v1/me/offers?limit=2", headers=wallet.headers)).json()
    second = (await client.get(f"/v1/me/offers?limit=2&after={first['next']}", headers=wallet.headers)).json()
    assert [offer["id"] for offer in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None


async def test_a_coupon_has_a_qr_code_and_a_message_has_none(
    client: httpx.AsyncClient, wallet: Wallet
) -> None:
    coupon = wallet.makers.offer(wallet.campaign, wallet.member)
    message = wallet.makers.offer(wallet.campaign, wallet.member, kind="message")
    answer = await client.get(f"/v1/me/offers/{coupon.id}/qr.svg", headers=wallet.headers)
    none = await client.get(f"/v1/me/offers/{message.id}/qr.svg", headers=wallet.headers)
    shown = await client.get(f"/v1/me/offers/{message.id}", headers=wallet.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert (none.status_code, shown.json()["code"]) == (404, None)


def test_a_qr_code_is_an_svg_without_a_size_of_its_own() -> None:
    root = ElementTree.fromstring(qr_svg("0123456789ABCDEFGHJKMNPQRS"))
    assert root.tag.endswith("svg")
    assert "viewBox" in root.attrib
    assert "width" not in root.attrib

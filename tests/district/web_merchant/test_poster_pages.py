"""Posters of a campaign: codes made, printed, withdrawn and brought back."""

import re

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.offers.claim_models import ClaimLink
from tests.district.web_merchant.conftest import Business, browser
from tests.factories import Makers


@pytest.fixture
def claimable(business: Business, committed: Makers) -> Campaign:
    """A campaign whose offer is claimed."""
    offer = {**business.campaign.offer, "claim": {"mode": "open"}}
    return committed.campaign(business.district, business.merchant, [business.store], offer=offer)


def links(engine: Engine, campaign: Campaign) -> list[ClaimLink]:
    with Session(engine) as session:
        return list(session.scalars(select(ClaimLink).where(ClaimLink.campaign_id == campaign.id)))


async def test_a_code_is_made_and_printed_in_both_languages_on_both_sheets(
    merchant: httpx.AsyncClient, claimable: Campaign, business: Business, engine: Engine
) -> None:
    here = f"/merchant/campaigns/{claimable.id}/posters"
    assert (await merchant.post(here)).headers["location"] == f"{here}?said=made"
    (link,) = links(engine, claimable)
    assert f"{here}/{link.token}?paper=a6" in (await merchant.get(here)).text
    for paper, size in (("a4", "A4"), ("a6", "A6")):
        sheet = (await merchant.get(f"{here}/{link.token}?paper={paper}")).text
        assert f"@page{{size:{size};" in sheet
        assert f"/c/{business.district.slug}.{link.token}" in sheet
        assert "<svg" in sheet
        assert "八折" in sheet
        assert "20 % off" in sheet
        assert re.search(r"八折|20%", sheet)


async def test_a_withdrawn_code_opens_nothing_until_it_is_brought_back(
    app: FastAPI, merchant: httpx.AsyncClient, claimable: Campaign, business: Business, engine: Engine
) -> None:
    here = f"/merchant/campaigns/{claimable.id}/posters"
    await merchant.post(here)
    (link,) = links(engine, claimable)
    scanned = f"/c/{business.district.slug}.{link.token}"
    async with browser(app) as shopper:
        works = (await shopper.get(scanned)).status_code
        withdrawn = await merchant.post(f"{here}/withdraw", data={"token": link.token})
        assert f'value="{link.token}"' in (await merchant.get(withdrawn.headers["location"])).text
        assert (await shopper.get(scanned)).status_code == 404
        await merchant.post(f"{here}/bring-back", data={"token": link.token})
        assert (await shopper.get(scanned)).status_code == works == 303


async def test_of_what_cannot_be_claimed_it_says_so(merchant: httpx.AsyncClient, business: Business) -> None:
    page = (await merchant.get(f"/merchant/campaigns/{business.campaign.id}/posters")).text
    assert "This offer cannot be claimed" in page
    assert "New code" not in page


async def test_a_rival_neither_sees_nor_makes_nor_withdraws(
    app: FastAPI, merchant: httpx.AsyncClient, claimable: Campaign, rival: Business, engine: Engine
) -> None:
    here = f"/merchant/campaigns/{claimable.id}/posters"
    await merchant.post(here)
    (link,) = links(engine, claimable)
    async with browser(app, rival.token) as other:
        for path in (here, f"{here}/{link.token}"):
            assert (await other.get(path)).status_code == 404
        for path in (here, f"{here}/withdraw", f"{here}/bring-back"):
            assert (await other.post(path, data={"token": link.token})).status_code == 404
    assert [one.revoked_at for one in links(engine, claimable)] == [None]


async def test_no_other_site_makes_codes(
    merchant: httpx.AsyncClient, claimable: Campaign, engine: Engine
) -> None:
    here = f"/merchant/campaigns/{claimable.id}/posters"
    assert (await merchant.post(here, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert links(engine, claimable) == []

"""Posters of the operator's own campaigns: the merchants' pages at its addresses."""

import re

import httpx

from district.districts.models import District
from district.stores.models import Store
from tests.district.web_operator.test_district_campaigns import shops
from tests.factories import Makers

__all__ = ["shops"]


async def test_posters_of_the_districts_offer_are_made_printed_withdrawn_and_brought_back(
    operator: httpx.AsyncClient, district: District, shops: tuple[Store, Store], committed: Makers
) -> None:
    trader = committed.merchant(district)
    theirs = committed.campaign(district, trader, [shops[0]])
    offer = {**theirs.offer, "claim": {"mode": "open"}}
    of = committed.campaign(
        district, trader, list(shops), owner_kind="operator", merchant_id=None, offer=offer
    )
    here = f"/operator/campaigns/{of.id}/posters"
    assert f'href="{here}"' in (await operator.get(f"/operator/campaigns/{of.id}")).text
    assert (await operator.post(here)).headers["location"] == f"{here}?said=made"
    printed = re.search(rf'href="({here}/([^"?]+))\?paper=a4"', (await operator.get(here)).text)
    assert printed is not None
    sheet = await operator.get(printed[1])
    assert f"/c/{district.slug}.{printed[2]}" in sheet.text
    assert "Nord 100%" in sheet.text
    withdrawn = await operator.post(f"{here}/withdraw", data={"token": printed[2]})
    assert f'action="{here}/bring-back"' in (await operator.get(withdrawn.headers["location"])).text
    assert (await operator.get(printed[1])).status_code == 404
    await operator.post(f"{here}/bring-back", data={"token": printed[2]})
    assert (await operator.get(printed[1])).status_code == 200
    others = f"/operator/campaigns/{theirs.id}/posters"
    assert [(await operator.get(others)).status_code, (await operator.post(others)).status_code] == [404, 404]

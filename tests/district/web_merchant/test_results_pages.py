"""What a merchant reads of his campaigns: results and the list."""

import re

import httpx

from district.offers.models import Refusal
from district.web.merchant_pages import LISTED
from tests.district.web_merchant.conftest import Business
from tests.factories import Makers


async def test_results_are_exact_for_own_acts_and_hide_few_people(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    now = committed.clock.now()
    for number in range(12):
        member = committed.member(business.district)
        state = "redeemed" if number < 3 else "issued"
        committed.offer(business.campaign, member, state=state, opened_at=now if number < 5 else None)
        for reason in ("freq_cap", *(["quiet_hours"] if number < 9 else [])):
            committed.session.add(
                Refusal(
                    district_id=business.district.id,
                    trading_day=now.date(),
                    member_id=member.id,
                    campaign_id=business.campaign.id,
                    reason=reason,
                    last_at=now,
                )
            )
    committed.done()
    page = await merchant.get(f"/merchant/campaigns/{business.campaign.id}")
    csv = await merchant.get("/merchant/results.csv")
    assert "&lt;10" in page.text
    assert ">12<" in page.text
    assert csv.text.splitlines() == [
        "campaign_id,campaign,state,issued,delivered,opened,redeemed",
        f"{business.campaign.id},Lunch,live,12,0,5,3",
    ]


async def test_a_rivals_offers_are_not_counted(
    merchant: httpx.AsyncClient, business: Business, rival: Business, committed: Makers
) -> None:
    committed.offer(rival.campaign, committed.member(business.district))
    csv = await merchant.get("/merchant/results.csv")
    assert str(rival.campaign.id) not in csv.text
    assert csv.text.splitlines()[1].endswith(",0,0,0,0")


async def test_the_list_shows_the_newest_first_and_leads_to_older_ones(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    for number in range(LISTED):
        committed.campaign(business.district, business.merchant, [], name=f"Number {number}")
    first = await merchant.get("/merchant/campaigns")
    older = re.search(r'href="(/merchant/campaigns\?before=[^"]+)"', first.text)
    assert older is not None
    second = await merchant.get(older[1])
    assert f"Number {LISTED - 1}" in first.text
    assert str(business.campaign.id) not in first.text
    assert str(business.campaign.id) in second.text
    assert "Older campaigns" not in second.text

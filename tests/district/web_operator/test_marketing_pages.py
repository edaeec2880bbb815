"""The operator's marketing policy, join incentives, searches in vain and campaigns."""

import re
import uuid
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.audiences.models import MemberEvent
from district.campaigns.models import Campaign
from district.campaigns.shared_models import JoinIncentive
from district.database import new_id
from district.districts.models import District
from district.gateways.models import Plan
from district.offers import policies, policy_service
from district.web.marketing_words import GROUPS
from tests.conftest import refresh
from tests.factories import Makers

PAGES = (
    "/operator/marketing",
    "/operator/incentives",
    "/operator/incentives.csv",
    "/operator/searches",
    "/operator/searches.csv",
    "/operator/campaigns",
    "/operator/campaigns.csv",
)


def fields(page: str) -> dict[str, str]:
    """What the policy's own form holds."""
    form = page[page.index('name="then" value="look"') :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            found[name[1]] = value[1]
    return found


@pytest.mark.parametrize("path", PAGES)
async def test_only_the_operator_sees_them(merchant: httpx.AsyncClient, path: str) -> None:
    assert (await merchant.get(path)).headers["location"].startswith("/login?role=operator")


@pytest.mark.parametrize("path", PAGES)
async def test_they_speak_both_languages(operator: httpx.AsyncClient, path: str) -> None:
    for language in ("en", "zh"):
        assert (await operator.get(f"{path}?lang={language}")).status_code == 200


def test_every_value_of_the_policy_has_its_place_on_the_page() -> None:
    assert {name for _group, names in GROUPS for name, _kind in names} == set(policies.DEFAULT.values())


async def test_what_would_change_is_shown_before_it_is_saved_and_can_be_undone(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    committed.policy(district, offers_per_day=2, typical_spend_minor=2_000)
    sent = fields((await operator.get("/operator/marketing")).text)
    wanted = sent | {
        "offers_per_day": "3",
        "typical_spend_minor": "25.50",
        "quiet_from": "22:15",
        "then": "look",
    }
    looked = await operator.post("/operator/marketing", data=wanted)
    assert '<span class="policy-before">2</span>' in looked.text
    assert '<span class="policy-after">3</span>' in looked.text
    assert '<span class="policy-after">€25.50</span>' in looked.text
    assert '<span class="policy-after">22:15</span>' in looked.text
    committed.session.rollback()
    assert policy_service.read(committed.session, district.id).offers_per_day == 2
    saved = await operator.post("/operator/marketing", data=wanted | {"then": "save"})
    committed.session.rollback()
    now = policy_service.read(committed.session, district.id)
    assert (now.offers_per_day, now.typical_spend_minor, now.quiet_from) == (3, 2_550, 1_335)
    undo = saved.text[saved.text.index('role="status"') : saved.text.index("Undo")]
    back = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', undo))
    await operator.post("/operator/marketing", data=back)
    committed.session.rollback()
    again = policy_service.read(committed.session, district.id)
    assert (again.offers_per_day, again.typical_spend_minor, again.quiet_from) == (2, 2_000, 1_260)


async def test_who_has_the_policy_from_before_does_not_overwrite_it(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    sent = fields((await operator.get("/operator/marketing")).text)
    committed.policy(district, offers_per_day=4, version=9)
    answer = await operator.post("/operator/marketing", data=sent | {"offers_per_day": "1", "then": "save"})
    assert answer.status_code == 422
    committed.session.rollback()
    assert policy_service.read(committed.session, district.id).offers_per_day == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("control_pct", "21"),
        ("holdout_pct", "x"),
        ("quiet_from", "noon"),
        ("quiet_until", "24:00"),
    ],
)
async def test_a_value_that_cannot_be_is_marked(operator: httpx.AsyncClient, name: str, value: str) -> None:
    sent = fields((await operator.get("/operator/marketing")).text)
    answer = await operator.post("/operator/marketing", data=sent | {name: value, "then": "save"})
    assert answer.status_code == 422
    marked = answer.text[answer.text.index(f'id="f-{name}"') :]
    assert 'aria-invalid="true"' in marked[: marked.index(">")]


def coupon(store_id: uuid.UUID, **values: str) -> dict[str, str]:
    return {
        "name": "Welcome",
        "nth": "1",
        "kind": "coupon",
        "needs_contact": "on",
        "value": "percent",
        "amount": "10",
        "title_en": "10 % off",
        "text_en": "For joining",
        "stock": "500",
        "ttl_h": "12",
        "store_ids": str(store_id),
    } | values


async def test_a_coupon_for_joining_is_made_stopped_and_let_run_again(
    app: FastAPI, operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    store = committed.store(district, merchant_id=committed.merchant(district).id)
    await refresh(app)
    assert (await operator.post("/operator/incentives", data=coupon(store.id))).status_code == 303
    row = committed.session.scalars(
        select(JoinIncentive).where(JoinIncentive.district_id == district.id)
    ).one()
    campaign = committed.session.get_one(Campaign, (district.id, row.campaign_id))
    assert (row.nth, row.needs_contact, campaign.rule["ttl_s"]) == (1, True, 43_200)
    assert campaign.offer["value"] == {"type": "percent", "percent": 10}
    ended = await operator.post(f"/operator/incentives/{row.id}/end")
    page = (await operator.get(ended.headers["location"])).text
    assert f'action="/operator/incentives/{row.id}/go-on"' in page
    committed.session.refresh(row)
    assert row.ended_at is not None
    await operator.post(f"/operator/incentives/{row.id}/go-on")
    committed.session.refresh(row)
    assert row.ended_at is None


async def test_a_faster_plan_for_joining(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    committed.session.add(
        Plan(district_id=district.id, slug="fast", name="Fast", created_at=committed.clock.now())
    )
    committed.done()
    sent = {"name": "Third time", "nth": "3", "kind": "plan", "plan": "fast", "plan_for_h": "48"}
    assert (await operator.post("/operator/incentives", data=sent)).status_code == 303
    page = (await operator.get("/operator/incentives")).text
    assert "plan fast for 48 h" in page
    assert "on join number 3" in page
    assert "Third time,3,plan,fast" in (await operator.get("/operator/incentives.csv")).text


async def test_an_incentive_without_a_store_is_refused_on_the_page(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    sent = coupon(uuid.uuid4())
    answer = await operator.post("/operator/incentives", data=sent)
    assert answer.status_code == 422
    assert 'value="Welcome"' in answer.text
    mine = select(JoinIncentive).where(JoinIncentive.district_id == district.id)
    assert committed.session.scalars(mine).all() == []


async def test_stores_are_found_by_a_part_of_their_name_and_ticked_ones_stay(
    app: FastAPI, operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    first = committed.store(district, name="Café Aalto")
    committed.store(district, name="Bookshop")
    committed.store(district, name="Café Ekberg")
    await refresh(app)
    found = await operator.post(
        "/operator/incentives/stores",
        data={"store_words": "EKB", "store_ids": str(first.id)},
        headers={"hx-request": "true"},
    )
    assert re.findall(r"form-selectgroup-label\">([^<]+)<", found.text) == ["Café Aalto", "Café Ekberg"]


def searched(makers: Makers, district: District, words: str, members: int) -> None:
    for _ in range(members):
        makers.session.add(
            MemberEvent(
                district_id=district.id,
                id=new_id(),
                member_id=makers.member(district).id,
                kind="search",
                at=makers.clock.now() - timedelta(days=10),
                words=words,
                found=0,
            )
        )
    makers.done()


async def test_only_what_ten_members_searched_for_in_vain_is_told(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    searched(committed, district, "bubble tea", 10)
    searched(committed, district, "a secret", 9)
    page, file = (
        (await operator.get("/operator/searches")).text,
        (await operator.get("/operator/searches.csv")).text,
    )
    for text in (page, file):
        assert "bubble tea" in text
        assert "a secret" not in text
    assert "Nothing to tell" in (await operator.get("/operator/searches?days=7")).text


async def test_campaigns_are_listed_with_their_owners_and_lead_to_reports(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    merchant = committed.merchant(district, name="<Zio>")
    store = committed.store(district, merchant_id=merchant.id)
    campaign = committed.campaign(district, merchant, [store], name="=Lunch")
    committed.offer(campaign, committed.member(district), state="redeemed")
    page = (await operator.get("/operator/campaigns")).text
    assert "&lt;Zio&gt;" in page
    assert f'hx-get="/operator/campaigns/{campaign.id}/effect"' in page
    assert (await operator.get("/operator/campaigns?state=ended")).text.count("/effect") == 0
    assert "'=Lunch,<Zio>,live,,,,1,0,1" in (await operator.get("/operator/campaigns.csv")).text
    cell = await operator.get(f"/operator/campaigns/{campaign.id}/effect")
    assert "—" in cell.text
    report = await operator.get(f"/operator/campaigns/{campaign.id}?within_h=72")
    assert "Within 72 h" in report.text
    assert "report.csv?within_h=72" in report.text
    file = await operator.get(f"/operator/campaigns/{campaign.id}/report.csv?within_h=72")
    assert file.headers["content-type"].startswith("text/csv")


async def test_another_districts_operator_sees_none_of_it(
    stranger: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    merchant = committed.merchant(district)
    campaign = committed.campaign(district, merchant, [committed.store(district, merchant_id=merchant.id)])
    for part in ("", "/effect", "/report.csv", "/preview", "/preview/figures"):
        assert (await stranger.get(f"/operator/campaigns/{campaign.id}{part}")).status_code == 404
    assert str(campaign.id) not in (await stranger.get("/operator/campaigns")).text


async def test_a_step_that_the_state_does_not_allow_is_said(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    merchant = committed.merchant(district)
    campaign = committed.campaign(district, merchant, [committed.store(district, merchant_id=merchant.id)])
    here = f"/operator/campaigns/{campaign.id}"
    paused = await operator.post(f"{here}/steps", data={"action": "pause", "version": "1"})
    assert paused.headers["location"] == f"{here}?said=pause"
    again = await operator.post(f"{here}/steps", data={"action": "pause"})
    assert again.status_code == 422
    foreign = await operator.post(
        f"{here}/steps", data={"action": "end"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert foreign.status_code == 403

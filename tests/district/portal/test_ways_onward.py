"""Around the sign-in page: the way to a real browser, wordings compared, what codes cost, sheets of access codes."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import FixedClock
from district.districts.models import District
from district.members.models import Member
from district.portal.models import SignInVisit
from district.portal.visits import rate_of
from district.settings import Settings
from district.vouchers import service as vouchers
from district.vouchers.schemas import NewBatch
from tests.conftest import refresh
from tests.district.portal.ways import MAC, PHONE, Open, Portal, Rows, by_code
from tests.factories import Makers


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


def link_on(page: httpx.Response) -> str:
    found = re.search(r'href="http://testserver(/o/[^"]+)"', page.text)
    assert found is not None
    return found[1]


async def welcomed(portal: Portal, browser: httpx.AsyncClient) -> httpx.Response:
    done = await browser.post(portal.address(), data={"method": "click"})
    return await browser.get(done.headers["location"])


async def test_the_link_from_the_sheet_opens_the_member_in_his_own_browser_once(
    opened: Open, district: District, rows: Rows
) -> None:
    portal = await opened(methods=["click"])
    sheet, own = portal.browser(), portal.browser()
    page = await welcomed(portal, sheet)
    link = link_on(page)
    assert MAC.replace(":", "") not in page.text.replace(":", "")
    assert len(link.rpartition(".")[2]) >= 22
    for _ in range(2):
        assert (await own.get(link)).status_code == 200
    mine = {"sec-fetch-site": "same-origin"}
    assert (await own.post(link, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    first, second = await own.post(link, headers=mine), await portal.browser().post(link, headers=mine)
    assert (first.status_code, second.status_code) == (303, 410)
    assert first.headers["location"] == f"/d/{district.slug}/inbox"
    assert (await own.get("/v1/me")).json()["id"] == str(rows(Member)[0].id)


async def test_the_link_dies_after_ten_minutes_and_with_its_session(opened: Open, clock: FixedClock) -> None:
    portal = await opened(methods=["click"])
    sheet = portal.browser()
    page = await welcomed(portal, sheet)
    mine = {"sec-fetch-site": "same-origin"}
    clock.advance(timedelta(minutes=10))
    assert (await portal.browser().post(link_on(page), headers=mine)).status_code == 410
    fresh = await welcomed(portal, sheet)
    await sheet.delete("/v1/tokens", headers=mine)
    assert (await portal.browser().post(link_on(fresh), headers=mine)).status_code == 410


async def test_a_stranger_s_welcome_page_makes_no_link(opened: Open, district: District) -> None:
    portal = await opened(methods=["click"])
    await welcomed(portal, portal.browser())
    copied = await welcomed(portal, portal.browser())
    assert "/o/" not in copied.text
    assert f"/d/{district.slug}" in copied.text
    for junk in (f"/o/{district.slug}.x", "/o/nowhere.x", "/o/" + "x" * 200):
        answer = await portal.browser().get(junk)
        assert answer.status_code in {404, 410}


async def test_wordings_are_split_at_random_and_stay_with_the_device(opened: Open, rows: Rows) -> None:
    portal = await opened(methods=["click"], sign_in={"compares_variants": True})
    for number in range(60):
        address = portal.address(f"02:aa:22:33:66:{number:02x}")
        await portal.browser().get(address)
        await portal.browser().get(address)
    portal.app.state.later.flush()
    seen = [row.variant for row in rows(SignInVisit)]
    assert len(seen) == 60
    assert 5 < seen.count("offers") < 55


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilson_s(successes: int, trials: int, low: float, high: float) -> None:
    rate = rate_of(successes, trials)
    assert rate.value == pytest.approx(successes / trials)
    assert [rate.low, rate.high] == pytest.approx([low, high], abs=1e-4)


async def test_connect_rate_and_cost_per_new_member_are_counted_by_device_and_day(
    opened: Open,
    client: httpx.AsyncClient,
    rows: Rows,
    district: District,
    committed: Makers,
) -> None:
    portal = await opened(methods=["phone", "click"])
    for number in range(4):
        for _ in range(3):
            await portal.browser().get(portal.address(f"02:aa:22:33:77:{number:02x}"))
    await portal.browser().post(portal.address("02:aa:22:33:77:00"), data={"method": "click"})
    await by_code(portal.browser(), rows, portal.address("02:aa:22:33:77:01"), method="phone", phone=PHONE)
    headers = {"authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    path = f"/v1/districts/{district.slug}/gateways/{portal.slug}/sign-ins"
    found = (await client.get(path, headers=headers)).json()
    assert {name: found[name] for name in ("shown", "connected", "new_members", "codes", "cost")} == {
        "shown": 4,
        "connected": 2,
        "new_members": 2,
        "codes": 1,
        "cost": 5,
    }
    assert found["connect_rate"]["value"] == 0.5
    assert found["cost_per_new_member"] == 2.5
    assert [one["variant"] for one in found["variants"]] == ["plain"]
    empty = await client.get(path, params={"from": "2026-01-01", "to": "2026-01-02"}, headers=headers)
    assert empty.json()["connect_rate"] == {"value": None, "low": 0.0, "high": 1.0}
    wrong = await client.get(path, params={"from": "2026-01-02", "to": "2026-01-02"}, headers=headers)
    assert wrong.status_code == 422
    merchant = {"authorization": f"Bearer {committed.token(district, Role.MERCHANT)}"}
    assert (await client.get(path, headers=merchant)).status_code == 403


async def test_where_codes_go_and_what_they_cost_is_the_operator_s_to_say(
    client: httpx.AsyncClient, app: FastAPI, district: District, committed: Makers
) -> None:
    await refresh(app)
    path = f"/v1/districts/{district.slug}/code-policy"
    headers = {"authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    usual = (await client.get(path, headers=headers)).json()
    assert (usual["countries"], usual["sms_cost"], usual["daily_budget"]) == ([], 5, 50_000)
    body = {"countries": ["CN", "SE", "CN"], "sms_cost": 8, "daily_budget": 4_000}
    said = (await client.put(path, json=body, headers=headers)).json()
    assert (said["countries"], said["currency"]) == (["CN", "SE"], "EUR")
    assert (await client.get(path, headers=headers)).json() == said
    for wrong in ({"countries": ["XX"]}, {"sms_cost": -1}, {"daily_budget": None}):
        assert (await client.put(path, json=body | wrong, headers=headers)).status_code == 422


async def test_a_sheet_of_access_codes_prints_each_with_its_qr_code_for_operators_only(
    client: httpx.AsyncClient, app: FastAPI, district: District, committed: Makers, clock: FixedClock
) -> None:
    await refresh(app)
    info = committed.info(district)
    new = NewBatch.model_validate({"name": "Fair <b>", "count": 30, "uses": 2})
    batch = vouchers.create(committed.session, info, new, clock=clock)
    committed.session.commit()
    path = f"/operator/access-codes/{batch.id}/sheet"
    assert (await client.get(path)).status_code == 303
    client.cookies.set("district_session", committed.token(district, Role.OPERATOR))
    page = await client.get(path, params={"lang": "zh"})
    assert page.status_code == 200
    assert page.text.count("<svg") == 30
    assert "上网码" in page.text
    assert "<b>" not in page.text.partition("<title>")[2].partition("</title>")[0]
    code = vouchers.vouchers_of(committed.session, info.id, batch.id)[0].code
    ticket = await client.get(f"/v/{district.slug}/{code.lower()}")
    assert f"{code[:3]}-{code[3:6]}-{code[6:]}" in ticket.text
    assert (await client.get(f"/v/{district.slug}/not-a-code")).status_code == 404


async def test_the_page_with_every_way_stays_small_and_without_script(
    opened: Open, rows: Rows, engine: Engine
) -> None:
    portal = await opened(
        methods=["phone", "email", "voucher", "click"], sign_in={"least_age": 14, "compares_variants": True}
    )
    page = await portal.browser().get(portal.address().replace("lang=en", "lang=zh"))
    assert len(page.content) <= 14 * 1024
    assert "<script" not in page.text
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(SignInVisit)) is not None


async def test_a_member_reads_of_a_new_device_in_his_inbox(
    opened: Open, rows: Rows, district: District
) -> None:
    portal = await opened(methods=["phone"])
    form = {"method": "phone", "phone": PHONE}
    await by_code(portal.browser(), rows, portal.address(), **form)
    browser = portal.browser()
    await by_code(browser, rows, portal.address("02:aa:22:33:44:58"), **form)
    listed = (await browser.get("/v1/me/inbox")).json()["items"]
    page = await browser.get(f"/d/{district.slug}/inbox", params={"lang": "zh"})
    assert [item["title"] for item in listed] == ["A new device signed in as you"]
    assert "新设备登录了您的账号" in page.text

"""The ways through the sign-in page: access codes, age, real names, wordings, and the way to a real browser."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from district.auth.code_limits import PER_TARGET_HOUR
from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.deliveries.models import InboxItem
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.models import Plan, WifiSession
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.members.models import Consent, DeviceAlias, Member
from district.outbox.models import OutboxMessage
from district.portal.models import SignInVisit
from district.portal.visits import wilson
from district.settings import Settings
from district.vouchers import service as vouchers
from district.vouchers.models import Voucher
from district.vouchers.schemas import NewBatch
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:55"
PHONE = "+358401234567"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@dataclass
class Portal:
    """A gateway's sign-in page, met by browsers that know nothing of each other."""

    app: FastAPI
    slug: str
    clock: FixedClock
    browsers: list[httpx.AsyncClient]

    def address(self, mac: str = MAC) -> str:
        query = redirect_query(
            SECRET,
            mac=mac,
            ap="00:18:0a:13:dd:b0",
            url=f"http://example.com/{uuid.uuid4()}",
            machine_now=self.clock.machine_now(),
        )
        return f"/portal/{self.slug}?{query}&lang=en"

    def browser(self) -> httpx.AsyncClient:
        made = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://testserver")
        self.browsers.append(made)
        return made


Open = Callable[..., Awaitable[Portal]]


@pytest.fixture
async def opened(
    app: FastAPI, committed: Makers, district: District, clock: FixedClock
) -> AsyncIterator[Open]:
    browsers: list[httpx.AsyncClient] = []

    async def of(**values: Any) -> Portal:
        slug = f"gw-{uuid.uuid4().hex[:12]}"
        new = NewGateway.model_validate({"slug": slug, "vendor": "click", "secret": SECRET} | values)
        gateways.create(committed.session, committed.info(district), new, clock=clock)
        committed.session.commit()
        await refresh(app)
        return Portal(app=app, slug=slug, clock=clock, browsers=browsers)

    yield of
    for browser in browsers:
        await browser.aclose()


@pytest.fixture
def rows(engine: Engine, district: District) -> Callable[[type[Any]], list[Any]]:
    def of(table: type[Any]) -> list[Any]:
        with Session(engine) as session:
            return list(session.scalars(select(table).where(table.district_id == district.id)))

    return of


Rows = Callable[[type[Any]], list[Any]]


def code_for(committed: Makers, district: District, clock: FixedClock, **values: Any) -> str:
    new = NewBatch.model_validate({"name": "Lobby", "count": 1} | values)
    info = committed.info(district)
    batch = vouchers.create(committed.session, info, new, clock=clock)
    committed.session.commit()
    return vouchers.vouchers_of(committed.session, info.id, batch.id)[0].code


async def by_code(browser: httpx.AsyncClient, rows: Rows, address: str, **form: str) -> httpx.Response:
    """The whole way with a code."""
    asked = await browser.post(address, data=form)
    assert asked.status_code == 200, asked.text
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert ticket is not None
    newest = max(rows(OutboxMessage), key=lambda row: row.id)
    sent = {"ticket": ticket[1], "code": newest.payload["code"]}
    return await browser.post(address, data=form | sent)


async def test_an_access_code_lets_in_with_its_own_plan_and_once(
    opened: Open, committed: Makers, district: District, clock: FixedClock, rows: Rows
) -> None:
    plan = Plan(district_id=district.id, id=new_id(), slug="guest", session_s=1800, created_at=clock.now())
    committed.session.add(plan)
    committed.done()
    code = code_for(committed, district, clock, plan="guest")
    portal = await opened(methods=["voucher"])
    typed = {
        "method": "voucher",
        "voucher": f" {code[:3]}-{code[3:6].lower()} {code[6:]}",
        "marketing": "yes",
    }
    first = await portal.browser().post(portal.address(), data=typed)
    other = await portal.browser().post(portal.address("02:aa:22:33:44:56"), data=typed)
    assert (first.status_code, other.status_code) == (303, 422)
    assert "used already" in other.text
    (session,) = rows(WifiSession)
    assert (session.plan_id, session.method) == (plan.id, "voucher")
    assert [row.used for row in rows(Voucher)] == [1]
    assert len(rows(Member)) == 1


async def test_who_came_with_an_access_code_comes_back_with_it(
    opened: Open, committed: Makers, district: District, clock: FixedClock, rows: Rows
) -> None:
    code = code_for(committed, district, clock)
    portal = await opened(methods=["voucher"])
    for _ in range(2):
        answer = await portal.browser().post(portal.address(), data={"method": "voucher", "voucher": code})
        assert answer.status_code == 303
    assert [row.used for row in rows(Voucher)] == [1]


async def test_guessing_access_codes_ends_after_ten_tries_of_a_device(
    opened: Open, committed: Makers, district: District, clock: FixedClock
) -> None:
    right = code_for(committed, district, clock)
    portal = await opened(methods=["voucher"])
    said = []
    for number in range(vouchers.TRIES_OF_DEVICE):
        form = {"method": "voucher", "voucher": f"AAAAAAA{number % 8 + 2}{number // 8 + 2}"}
        said.append((await portal.browser().post(portal.address(), data=form)).status_code)
    refused = await portal.browser().post(portal.address(), data={"method": "voucher", "voucher": right})
    assert said == [422] * vouchers.TRIES_OF_DEVICE
    assert refused.status_code == 429
    elsewhere = await portal.browser().post(
        portal.address("02:aa:22:33:44:57"), data={"method": "voucher", "voucher": right}
    )
    assert elsewhere.status_code == 303


@pytest.mark.parametrize("age", ["yes", "no"])
async def test_who_is_under_age_gets_the_wi_fi_and_no_profile(opened: Open, rows: Rows, age: str) -> None:
    portal = await opened(methods=["click"], sign_in={"least_age": 14})
    browser = portal.browser()
    form = {"method": "click", "marketing": "yes", "location": "yes"}
    address = portal.address()
    assert "Are you 14 or older?" in (await browser.get(address)).text
    unsaid = await browser.post(address, data=form)
    assert (unsaid.status_code, "Say whether you are 14" in unsaid.text) == (422, True)
    assert rows(Member) == []
    done = await browser.post(address, data=form | {"age": age})
    assert done.status_code == 303
    (member,) = rows(Member)
    is_old = age == "yes"
    said = {row.purpose: row.granted for row in rows(Consent)}
    assert (member.is_of_age, member.is_personalised) == (is_old, is_old)
    assert said.get("marketing", False) is is_old
    assert said.get("location", False) is is_old
    assert said["access"] is True
    later = {"consents": [{"purpose": "marketing", "channel": "inbox", "granted": True}]}
    origin = {"origin": "http://testserver"}
    changed = await browser.put("/v1/me/consents", json=later, headers=origin)
    assert changed.status_code == (200 if is_old else 422)
    assert "Are you 14" not in (await browser.get(portal.address())).text


async def test_age_is_asked_beside_the_code_too(opened: Open, rows: Rows) -> None:
    portal = await opened(methods=["phone"], sign_in={"least_age": 14})
    browser, address = portal.browser(), portal.address()
    unsaid = await by_code(browser, rows, address, method="phone", phone=PHONE)
    assert unsaid.status_code == 422
    done = await by_code(browser, rows, address, method="phone", phone=PHONE, age="no", marketing="yes")
    assert done.status_code == 303
    (member,) = rows(Member)
    assert (member.phone, member.is_of_age) == (PHONE, False)
    assert {row.purpose for row in rows(Consent) if row.granted} == {"access"}


async def test_where_the_law_asks_for_names_nobody_passes_by_a_click(
    opened: Open, committed: Makers, district: District, clock: FixedClock, rows: Rows
) -> None:
    portal = await opened(methods=["phone"], is_real_name=True)
    code = code_for(committed, district, clock)
    page = await portal.browser().get(portal.address())
    assert "The law asks who goes on line here" in page.text
    for form in ({"method": "click"}, {"method": "voucher", "voucher": code}):
        assert (await portal.browser().post(portal.address(), data=form)).status_code == 422
    assert rows(WifiSession) == []
    browser = portal.browser()
    assert (await by_code(browser, rows, portal.address(), method="phone", phone=PHONE)).status_code == 303
    again = await browser.post(
        portal.address(), data={"method": "click"}, headers={"sec-fetch-site": "same-origin"}
    )
    copied = await portal.browser().post(portal.address(), data={"method": "click"})
    assert (again.status_code, copied.status_code) == (303, 422)


@pytest.mark.parametrize("method", ["click", "voucher"])
async def test_a_gateway_of_real_names_cannot_offer_what_names_nobody(
    client: httpx.AsyncClient, app: FastAPI, district: District, committed: Makers, method: str
) -> None:
    await refresh(app)
    headers = {"authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    body = {"slug": "x", "vendor": "click", "methods": [method], "is_real_name": True}
    answer = await client.post(f"/v1/districts/{district.slug}/gateways", json=body, headers=headers)
    assert answer.status_code == 422


SPELLINGS = (
    "+358401234567",
    "+358 40 123 4567",
    "00358401234567",
    "040 1234567",
    "０４０ 123 4567",
    "٠٤٠١٢٣٤٥٦٧",
    "+358-40-1234567",
    "(040) 123-4567",
    "+358\u200b401234567",
    "+358401234567;ext=5",
)


async def test_ten_spellings_of_a_number_are_one_member_and_one_counter(opened: Open, rows: Rows) -> None:
    portal = await opened(methods=["phone"])
    statuses = []
    for number, spelling in enumerate(SPELLINGS):
        mac = f"02:aa:22:33:55:{number:02x}"
        form = {"method": "phone", "phone": spelling}
        if number < 2:
            done = await by_code(portal.browser(), rows, portal.address(mac), **form)
            assert done.status_code == 303
        else:
            statuses.append((await portal.browser().post(portal.address(mac), data=form)).status_code)
    assert statuses == [200] * (PER_TARGET_HOUR - 2) + [429] * 5
    assert [member.phone for member in rows(Member)] == [PHONE]


async def test_a_member_is_told_of_a_new_device_and_not_of_his_own(opened: Open, rows: Rows) -> None:
    portal = await opened(methods=["phone"])
    form = {"method": "phone", "phone": PHONE}
    await by_code(portal.browser(), rows, portal.address(), **form)
    await by_code(portal.browser(), rows, portal.address(), **form)
    assert rows(InboxItem) == []
    await by_code(portal.browser(), rows, portal.address("02:aa:22:33:44:58"), **form)
    (notice,) = rows(InboxItem)
    assert notice.kind == "new_device"
    assert set(notice.title) == set(notice.body) == {"en", "zh"}


async def test_after_ninety_idle_days_a_session_alone_shows_nothing_of_the_past(
    opened: Open, rows: Rows, engine: Engine, clock: FixedClock
) -> None:
    portal = await opened(methods=["click", "phone"])
    browser = portal.browser()
    await by_code(browser, rows, portal.address(), method="phone", phone=PHONE)
    kept = dict(browser.cookies)
    portal.app.state.clock = FixedClock(clock.now() + timedelta(days=91), clock.machine_now())
    mine = {"sec-fetch-site": "same-origin"}
    idle = await browser.post(portal.address("02:aa:22:33:44:59"), data={"method": "click"}, headers=mine)
    assert idle.status_code == 303
    assert "set-cookie" not in idle.headers
    assert dict(browser.cookies) == kept
    proven = await by_code(
        portal.browser(), rows, portal.address("02:aa:22:33:44:5a"), method="phone", phone=PHONE
    )
    assert "district_session=" in proven.headers["set-cookie"]
    (member,) = rows(Member)
    assert member.verified_at == clock.now() + timedelta(days=91)
    assert len(rows(DeviceAlias)) == 3


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
    assert 15 <= seen.count("offers") <= 45


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilson_s(successes: int, trials: int, low: float, high: float) -> None:
    rate = wilson(successes, trials)
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

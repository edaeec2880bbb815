"""The ways through the sign-in page: access codes, age, real names and numbers."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from district.auth.code_limits import PER_TARGET_HOUR
from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.deliveries.models import InboxItem
from district.districts.models import District
from district.gateways.models import Plan, WifiSession
from district.members.models import Consent, DeviceAlias, Member
from district.settings import Settings
from district.vouchers import service as vouchers
from district.vouchers.models import Voucher
from tests.conftest import refresh
from tests.district.portal.ways import PHONE, Open, Rows, by_code, code_for
from tests.factories import Makers


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


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

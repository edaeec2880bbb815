"""Lock-outs of tills and coupons: operators see them, lift them, and are named for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from district.auth.models import Account, Role
from district.clock import FixedClock
from tests.conftest import refresh
from tests.district.redemptions.conftest import Counter, Page, new_code, problem
from tests.district.redemptions.test_typed_codes import number_of, unlock
from tests.district.web_operator.conftest import browser_of

PAGE = "/operator/locks"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """An operator: his account, and what he asks with."""

    account: Account
    counter: Counter
    browser: httpx.AsyncClient
    token: str

    async def ask(self, method: str, path: str = "", *, token: str | None = None) -> httpx.Response:
        return await self.counter.client.request(
            method,
            f"/v1/districts/{self.counter.district.slug}/locks{path}",
            headers={"Authorization": f"Bearer {token or self.token}"},
        )

    async def locks(self) -> dict[str, Any]:
        answer = await self.ask("GET")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def desk(app: FastAPI, counter: Counter) -> AsyncIterator[Desk]:
    account = counter.makers.account(counter.district, Role.OPERATOR)
    token = counter.makers.token(counter.district, Role.OPERATOR, subject_id=account.id)
    async for browser in browser_of(app, token):
        yield Desk(account=account, counter=counter, browser=browser, token=token)


async def guess(counter: Counter, times: int, *, key: str | None = None) -> None:
    """Unknown codes at a till."""
    for number in range(times):
        answer = await counter.use(new_code(), f"g{number}", key=key)
        assert answer.status_code == 404, answer.text


async def wear_out(page: Page, clock: FixedClock) -> None:
    """Refused codes of one coupon."""
    old = await page.code()
    clock.advance(timedelta(seconds=40))
    for number in range(5):
        assert problem(await page.counter.use(old, f"w{number}")) == (410, "code-stale")


async def test_a_till_that_guesses_shows_once_it_is_locked(desk: Desk, clock: FixedClock) -> None:
    await guess(desk.counter, 19)
    assert (await desk.locks())["items"] == []
    await guess(desk.counter, 1)
    (one,) = (await desk.locks())["items"]
    till = desk.counter.till
    assert (one["id"], one["kind"], one["subject_id"]) == (f"till-{till.id}", "till", str(till.id))
    assert (one["tries"], one["most"], one["name"]["en"]) == (20, 20, till.name)
    assert one["place"]["en"] == (desk.counter.store.name or desk.counter.store.ref)
    since, until = (datetime.fromisoformat(one[name]) for name in ("since", "until"))
    assert since <= clock.machine_now() < until
    clock.advance(timedelta(minutes=10))
    assert (await desk.locks())["items"] == []


async def test_a_lifted_till_takes_coupons_again_and_the_list_says_who_lifted_it(
    desk: Desk, counter: Counter
) -> None:
    await guess(counter, 20)
    offer = counter.offer()
    assert (await counter.use(offer.code, "r")).status_code == 429
    with structlog.testing.capture_logs() as logged:
        assert (await desk.ask("DELETE", f"/till-{counter.till.id}")).status_code == 204
    assert (await counter.use(offer.code, "r")).status_code == 200
    found = await desk.locks()
    assert found["items"] == []
    (one,) = found["lifted"]
    assert (one["id"], one["tries"], one["account_id"]) == (
        f"till-{counter.till.id}",
        20,
        str(desk.account.id),
    )
    assert one["lifted_by"] == (desk.account.display_name or desk.account.username)
    (line,) = [one for one in logged if one["event"] == "lock.lifted"]
    assert (line["account_id"], line["tries"]) == (str(desk.account.id), 20)


async def test_a_lifted_till_is_locked_by_as_many_tries_as_any(desk: Desk, counter: Counter) -> None:
    await guess(counter, 20)
    await desk.ask("DELETE", f"/till-{counter.till.id}")
    await guess(counter, 20)
    assert (await counter.use(counter.offer().code, "r")).status_code == 429


async def test_a_coupon_that_was_refused_too_often_is_lifted(
    desk: Desk, page: Page, clock: FixedClock
) -> None:
    await wear_out(page, clock)
    assert problem(await page.counter.use(await page.code(), "l")) == (429, "coupon-locked")
    (one,) = (await desk.locks())["items"]
    assert (one["id"], one["campaign_id"]) == (f"coupon-{page.offer.id}", str(page.offer.campaign_id))
    assert (await desk.ask("DELETE", f"/{one['id']}")).status_code == 204
    assert (await page.counter.use(await page.code(), "l")).status_code == 200


async def test_a_coupon_for_which_wrong_numbers_were_typed_is_lifted(desk: Desk, page: Page) -> None:
    right = (await number_of(page.counter))["number"]
    for place in range(1, 7):
        await unlock(page, f"{(int(right) + place) % 10**6:06}")
    assert problem(await unlock(page, right)) == (429, "coupon-locked")
    (one,) = (await desk.locks())["items"]
    assert (one["id"], one["kind"]) == (f"numbers-{page.offer.id}", "numbers")
    assert (await desk.ask("DELETE", f"/{one['id']}")).status_code == 204
    assert (await unlock(page, right)).status_code == 200


async def test_keys_of_a_store_and_of_all_stores_are_named(desk: Desk, counter: Counter) -> None:
    of_store = await counter.other_key(scope_id=counter.store.id, merchant_id=counter.merchant.id)
    of_all = await counter.other_key(merchant_id=counter.merchant.id)
    for key in (of_store, of_all):
        await guess(counter, 20, key=key)
    found = {one["kind"]: one for one in (await desk.locks())["items"]}
    assert found["till"]["subject_id"] == str(counter.store.id)
    assert found["key"]["place"]["en"] == counter.merchant.name
    for one in found.values():
        assert (await desk.ask("DELETE", f"/{one['id']}")).status_code == 204
    assert (await desk.locks())["items"] == []


async def test_what_is_not_locked_is_not_lifted(desk: Desk, counter: Counter) -> None:
    await guess(counter, 19)
    assert (await desk.ask("DELETE", f"/till-{counter.till.id}")).status_code == 404
    assert (await desk.locks())["lifted"] == []
    await guess(counter, 1)
    assert len((await desk.locks())["items"]) == 1


@pytest.mark.parametrize(
    "lock_id",
    ["till", "till-1", "lifted-00000000-0000-0000-0000-000000000000", "till-%25", "key-" + "0" * 36],
)
async def test_an_id_that_names_no_lock_is_refused(desk: Desk, lock_id: str) -> None:
    assert (await desk.ask("DELETE", f"/{lock_id}")).status_code == 422


async def test_another_districts_locks_are_neither_seen_nor_lifted(
    desk: Desk, counter: Counter, app: FastAPI
) -> None:
    await guess(counter, 20)
    elsewhere = counter.makers.district()
    await refresh(app)
    token = counter.makers.token(elsewhere, Role.OPERATOR)
    path = f"/v1/districts/{elsewhere.slug}/locks"
    headers = {"Authorization": f"Bearer {token}"}
    assert (await counter.client.get(path, headers=headers)).json()["items"] == []
    lifted = await counter.client.delete(f"{path}/till-{counter.till.id}", headers=headers)
    assert lifted.status_code == 404
    assert (await desk.ask("DELETE", f"/till-{counter.till.id}", token=token)).status_code in {403, 404}
    assert len((await desk.locks())["items"]) == 1


@pytest.mark.parametrize("role", [Role.MERCHANT, Role.OBSERVER])
async def test_only_operators_lift_locks(desk: Desk, counter: Counter, role: Role) -> None:
    scope_id = counter.merchant.id if role is Role.MERCHANT else None
    token = counter.makers.token(counter.district, role, scope_id=scope_id)
    for method, path in (("GET", ""), ("DELETE", f"/till-{counter.till.id}")):
        assert (await desk.ask(method, path, token=token)).status_code == 403


async def test_the_page_lifts_a_lock_and_takes_that_back(desk: Desk, counter: Counter) -> None:
    await guess(counter, 20)
    action = f"{PAGE}/till-{counter.till.id}/lift"
    assert f'action="{action}"' in (await desk.browser.get(PAGE)).text
    lifted = await desk.browser.post(action)
    shown = (await desk.browser.get(lifted.headers["location"])).text
    assert (desk.account.display_name or desk.account.username) in shown
    assert "Nothing is locked" in shown
    back = f"{PAGE}/till-{counter.till.id}/again"
    assert f'action="{back}"' in shown
    again = await desk.browser.post(back)
    assert "Locked again" in (await desk.browser.get(again.headers["location"])).text
    assert (await counter.use(counter.offer().code, "r")).status_code == 429
    found = await desk.locks()
    assert ([one["tries"] for one in found["items"]], found["lifted"]) == ([20], [])


async def test_after_its_time_a_lifting_is_not_taken_back(
    desk: Desk, counter: Counter, clock: FixedClock
) -> None:
    await guess(counter, 20)
    lifted = await desk.browser.post(f"{PAGE}/till-{counter.till.id}/lift")
    clock.advance(timedelta(minutes=10))
    shown = (await desk.browser.get(lifted.headers["location"])).text
    assert "Undo" not in shown
    assert "Lifted within a day" in shown
    again = await desk.browser.post(f"{PAGE}/till-{counter.till.id}/again")
    assert again.headers["location"] == f"{PAGE}?said=open"
    assert (await counter.use(counter.offer().code, "r")).status_code == 200
    clock.advance(timedelta(days=1))
    fresh = counter.makers.token(counter.district, Role.OPERATOR)
    assert (await desk.ask("GET", token=fresh)).json()["lifted"] == []


async def test_a_lock_that_opened_by_itself_is_said_to(desk: Desk, counter: Counter) -> None:
    answer = await desk.browser.post(f"{PAGE}/till-{counter.till.id}/lift")
    assert answer.headers["location"] == f"{PAGE}?said=open"
    assert "opened by itself" in (await desk.browser.get(answer.headers["location"])).text


async def test_the_file_has_what_is_locked_and_who_lifted_what(
    desk: Desk, page: Page, clock: FixedClock
) -> None:
    await wear_out(page, clock)
    await guess(page.counter, 20)
    await desk.ask("DELETE", f"/till-{page.counter.till.id}")
    lines = (await desk.browser.get(f"{PAGE}.csv")).text.splitlines()
    assert lines[1].startswith(f"coupon-{page.offer.id},coupon,Lunch,")
    assert lines[2].startswith(f"till-{page.counter.till.id},till,")
    assert lines[2].endswith(f",{desk.account.display_name or desk.account.username}")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_speaks_both_languages(desk: Desk, language: str) -> None:
    await guess(desk.counter, 20)
    words = {"en": "unknown codes", "zh": "未知券码"}
    assert words[language] in (await desk.browser.get(f"{PAGE}?lang={language}")).text

"""A till's request and each of its answers."""

from datetime import timedelta

import pytest

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from push.coupon import CouponCode, grouped
from tests.conftest import refresh
from tests.district.redemptions.conftest import Counter, new_code

PROBLEM = "urn:shangquan:problem:"


async def test_a_code_is_redeemed_with_its_value(counter: Counter) -> None:
    offer = counter.offer()
    answer = await counter.use(offer.code, at="2026-05-01T12:00:00+03:00")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"redemption_id", "offer_id", "value", "redeemed_at", "discount_minor"}
    assert (body["offer_id"], body["value"]) == (str(offer.id), {"type": "percent", "percent": 20})


async def test_a_code_may_be_typed_in_groups_and_lower_case(counter: Counter) -> None:
    offer = counter.offer()
    answer = await counter.use(f" {grouped(CouponCode(offer.code)).lower()} ")
    assert answer.status_code == 200


async def test_the_same_request_number_gets_the_same_answer(counter: Counter) -> None:
    offer = counter.offer()
    first = await counter.use(offer.code, at="2026-05-01T12:00:00+03:00")
    again = await counter.use(offer.code, at="2026-05-01T12:00:07+03:00")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()


async def test_a_repeat_after_the_offers_end_still_gets_the_first_answer(
    counter: Counter, clock: FixedClock
) -> None:
    offer = counter.offer()
    first = await counter.use(offer.code)
    clock.advance(timedelta(hours=3))
    again = await counter.use(offer.code)
    assert (again.status_code, again.json()) == (200, first.json())


async def test_the_same_request_number_with_another_code_is_a_conflict_of_its_own(counter: Counter) -> None:
    await counter.use(counter.offer().code)
    answer = await counter.use(counter.offer().code)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "request-number-reused")


async def test_a_used_request_number_with_what_is_no_code_is_the_same_conflict(counter: Counter) -> None:
    await counter.use(counter.offer().code)
    answer = await counter.use("no code")
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "request-number-reused")


async def test_a_second_use_names_the_first(counter: Counter) -> None:
    offer = counter.offer()
    await counter.use(offer.code, "1")
    answer = await counter.use(offer.code, "2")
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "already-redeemed")
    assert answer.json()["first_till"] == f"till:{counter.till.id}"
    assert answer.json()["first_redeemed_at"] == "2026-05-01T09:00:00+00:00"


@pytest.mark.parametrize("code", ["hello", "7" * 26, "x" * 128])
async def test_an_unknown_code_is_not_found(counter: Counter, code: str) -> None:
    answer = await counter.use(code)
    assert (answer.status_code, answer.json()["type"]) == (404, PROBLEM + "unknown-code")


async def test_another_districts_code_is_unknown(counter: Counter) -> None:
    elsewhere = counter.makers.district()
    campaign = counter.makers.campaign(elsewhere, counter.makers.merchant(elsewhere), [])
    offer = counter.makers.offer(campaign, counter.makers.member(elsewhere), code=new_code())
    assert (await counter.use(offer.code)).status_code == 404


async def test_a_message_has_no_code_to_redeem(counter: Counter) -> None:
    assert (await counter.use(counter.offer(kind="message").code)).status_code == 404


async def test_an_expired_offer_is_gone_at_its_last_instant(counter: Counter, clock: FixedClock) -> None:
    offer = counter.offer()
    clock.advance(timedelta(hours=2))
    answer = await counter.use(offer.code)
    assert (answer.status_code, answer.json()["type"]) == (410, PROBLEM + "offer-expired")


async def test_a_void_offer_is_gone(counter: Counter) -> None:
    assert (await counter.use(counter.offer(state="void").code)).status_code == 410


async def test_an_offer_of_tomorrow_is_not_valid_yet(counter: Counter, clock: FixedClock) -> None:
    offer = counter.offer(valid_from=clock.now() + timedelta(seconds=1))
    answer = await counter.use(offer.code)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "not-yet-valid")


async def test_another_stores_offer_is_refused(counter: Counter) -> None:
    other = counter.makers.store(counter.district, merchant_id=counter.merchant.id)
    campaign = counter.makers.campaign(counter.district, counter.merchant, [other])
    offer = counter.makers.offer(campaign, counter.makers.member(counter.district), code=new_code())
    answer = await counter.use(offer.code)
    assert (answer.status_code, answer.json()["type"]) == (403, PROBLEM + "other-store")


async def test_a_till_cannot_speak_for_another_store(counter: Counter) -> None:
    other = counter.makers.store(counter.district, merchant_id=counter.merchant.id)
    answer = await counter.use(counter.offer().code, store_id=str(other.id))
    assert answer.status_code == 403


async def test_a_key_of_a_store_and_one_of_a_merchant_redeem_too(counter: Counter) -> None:
    of_store = await counter.other_key(scope_id=counter.store.id, merchant_id=counter.merchant.id)
    of_merchant = await counter.other_key(merchant_id=counter.merchant.id)
    assert (await counter.use(counter.offer().code, key=of_store)).status_code == 200
    assert (await counter.use(counter.offer().code, key=of_merchant)).status_code == 200


async def test_a_key_of_another_merchant_is_refused(counter: Counter) -> None:
    other = await counter.other_key(merchant_id=counter.makers.merchant(counter.district).id)
    assert (await counter.use(counter.offer().code, key=other)).status_code == 403


async def test_nobody_redeems_without_a_key(counter: Counter) -> None:
    answer = await counter.client.post(
        f"/v1/districts/{counter.district.slug}/redemptions", json={"code": "x", "use_request_no": "1"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("role", [Role.SHOPPER, Role.MERCHANT, Role.OPERATOR])
async def test_only_a_till_redeems(counter: Counter, role: Role) -> None:
    token = counter.makers.token(counter.district, role, scope_id=counter.merchant.id)
    assert (await counter.use(counter.offer().code, key=token)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": "", "use_request_no": "1"},
        {"code": "x", "use_request_no": "n" * 65},
        {"code": "x", "use_request_no": "1", "value": 1},
    ],
)
async def test_an_invalid_body_is_named(counter: Counter, body: dict[str, str]) -> None:
    answer = await counter.post("", body)
    assert (answer.status_code, answer.json()["type"]) == (422, PROBLEM + "invalid")


async def test_a_till_that_guesses_is_locked_out_for_a_while(counter: Counter, clock: FixedClock) -> None:
    answers = [(await counter.use(new_code(), str(number))).status_code for number in range(20)]
    real = counter.offer()
    locked = await counter.use(real.code, "r")
    assert set(answers) == {404}
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, "600")
    clock.advance(timedelta(minutes=10))
    fresh = counter.offer()
    assert (await counter.use(fresh.code, "r")).status_code == 200


async def test_a_reversed_offer_can_be_used_again(counter: Counter) -> None:
    offer = counter.offer()
    first = (await counter.use(offer.code, "1")).json()
    back = await counter.post(f"/{first['redemption_id']}/reversal", {"return_request_no": "r1"})
    again = await counter.post(f"/{first['redemption_id']}/reversal", {"return_request_no": "r1"})
    second = await counter.use(offer.code, "2")
    assert (back.status_code, back.json()) == (200, again.json())
    assert second.status_code == 200
    assert second.json()["redemption_id"] != first["redemption_id"]


async def test_a_redemption_is_reversed_once(counter: Counter) -> None:
    first = (await counter.use(counter.offer().code)).json()
    await counter.post(f"/{first['redemption_id']}/reversal", {"return_request_no": "r1"})
    answer = await counter.post(f"/{first['redemption_id']}/reversal", {"return_request_no": "r2"})
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "already-reversed")


async def test_a_reversal_number_stands_for_one_redemption(counter: Counter) -> None:
    uses = [(await counter.use(counter.offer().code, number)).json() for number in ("1", "2")]
    await counter.post(f"/{uses[0]['redemption_id']}/reversal", {"return_request_no": "r1"})
    answer = await counter.post(f"/{uses[1]['redemption_id']}/reversal", {"return_request_no": "r1"})
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "request-number-reused")


async def test_another_stores_redemption_is_not_found(counter: Counter) -> None:
    first = (await counter.use(counter.offer().code)).json()
    other = counter.makers.store(counter.district, merchant_id=counter.merchant.id)
    key = await counter.other_key(scope_id=other.id, merchant_id=counter.merchant.id)
    body = {"return_request_no": "r1"}
    assert (await counter.post(f"/{first['redemption_id']}/reversal", body, key=key)).status_code == 404
    assert (await counter.post(f"/{new_id()}/reversal", body)).status_code == 404


async def test_a_redemption_cannot_be_reversed_after_thirty_days(counter: Counter, clock: FixedClock) -> None:
    first = (await counter.use(counter.offer().code)).json()
    clock.advance(timedelta(days=30, seconds=1))
    await refresh(counter.app)
    answer = await counter.post(f"/{first['redemption_id']}/reversal", {"return_request_no": "r1"})
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "refund-window-over")


async def test_a_reversal_that_is_repeated_after_thirty_days_gets_the_first_answer(
    counter: Counter, clock: FixedClock
) -> None:
    used = (await counter.use(counter.offer().code)).json()
    first = await counter.post(f"/{used['redemption_id']}/reversal", {"return_request_no": "r1"})
    clock.advance(timedelta(days=31))
    await refresh(counter.app)
    again = await counter.post(f"/{used['redemption_id']}/reversal", {"return_request_no": "r1"})
    assert (again.status_code, again.json()) == (200, first.json())

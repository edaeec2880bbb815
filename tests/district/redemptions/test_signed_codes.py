"""The code of a member's page at a till: of now, signed here, of what can be used; and the keys that sign it."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import text

from district.auth.models import Role
from district.clock import FixedClock
from push.crockford import pack, unpack
from push.signed_code import PREFIX, Keyring, decode, encode
from tests.conftest import refresh
from tests.district.redemptions.conftest import Counter, Page, page_of, problem


async def keys_of(counter: Counter) -> dict[str, Any]:
    answer = await counter.client.get(
        f"/v1/districts/{counter.district.slug}/redemptions/keys",
        headers={"Authorization": f"Bearer {counter.key}"},
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def keyring_of(counter: Counter, body: dict[str, Any]) -> Keyring:
    return Keyring(
        district_id=counter.district.id,
        keys={
            one["key_id"]: Ed25519PublicKey.from_public_bytes(
                base64.urlsafe_b64decode(one["public_key"] + "=")
            )
            for one in body["keys"]
        },
    )


async def test_the_pages_code_is_redeemed(page: Page) -> None:
    answer = await page.counter.use(await page.code())
    assert answer.status_code == 200
    assert answer.json()["offer_id"] == str(page.offer.id)


async def test_the_page_says_until_when_its_code_is_the_one(page: Page, clock: FixedClock) -> None:
    first = await page.look()
    clock.advance(datetime.fromisoformat(first["qr_expires_at"]) - clock.machine_now())
    second = await page.look()
    assert first["qr"] != second["qr"]
    gap = datetime.fromisoformat(second["qr_expires_at"]) - datetime.fromisoformat(first["qr_expires_at"])
    assert gap == timedelta(seconds=30)


async def test_an_old_code_is_refused_by_its_own_name_and_the_new_one_taken(
    page: Page, clock: FixedClock
) -> None:
    old = await page.code()
    clock.advance(timedelta(seconds=36))
    refused = await page.counter.use(old, "1")
    taken = await page.counter.use(await page.code(), "2")
    assert problem(refused) == (410, "code-stale")
    assert taken.status_code == 200


async def test_a_code_is_good_for_the_grace_of_five_seconds(page: Page, clock: FixedClock) -> None:
    body = await page.look()
    clock.advance(datetime.fromisoformat(body["qr_expires_at"]) + timedelta(seconds=4) - clock.machine_now())
    assert (await page.counter.use(body["qr"])).status_code == 200


async def test_a_repeat_with_the_old_code_gets_the_stored_answer(page: Page, clock: FixedClock) -> None:
    code = await page.code()
    first = await page.counter.use(code)
    clock.advance(timedelta(minutes=10))
    again = await page.counter.use(code)
    assert (again.status_code, again.json()) == (200, first.json())


async def test_the_next_code_of_the_coupon_under_the_same_number_is_the_same_use(
    page: Page, clock: FixedClock
) -> None:
    before = await page.code()
    clock.advance(timedelta(seconds=31))
    after = await page.code()
    first, again = await page.counter.use(after), await page.counter.use(before)
    assert (first.status_code, again.json()) == (200, first.json())


async def test_a_used_coupons_code_names_the_first_use(page: Page) -> None:
    code = await page.code()
    await page.counter.use(code, "1")
    assert problem(await page.counter.use(code, "2")) == (409, "already-redeemed")


async def test_a_withdrawn_coupons_code_is_refused_as_its_lasting_one(page: Page) -> None:
    code = await page.code()
    session = page.counter.makers.session
    session.execute(text("UPDATE offer SET state = 'void' WHERE id = :id"), {"id": page.offer.id})
    page.counter.makers.done()
    assert problem(await page.counter.use(code, "1")) == (410, "offer-expired")
    assert problem(await page.counter.use(page.offer.code, "2")) == (410, "offer-expired")


async def test_each_changed_byte_makes_it_an_unknown_code(page: Page) -> None:
    code = await page.code()
    whole = unpack(code[len(PREFIX) :])
    for place in (0, 1, 9, 25, 33, 49, 57, 62, len(whole) - 1):
        forged = bytearray(whole)
        forged[place] ^= 1
        answer = await page.counter.use(PREFIX + pack(bytes(forged)), f"f{place}")
        assert problem(answer) == (404, "unknown-code")


async def test_forged_codes_lock_the_till_out(page: Page) -> None:
    forged = (await page.code())[:-8] + "00000000"
    seen = [problem(await page.counter.use(forged, str(number))) for number in range(22)]
    assert seen == [(404, "unknown-code")] * 20 + [(429, "too-many-requests")] * 2


async def test_a_code_signed_by_somebody_else_with_a_live_key_id_is_unknown(page: Page) -> None:
    district = page.counter.district.id
    known = decode(await page.code(), keyring_of(page.counter, await keys_of(page.counter)))
    forged = encode(known, Ed25519PrivateKey.generate().sign, district_id=district)
    assert problem(await page.counter.use(forged)) == (404, "unknown-code")


async def test_another_districts_code_is_unknown(page: Page, counter: Counter) -> None:
    makers = counter.makers
    elsewhere = makers.district()
    member = makers.member(elsewhere)
    offer = makers.offer(makers.campaign(elsewhere, makers.merchant(elsewhere), []), member)
    token = makers.token(elsewhere, Role.SHOPPER, subject_id=member.id)
    headers = {"Authorization": f"Bearer {token}"}
    await refresh(counter.app)
    foreign = (await counter.client.get(f"/v1/me/offers/{offer.id}", headers=headers)).json()["qr"]
    assert problem(await counter.use(foreign)) == (404, "unknown-code")


@pytest.mark.parametrize(
    "values",
    [{"state": "void"}, {"state": "reserved"}, {"kind": "message"}],
    ids=["withdrawn", "reserved", "message"],
)
async def test_what_cannot_be_used_shows_no_code(counter: Counter, values: dict[str, Any]) -> None:
    body = await (await page_of(counter, **values)).look()
    assert (body["qr"], body["qr_expires_at"]) == (None, None)


async def test_a_coupon_whose_time_has_not_come_shows_no_code(counter: Counter, clock: FixedClock) -> None:
    page = await page_of(counter, valid_from=clock.now() + timedelta(minutes=1))
    assert (await page.look())["qr"] is None


async def test_five_stale_tries_lock_the_coupon_by_name(page: Page, clock: FixedClock) -> None:
    old = await page.code()
    clock.advance(timedelta(seconds=40))
    seen = [problem(await page.counter.use(old, str(number))) for number in range(7)]
    assert seen == [(410, "code-stale")] * 5 + [(429, "coupon-locked")] * 2
    fresh = await page.counter.use(await page.code(), "fresh")
    assert problem(fresh) == (429, "coupon-locked")
    assert 0 < int(fresh.headers["retry-after"]) <= 600
    clock.advance(timedelta(minutes=10))
    assert (await page.counter.use(await page.code(), "later")).status_code == 200


async def test_the_keys_of_tills_check_what_the_page_shows(page: Page) -> None:
    body = await keys_of(page.counter)
    code = decode(await page.code(), keyring_of(page.counter, body))
    assert code.offer_id == page.offer.id
    assert body["district_id"] == str(page.counter.district.id)
    assert [one["algorithm"] for one in body["keys"]] == ["Ed25519"]


async def rotate(counter: Counter, *, at_once: bool = False) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {counter.makers.token(counter.district, Role.OPERATOR)}"}
    await refresh(counter.app)
    answer = await counter.client.post(
        f"/v1/districts/{counter.district.slug}/redemptions/keys", json={"at_once": at_once}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    keys: list[dict[str, Any]] = answer.json()["keys"]
    return keys


async def test_the_next_key_is_told_before_it_signs_and_the_last_is_still_believed(
    page: Page, clock: FixedClock
) -> None:
    first = decode(await page.code(), keyring_of(page.counter, await keys_of(page.counter))).key_id
    told = await rotate(page.counter)
    again = await rotate(page.counter)
    assert told == again
    assert len(told) == 2
    before = decode(await page.code(), keyring_of(page.counter, await keys_of(page.counter)))
    clock.advance(datetime.fromisoformat(told[0]["signs_from"]) - clock.machine_now() - timedelta(seconds=1))
    page = await page_of(page.counter)
    last = await page.code()
    clock.advance(timedelta(seconds=2))
    after = decode(await page.code(), keyring_of(page.counter, await keys_of(page.counter)))
    assert (before.key_id, after.key_id) == (first, told[0]["key_id"])
    assert (await page.counter.use(last)).status_code == 200
    clock.advance(timedelta(minutes=11))
    assert [one["key_id"] for one in (await keys_of(page.counter))["keys"]] == [after.key_id]


async def test_a_key_that_others_know_is_believed_no_more_at_once(page: Page) -> None:
    code = await page.code()
    keys = await rotate(page.counter, at_once=True)
    assert len(keys) == 1
    assert problem(await page.counter.use(code, "1")) == (404, "unknown-code")
    assert (await page.counter.use(await page.code(), "2")).status_code == 200


async def test_a_key_lies_sealed_in_the_database(page: Page) -> None:
    await page.code()
    session = page.counter.makers.session
    public, sealed = session.execute(
        text("SELECT public, sealed FROM code_key WHERE district_id = :id"), {"id": page.counter.district.id}
    ).one()
    assert len(public) == 32
    assert len(sealed) == 1 + 12 + 32 + 16
    as_if = Ed25519PrivateKey.from_private_bytes(bytes(sealed)[13:45])
    assert as_if.public_key().public_bytes_raw() != bytes(public)

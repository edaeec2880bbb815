"""Coupons in Apple's wallet by the public interface: downloaded, registered, told of their use, fetched anew, removed."""

import asyncio
import secrets

from sqlalchemy import update

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.database import new_id
from district.deliveries import wallet_jobs
from district.redemptions.models import Redemption
from tests.channels.apps.vendors import apple
from tests.channels.wallet.authority import PASS_TYPE
from tests.channels.wallet.conftest import Coupon, parts_of

COPIES = "SELECT count(*) FROM wallet_pass WHERE district_id = %(d)s"


async def test_a_member_takes_a_coupon_along_with_its_lasting_code(coupon: Coupon) -> None:
    made = await coupon.set_up_apple()
    assert made.status_code == 201, made.text
    assert "PRIVATE" not in made.text
    document = await coupon.take()
    assert document["serialNumber"] == str(coupon.offer.id)
    assert document["passTypeIdentifier"] == PASS_TYPE
    assert [one["message"] for one in document["barcodes"]] == [coupon.offer.code]
    assert document["webServiceURL"] == f"https://wifi.example/wallet/{coupon.ground.district.slug}"
    assert [one["relevantText"] for one in document["locations"]] == ["20 % off · Zio"]
    page = await coupon.page.get(coupon.base)
    assert f"{coupon.base}/coupon.pkpass" in page.text
    assert "google-wallet" not in page.text
    states = await coupon.ground.rows("SELECT state FROM offer WHERE district_id = %(d)s")
    assert states == [("opened",)], "the page opened it, the download alone did not"


async def test_a_code_that_rotates_stays_on_its_page(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    session = coupon.ground.makers.session
    campaign = session.get_one(Campaign, (coupon.offer.district_id, coupon.offer.campaign_id))
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign.id)
        .values(offer={**campaign.offer, "code": "rotating"})
    )
    coupon.ground.makers.done()
    document = await coupon.take()
    assert "barcodes" not in document
    assert coupon.offer.code not in str(document)
    assert f"https://wifi.example{coupon.base}" in str(document["coupon"]["backFields"])
    assert "keeps a link" in (await coupon.page.get(coupon.base)).text


async def test_nobody_else_downloads_it(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    makers = coupon.ground.makers
    answer = await coupon.phone.get(f"{coupon.base}/coupon.pkpass")
    assert answer.headers["content-type"].startswith("text/html")
    other = makers.member(coupon.ground.district)
    token = makers.token(coupon.ground.district, Role.SHOPPER, subject_id=other.id)
    makers.done()
    headers = {"Authorization": f"Bearer {token}"}
    answer = await coupon.phone.get(f"{coupon.base}/coupon.pkpass", headers=headers)
    assert answer.status_code == 404


async def test_without_a_wallet_the_page_offers_none(coupon: Coupon) -> None:
    assert "pkpass" not in (await coupon.page.get(coupon.base)).text
    assert (await coupon.page.get(f"{coupon.base}/coupon.pkpass")).status_code == 404
    assert (await coupon.page.get(f"{coupon.base}/google-wallet")).status_code == 404


async def test_a_use_at_a_till_reaches_the_wallet(coupon: Coupon) -> None:
    async with apple(no_tokens=True, topics=[PASS_TYPE]) as service:
        await coupon.set_up_apple(service.url)
        document = await coupon.take()
        assert (await coupon.register(document)).status_code == 201
        assert (await coupon.register(document)).status_code == 200
        assert await coupon.tell() == 0
        coupon.become(state="opened")
        assert await coupon.tell() == 0, "that it was looked at changes nothing in a wallet"
        coupon.become(state="redeemed", redeemed_at=coupon.ground.clock.now())
        assert await coupon.tell() == 1
        assert await coupon.tell() == 0
    (request,) = service.requests
    assert (request["device"], request["body"]) == ("ab" * 32, "{}")
    assert request["headers"]["apns-topic"] == PASS_TYPE
    listing = f"/devices/phone-1/registrations/{PASS_TYPE}"
    changed = await coupon.ask("GET", listing)
    assert changed.json()["serialNumbers"] == [str(coupon.offer.id)]
    again = await coupon.ask("GET", f"{listing}?passesUpdatedSince={changed.json()['lastUpdated']}")
    assert (again.status_code, again.content) == (204, b"")
    path = f"/passes/{PASS_TYPE}/{coupon.offer.id}"
    fresh = parts_of(await coupon.ask("GET", path, document["authenticationToken"]))
    assert fresh["voided"] is True
    assert "barcodes" not in fresh


async def test_what_was_just_used_is_told_without_looking_at_all_copies(coupon: Coupon) -> None:
    makers, now = coupon.ground.makers, coupon.ground.clock.now()
    store = makers.store(coupon.ground.district, merchant_id=coupon.ground.merchant.id)
    async with apple(no_tokens=True, topics=[PASS_TYPE]) as service:
        await coupon.set_up_apple(service.url)
        await coupon.register(await coupon.take())
        coupon.become(state="redeemed", redeemed_at=now)
        assert await coupon.tell(wallet_jobs.RECENT) == 0, "no till has said so"
        used = Redemption(
            district_id=coupon.offer.district_id,
            id=new_id(),
            offer_id=coupon.offer.id,
            store_id=store.id,
            till="till",
            use_request_no="1",
            body_hash=b"h" * 32,
            value={},
            redeemed_at=now,
        )
        makers.session.add(used)
        makers.done()
        assert await coupon.tell(wallet_jobs.RECENT) == 1
        assert len(service.requests) == 1


async def test_a_use_that_is_taken_back_reaches_the_wallet_too(coupon: Coupon) -> None:
    async with apple(no_tokens=True, topics=[PASS_TYPE]) as service:
        await coupon.set_up_apple(service.url)
        document = await coupon.take()
        await coupon.register(document)
        coupon.become(state="redeemed")
        assert await coupon.tell() == 1
        coupon.become(state="issued", redeemed_at=None)
        assert await coupon.tell() == 1
        path = f"/passes/{PASS_TYPE}/{coupon.offer.id}"
        fresh = parts_of(await coupon.ask("GET", path, document["authenticationToken"]))
    assert fresh["voided"] is False


async def test_a_telephone_that_is_gone_is_forgotten_and_a_service_that_is_away_is_tried_again(
    coupon: Coupon,
) -> None:
    gone = {"status": 410, "body": {"reason": "Unregistered", "timestamp": 1}}
    async with apple(no_tokens=True, topics=[PASS_TYPE], devices={"cd" * 32: gone}) as service:
        await coupon.set_up_apple(service.url)
        document = await coupon.take()
        await coupon.register(document, "phone-1")
        await coupon.register(document, "phone-2", pushToken="cd" * 32)
        coupon.become(state="redeemed")
        assert await coupon.tell() == 1
        assert await coupon.ground.number(COPIES) == 1
    coupon.become(state="issued")
    assert await coupon.tell() == 0
    due = "SELECT count(*) FROM wallet_pass WHERE district_id = %(d)s AND retry_at > clock_timestamp()"
    assert await coupon.ground.number(due) == 1


async def test_a_wallet_does_not_wait_for_an_hour_that_comes_again(coupon: Coupon) -> None:
    async with apple(no_tokens=True, topics=[PASS_TYPE]) as service:
        await coupon.set_up_apple(service.url)
        await coupon.register(await coupon.take(), "phone-1")
        async with (
            coupon.ground.pool.connection() as connection
        ):  # as if the database's clock had been set back
            await connection.execute("UPDATE wallet_pass SET retry_at = retry_at + interval '1 hour'")
        coupon.become(state="redeemed")
        assert await coupon.tell() == 1


async def test_a_wallet_without_the_passs_own_token_is_told_nothing(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    document = await coupon.take()
    for token in ("", "x" * 32, document["authenticationToken"][:-1]):
        stolen = document | {"authenticationToken": token}
        assert (await coupon.register(stolen)).status_code == 401
        path = f"/passes/{PASS_TYPE}/{coupon.offer.id}"
        assert (await coupon.ask("GET", path, token)).status_code == 401
        path = f"/devices/phone-1/registrations/{PASS_TYPE}/{coupon.offer.id}"
        assert (await coupon.ask("DELETE", path, token)).status_code == 401
    assert await coupon.ground.number(COPIES) == 0


async def test_what_is_no_push_token_is_refused(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    document = await coupon.take()
    for token in ("short", 3, "zz" * 32, "ab" * 300, None, ["ab" * 32]):
        assert (await coupon.register(document, pushToken=token)).status_code == 400, token
    assert (await coupon.register(document, pushToken="ab" * 30_000)).status_code == 413


async def test_a_wallet_that_removes_a_pass_is_told_no_more(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    document = await coupon.take()
    await coupon.register(document)
    path = f"/devices/phone-1/registrations/{PASS_TYPE}"
    assert (await coupon.ask("GET", path)).status_code == 200
    removed = await coupon.ask("DELETE", f"{path}/{coupon.offer.id}", document["authenticationToken"])
    assert removed.status_code == 200
    assert (await coupon.ask("GET", path)).status_code == 404
    assert await coupon.ground.number(COPIES) == 0


async def test_the_eleventh_telephone_takes_the_place_of_the_first(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    document = await coupon.take()
    for number in range(11):
        assert (await coupon.register(document, f"phone-{number}")).status_code == 201
    assert await coupon.ground.number(COPIES) == 10
    first = await coupon.ask("GET", f"/devices/phone-0/registrations/{PASS_TYPE}")
    assert first.status_code == 404


async def test_a_tag_that_is_none_of_ours_is_the_beginning(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    await coupon.register(await coupon.take())
    path = f"/wallet/{coupon.ground.district.slug}/v1/devices/phone-1/registrations/{PASS_TYPE}"
    for since in ("", "yesterday", "-1", "9" * 30, "٣"):
        answer = await coupon.phone.get(path, params={"passesUpdatedSince": since})
        assert answer.json()["serialNumbers"] == [str(coupon.offer.id)], since


async def test_another_pass_type_is_not_found_and_complaints_are_taken(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    token = (await coupon.take())["authenticationToken"]
    assert (await coupon.ask("GET", f"/passes/pass.other/{coupon.offer.id}", token)).status_code == 404
    assert (await coupon.ask("POST", "/log", body={"logs": ["bad pass"]})).status_code == 200


async def test_two_workers_at_once_both_end(coupon: Coupon) -> None:
    async with apple(no_tokens=True, topics=[PASS_TYPE]) as service:
        await coupon.set_up_apple(service.url)
        document = await coupon.take()
        for number in range(8):
            await coupon.register(document, f"phone-{number}", pushToken=secrets.token_hex(32))
        coupon.become(state="redeemed")
        assert sum(await asyncio.gather(*(coupon.tell() for _ in range(3)))) == 8
        assert len(service.requests) == 8


async def test_an_operator_sees_whether_the_certificate_signs(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    answer = await coupon.desk.ask("POST", "channel-providers/apple-wallet/test", {"to": "anything"})
    assert (answer.json()["outcome"], answer.json()["message_id"]) == ("accepted", PASS_TYPE)
    wrong = await coupon.desk.ask(
        "PATCH", "channel-providers/apple-wallet", {"secrets": {"private_key": "x" * 200}}
    )
    assert wrong.status_code == 200
    answer = await coupon.desk.ask("POST", "channel-providers/apple-wallet/test", {"to": "anything"})
    assert answer.json()["outcome"] == "message_refused"
    assert (await coupon.page.get(f"{coupon.base}/coupon.pkpass")).status_code == 503


async def test_who_leaves_takes_every_copy_along(coupon: Coupon) -> None:
    await coupon.set_up_apple()
    await coupon.register(await coupon.take())
    answer = await coupon.page.delete("/v1/me")
    assert answer.status_code < 300, answer.text
    assert await coupon.ground.number(COPIES) == 0

"""Tills without a line: their kits, what they bring in, and who bears what was given twice."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from district.auth.models import Role
from district.clock import FixedClock
from district.ledger.models import LedgerPosting, LedgerTransfer
from district.offers.models import Offer
from district.redemptions.models import Redemption
from district.redemptions.offline_models import OfflineEntry, OfflinePolicy
from tests.district.redemptions.conftest import Counter
from tests.district.redemptions.offline_tills import (
    AMOUNT,
    Device,
    bound_offer,
    gone,
    second_till,
    shown,
    tag,
)

MINUTE = timedelta(minutes=1)


def policy(counter: Counter, **values: Any) -> None:
    given: dict[str, Any] = {
        "most_value_minor": 2_000,
        "most_uses": 20,
        "most_minor": 20_000,
        "list_age_s": 4 * 3_600,
        "conflicts_borne_by": "merchant",
        "version": 1,
        "changed_at": counter.makers.clock.now(),
    }
    counter.makers.session.add(OfflinePolicy(district_id=counter.district.id, **(given | values)))
    counter.makers.done()


def redemptions(counter: Counter, offer: Offer) -> list[Redemption]:
    counter.makers.session.expire_all()
    rows = select(Redemption).where(Redemption.district_id == counter.district.id)
    return list(counter.makers.session.scalars(rows.where(Redemption.offer_id == offer.id)))


def transfers(counter: Counter, kind: str) -> list[tuple[str, str, int]]:
    rows = counter.makers.session.execute(
        select(LedgerTransfer.source, LedgerTransfer.target, LedgerTransfer.amount_minor)
        .join(
            LedgerPosting,
            (LedgerPosting.district_id == LedgerTransfer.district_id)
            & (LedgerPosting.id == LedgerTransfer.posting_id),
        )
        .where(LedgerPosting.district_id == counter.district.id, LedgerPosting.kind == kind)
    )
    return [(row[0], row[1], row[2]) for row in rows]


@pytest.fixture
async def device(counter: Counter) -> Device:
    one = Device(counter=counter, key=counter.key)
    await one.sync()
    return one


async def test_a_coupon_taken_without_a_line_is_redeemed_when_it_is_brought_in(
    counter: Counter, device: Device, clock: FixedClock
) -> None:
    offer = bound_offer(counter)
    taken_at = device.now
    device.take(await shown(counter, offer), bill_minor=3_000)
    clock.advance(50 * MINUTE)
    (row,) = await device.bring_in()
    assert (row["outcome"], row["discount_minor"], row["charged_to"]) == ("redeemed", 500, None)
    (used,) = redemptions(counter, offer)
    assert (str(used.id), used.redeemed_at, used.till_at) == (row["redemption_id"], clock.now(), taken_at)
    assert counter.makers.session.get_one(Offer, (offer.district_id, offer.id)).state == "redeemed"
    entry = counter.makers.session.get_one(
        OfflineEntry, (counter.district.id, uuid.UUID(device.kit["journal"]), 1)
    )
    assert (entry.till_at, entry.believed_at, entry.at) == (taken_at, taken_at, clock.now())


async def test_what_was_brought_in_before_is_answered_by_what_became_of_it(
    counter: Counter, device: Device
) -> None:
    offer = bound_offer(counter)
    device.take(await shown(counter, offer))
    (first,) = await device.bring_in()
    (again,) = await device.bring_in()
    assert (again["outcome"], again["was"]) == ("replayed", "redeemed")
    assert again["redemption_id"] == first["redemption_id"]
    assert len(redemptions(counter, offer)) == 1


async def test_the_second_of_two_tills_is_a_conflict_that_names_the_first(
    counter: Counter, device: Device, clock: FixedClock
) -> None:
    other = Device(counter=counter, key=await second_till(counter))
    await other.sync()
    offer = bound_offer(counter)
    code = await shown(counter, offer)
    device.take(code)
    other.take(code)
    (late,) = await other.bring_in()
    clock.advance(MINUTE)
    (row,) = await device.bring_in()
    assert late["outcome"] == "redeemed"
    assert (row["outcome"], row["reason"], row["charged_to"]) == ("conflict", "used-before", "merchant")
    (used,) = redemptions(counter, offer)
    assert (row["first_till"], row["first_at"]) == (
        used.till,
        used.redeemed_at.isoformat().replace("+00:00", "Z"),
    )
    assert transfers(counter, "offline_conflict") == [("merchant_share", "merchant_payable", 500)]


async def test_the_platform_bears_conflicts_where_the_operator_says_so(
    counter: Counter, device: Device
) -> None:
    policy(counter, conflicts_borne_by="platform")
    offer = bound_offer(counter)
    code = await shown(counter, offer)
    assert (await counter.use(offer.code)).status_code == 200
    device.take(code)
    (row,) = await device.bring_in()
    assert (row["outcome"], row["charged_to"]) == ("conflict", "platform")
    assert transfers(counter, "offline_conflict") == [("platform_subsidy", "merchant_payable", 500)]


async def test_a_coupon_withdrawn_meanwhile_is_a_conflict_too(counter: Counter, device: Device) -> None:
    offer = bound_offer(counter)
    device.take(await shown(counter, offer))
    counter.makers.session.execute(text("UPDATE offer SET state = 'void' WHERE id = :id"), {"id": offer.id})
    counter.makers.done()
    (row,) = await device.bring_in()
    assert (row["outcome"], row["reason"], row["first_at"]) == ("conflict", "withdrawn", None)
    assert redemptions(counter, offer) == []


async def test_the_answer_that_the_line_lost_is_the_same_use(counter: Counter, device: Device) -> None:
    offer = bound_offer(counter)
    code = await shown(counter, offer)
    booked = await counter.use(offer.code, "web-1")
    device.take(code, tried="web-1")
    (row,) = await device.bring_in()
    assert (row["outcome"], row["reason"]) == ("redeemed", "answer-lost")
    assert row["redemption_id"] == booked.json()["redemption_id"]
    assert transfers(counter, "offline_conflict") == []


async def test_beyond_the_quota_the_merchant_bears_it_and_the_row_is_kept(
    counter: Counter, clock: FixedClock
) -> None:
    policy(counter, most_uses=1)
    counter.campaign.owner_kind = "operator"
    counter.campaign.merchant_id = None
    counter.makers.done()
    device = Device(counter=counter, key=counter.key)
    assert (await device.sync())["quota"] == {"uses": 1, "minor_units": 20_000}
    for _ in range(2):
        device.take(await shown(counter, bound_offer(counter)))
    rows = await device.bring_in()
    assert [row["outcome"] for row in rows] == ["redeemed", "redeemed"]
    assert [row["charged_to"] for row in rows] == [None, "merchant"]
    assert [row["is_over_quota"] for row in rows] == [False, True]
    booked = [(source, amount) for source, _, amount in transfers(counter, "redemption")]
    assert sorted(booked) == [("merchant_share", 500), ("platform_subsidy", 500)]
    await device.sync()
    device.take(await shown(counter, bound_offer(counter)))
    assert (await device.bring_in(device.entries[-1:]))[0]["is_over_quota"] is False


async def test_two_devices_of_a_till_share_its_quota(counter: Counter, clock: FixedClock) -> None:
    policy(counter, most_uses=5, most_minor=900)
    first, second = (Device(counter=counter, key=counter.key) for _ in range(2))
    assert (await first.sync())["quota"]["uses"] == 5
    assert (await second.sync())["quota"] == {"uses": 0, "minor_units": 0}
    answer = await counter.client.delete(
        f"/v1/districts/{counter.district.slug}/tills/offline-kit",
        params={"journal": first.kit["journal"]},
        headers={"Authorization": f"Bearer {counter.key}"},
    )
    assert answer.status_code == 204
    assert (await second.sync())["quota"] == {"uses": 5, "minor_units": 900}
    clock.advance(timedelta(hours=5))
    assert (await first.sync())["quota"]["uses"] == 5


async def test_the_kit_lists_what_is_gone(counter: Counter, device: Device) -> None:
    used, void, open_one = (bound_offer(counter) for _ in range(3))
    elsewhere = counter.makers.store(counter.district, merchant_id=counter.merchant.id)
    bound_offer(counter, offline_store_id=elsewhere.id, state="void")
    assert (await counter.use(used.code)).status_code == 200
    counter.makers.session.execute(text("UPDATE offer SET state = 'void' WHERE id = :id"), {"id": void.id})
    counter.makers.done()
    kit = await device.sync()
    assert gone(kit) == {tag(used.id), tag(void.id)}
    assert tag(open_one.id) not in gone(kit)


async def test_a_coupon_bound_to_one_shop_is_refused_in_another_with_a_line(counter: Counter) -> None:
    elsewhere = counter.makers.store(counter.district, merchant_id=counter.merchant.id)
    counter.makers.session.execute(
        text("INSERT INTO campaign_store (district_id, campaign_id, store_id) VALUES (:d, :c, :s)"),
        {"d": counter.district.id, "c": counter.campaign.id, "s": elsewhere.id},
    )
    counter.makers.done()
    offer = bound_offer(counter, offline_store_id=elsewhere.id)
    assert (await counter.use(offer.code)).status_code == 403


@pytest.mark.parametrize(
    "ahead", [timedelta(hours=-9), timedelta(), timedelta(days=3)], ids=["-9h", "0", "3d"]
)
async def test_a_clock_that_is_wrong_but_steady_is_believed(
    counter: Counter, clock: FixedClock, ahead: timedelta
) -> None:
    device = Device(counter=counter, key=counter.key, skew=ahead)
    await device.sync()
    clock.advance(10 * MINUTE)
    device.take(await shown(counter, bound_offer(counter)))
    true_at = clock.machine_now()
    clock.advance(MINUTE)
    (row,) = await device.bring_in()
    assert (row["outcome"], row["is_clock_believed"]) == ("redeemed", True)
    entry = counter.makers.session.scalars(
        select(OfflineEntry).where(OfflineEntry.district_id == counter.district.id)
    ).one()
    assert (entry.believed_at, entry.till_at) == (true_at, true_at + ahead)


async def test_a_clock_that_was_set_meanwhile_is_not_believed_but_the_districts_signature_is(
    counter: Counter, device: Device, clock: FixedClock
) -> None:
    device.take(await shown(counter, bound_offer(counter)))
    clock.advance(MINUTE)
    device.skew = timedelta(hours=2)
    (row,) = await device.bring_in()
    assert (row["outcome"], row["is_clock_believed"]) == ("redeemed", False)


async def test_a_code_that_was_old_when_it_was_taken_is_refused(
    counter: Counter, device: Device, clock: FixedClock
) -> None:
    code = await shown(counter, bound_offer(counter))
    clock.advance(3 * MINUTE)
    device.take(code)
    (row,) = await device.bring_in()
    assert (row["outcome"], row["reason"]) == ("refused", "code-stale")


async def test_what_is_no_code_of_this_shop_is_refused_by_name_and_kept(
    counter: Counter, device: Device
) -> None:
    elsewhere = counter.makers.store(counter.district, merchant_id=counter.merchant.id)
    plain = bound_offer(counter, offline_store_id=None)
    other = bound_offer(counter, offline_store_id=elsewhere.id)
    small = bound_offer(counter, value=AMOUNT | {"min_spend_minor": 2_000})
    code = await shown(counter, bound_offer(counter))
    forged = code[:-8] + ("00000000" if code[-8:] != "00000000" else "11111110")
    device.take(await shown(counter, plain))
    device.take(await shown(counter, other))
    device.take(await shown(counter, small), bill_minor=1_999)
    device.take(forged)
    device.take("nothing")
    rows = await device.bring_in()
    assert [row["outcome"] for row in rows] == ["refused"] * 5
    assert [row["reason"] for row in rows] == [
        "online-only",
        "other-store",
        "bill-too-small",
        "forged-code",
        "unknown-code",
    ]
    assert [row["outcome"] for row in await device.bring_in()] == ["replayed"] * 5


async def test_an_entry_that_was_changed_on_the_way_or_left_out_is_not_taken(
    counter: Counter, device: Device
) -> None:
    for _ in range(3):
        device.take(await shown(counter, bound_offer(counter)), bill_minor=900)
    changed = device.entries[0] | {"bill_minor": 90_000}
    (row,) = await device.bring_in([changed])
    assert (row["outcome"], row["reason"]) == ("refused", "chain-broken")
    (row,) = await device.bring_in([device.entries[2]])
    assert (row["outcome"], row["reason"]) == ("refused", "gap")
    assert [row["outcome"] for row in await device.bring_in()] == ["redeemed"] * 3


async def test_another_entry_under_a_number_that_was_brought_in_is_refused(
    counter: Counter, device: Device
) -> None:
    device.take(await shown(counter, bound_offer(counter)))
    await device.bring_in()
    device.entries, device.mark = [], device.kit["journal"]
    device.take(await shown(counter, bound_offer(counter)))
    (row,) = await device.bring_in()
    assert (row["outcome"], row["reason"]) == ("refused", "number-reused")


async def test_a_coupon_that_ended_before_it_was_brought_in_counts_when_it_was_taken_in_time(
    counter: Counter, device: Device, clock: FixedClock
) -> None:
    offer = bound_offer(counter, valid_until=clock.now() + 5 * MINUTE)
    device.take(await shown(counter, offer))
    clock.advance(timedelta(hours=3))
    (row,) = await device.bring_in()
    assert row["outcome"] == "redeemed"


async def test_a_journal_of_another_till_is_not_found(counter: Counter, device: Device) -> None:
    device.take(await shown(counter, bound_offer(counter)))
    device.key = await second_till(counter)
    assert (await device.send()).status_code == 404
    assert (await device.ask()).status_code == 404


async def test_a_key_of_all_shops_gets_no_kit(counter: Counter) -> None:
    device = Device(counter=counter, key=await counter.other_key(merchant_id=counter.merchant.id))
    answer = await device.ask()
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "one-till-only")


async def test_more_than_five_hundred_entries_at_once_are_refused(counter: Counter, device: Device) -> None:
    for _ in range(501):
        device.take("x")
    assert (await device.send()).status_code == 422


async def test_a_campaign_for_tills_without_a_line_costs_at_most_what_the_operator_allows(
    counter: Counter,
) -> None:
    owner = counter.makers.account(counter.district, Role.MERCHANT, scope_id=counter.merchant.id)
    token = counter.makers.token(
        counter.district, Role.MERCHANT, subject_id=owner.id, scope_id=counter.merchant.id
    )

    async def post(value: dict[str, Any]) -> tuple[int, Any]:
        words = {"zh": "券", "en": "Coupon"}
        offer = {"kind": "coupon", "value": value, "title": words, "text": words, "offline": {"ok": True}}
        answer = await counter.client.post(
            f"/v1/districts/{counter.district.slug}/campaigns",
            json={
                "name": "Offline",
                "store_ids": [str(counter.store.id)],
                "rule": counter.campaign.rule,
                "offer": offer,
                "stock": 10,
            },
            headers={"Authorization": f"Bearer {token}"},
        )
        return answer.status_code, answer.json()

    assert (await post({"type": "amount", "minor_units": 2_000}))[0] == 201
    assert (await post({"type": "gift"}))[0] == 201
    status, problem = await post({"type": "amount", "minor_units": 2_001})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/offer/offline")
    assert (await post({"type": "percent", "percent": 5}))[0] == 422
    assert (await post({"type": "percent", "percent": 5, "max_discount_minor": 2_000}))[0] == 201


@pytest.mark.parametrize(("bearer", "borne", "net"), [("merchant", 500, 0), ("platform", 0, 500)])
async def test_a_conflict_stands_among_the_corrections_of_the_days_statement(
    counter: Counter, device: Device, bearer: str, borne: int, net: int
) -> None:
    policy(counter, conflicts_borne_by=bearer)
    counter.campaign.owner_kind, counter.campaign.merchant_id = "operator", None
    counter.makers.done()
    offer = bound_offer(counter)
    code = await shown(counter, offer)
    assert (await counter.use(offer.code)).status_code == 200
    device.take(code)
    await device.bring_in()
    owner = counter.makers.account(counter.district, Role.MERCHANT, scope_id=counter.merchant.id)
    token = counter.makers.token(
        counter.district, Role.MERCHANT, subject_id=owner.id, scope_id=counter.merchant.id
    )
    answer = await counter.client.get(
        f"/v1/districts/{counter.district.slug}/statements/open", headers={"Authorization": f"Bearer {token}"}
    )
    (figures,) = answer.json()["items"]
    assert (figures["redemptions"], figures["redeemed_minor"]) == (1, 500)
    assert (figures["corrections"], figures["corrected_minor"]) == (1, 500)
    assert (figures["borne_minor"], figures["net_minor"]) == (borne, 500 + net)

"""Points: earned, spent, taken back, ended, each with its posting."""

import asyncio
import uuid
from collections import Counter as Tally
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from district.auth.models import Role
from district.database import Pool, make_pool, new_id, transaction
from district.ledger.models import Account
from district.members import merging
from district.members.models import Member
from district.points import jobs, service
from district.points.models import MovementKind
from district.points.service import Earning
from district.visits.models import Visit
from tests.conftest import refresh
from tests.district.points.conftest import Bank

PROBLEM = "urn:shangquan:problem:"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Thirty-two connections of their own."""
    pool = make_pool(database_url, size=32)
    await pool.open(wait=True)
    yield pool
    await pool.close()


async def earn(bank: Bank, pool: Pool, member: Member, points: int, **values: Any) -> uuid.UUID:
    subject = new_id()
    given: dict[str, Any] = {
        "kind": MovementKind.PURCHASE,
        "member_id": member.id,
        "subject_id": subject,
        "points": points,
        "at": bank.clock.now(),
    }
    earning = Earning(**(given | values))
    async with transaction(pool) as connection:
        rule = await service.rule_of(connection, bank.district.id)
        assert rule is not None
        await service.earn(connection, bank.district.id, rule, earning)
    return subject


async def take_back(bank: Bank, pool: Pool, earned: uuid.UUID, points: int | None = None) -> int:
    async with transaction(pool) as connection:
        rule = await service.rule_of(connection, bank.district.id)
        assert rule is not None
        return await service.take_back(
            connection,
            bank.district.id,
            rule,
            of=(MovementKind.PURCHASE, earned),
            subject_id=new_id(),
            at=bank.clock.now(),
            points=points,
        )


async def test_points_are_owed_by_the_platform_until_a_till_takes_them(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 100)
    assert bank.liability() == 500
    answer = await bank.spend(await bank.pass_of(member), 30)
    assert (answer.status_code, answer.json()["amount_minor"]) == (200, 150)
    assert bank.entries()[(Account.MERCHANT_PAYABLE, bank.merchant.id)] == 150
    assert bank.liability() == 350
    seen = await bank.points_of(member)
    assert (seen["balance"], seen["worth_minor"], seen["currency"]) == (70, 350, "EUR")
    assert [(item["kind"], item["points"], item["balance"]) for item in seen["items"]] == [
        ("spent", -30, 70),
        ("purchase", 100, 100),
    ]


async def test_what_is_not_there_cannot_be_spent(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 10)
    answer = await bank.spend(await bank.pass_of(member), 11)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "points-missing")
    assert answer.json()["balance"] == 10
    assert bank.liability() == 50


async def test_thirty_two_payments_at_once_never_overspend(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    for _ in range(5):
        await earn(bank, pool, member, 20)
    code = await bank.pass_of(member)
    answers = await asyncio.gather(*(bank.spend(code, 9, f"r{number}") for number in range(32)))
    tally = Tally(answer.status_code for answer in answers)
    assert tally == {200: 11, 409: 21}
    assert (await bank.points_of(member))["balance"] == 1
    assert bank.liability() == 5


async def test_thirty_two_repeats_of_one_payment_are_one(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 100)
    code = await bank.pass_of(member)
    answers = await asyncio.gather(*(bank.spend(code, 9, "same") for _ in range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["spend_id"] for answer in answers}) == 1
    assert (await bank.points_of(member))["balance"] == 91


async def test_a_request_number_stands_for_one_payment(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 100)
    code = await bank.pass_of(member)
    await bank.spend(code, 9, "same")
    answer = await bank.spend(code, 10, "same")
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "request-number-reused")


async def test_what_ends_soonest_is_spent_first(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 10)
    bank.clock.advance(timedelta(days=5))
    await earn(bank, pool, member, 10)
    await bank.spend(await bank.pass_of(member), 15)
    [ending] = (await bank.points_of(member))["endings"]
    assert ending["points"] == 5
    assert ending["at"] == (bank.clock.now() + timedelta(days=365)).isoformat().replace("+00:00", "Z")


async def test_lots_end_and_their_worth_goes_back_to_the_platform(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 10)
    await bank.spend(await bank.pass_of(member), 4)
    bank.clock.advance(timedelta(days=365))
    assert (await bank.points_of(member))["balance"] == 0
    refused = await bank.spend(await bank.pass_of(member), 1)
    assert refused.status_code == 409
    for _ in range(2):
        await jobs.follow(pool, [bank.makers.info(bank.district)], bank.clock)
    assert bank.liability() == 0
    assert bank.entries() == {
        (Account.MERCHANT_PAYABLE, bank.merchant.id): 20,
        (Account.PLATFORM_SUBSIDY, uuid.UUID(int=0)): -20,
    }
    last = (await bank.points_of(member))["items"][0]
    assert (last["kind"], last["points"], last["balance"]) == ("expired", -6, 0)


async def test_taking_back_what_was_spent_makes_a_debt_that_the_next_points_pay(
    bank: Bank, pool: Pool
) -> None:
    member = bank.makers.member(bank.district)
    earned = await earn(bank, pool, member, 10)
    await bank.spend(await bank.pass_of(member), 8)
    assert await take_back(bank, pool, earned) == 10
    seen = await bank.points_of(member)
    assert (seen["balance"], seen["worth_minor"], bank.liability()) == (-8, 0, -40)
    assert (await bank.spend(await bank.pass_of(member), 1)).status_code == 409
    await earn(bank, pool, member, 20)
    assert ((await bank.points_of(member))["balance"], bank.liability()) == (12, 60)


async def test_a_payment_that_is_undone_gives_the_points_back_once(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 10)
    spent = (await bank.spend(await bank.pass_of(member), 8)).json()
    back = [
        await bank.post(f"/points/spends/{spent['spend_id']}/return", {"return_request_no": "r"})
        for _ in "ab"
    ]
    other = await bank.post(f"/points/spends/{spent['spend_id']}/return", {"return_request_no": "s"})
    assert [answer.status_code for answer in back] == [200, 200]
    assert back[0].json() == back[1].json()
    assert other.status_code == 409
    assert ((await bank.points_of(member))["balance"], bank.liability()) == (10, 50)
    assert (Account.MERCHANT_PAYABLE, bank.merchant.id) not in bank.entries()


async def test_a_day_gives_no_more_than_its_limit(bank: Bank, pool: Pool) -> None:
    bank.rule(most_per_day=25)
    member = bank.makers.member(bank.district)
    for _ in range(3):
        await earn(bank, pool, member, 10)
    assert (await bank.points_of(member))["balance"] == 25
    bank.clock.advance(timedelta(days=1))
    await earn(bank, pool, member, 10)
    assert (await bank.points_of(member))["balance"] == 35


async def test_one_subject_earns_once(bank: Bank, pool: Pool) -> None:
    member, subject = bank.makers.member(bank.district), new_id()
    await asyncio.gather(*(earn(bank, pool, member, 10, subject_id=subject) for _ in range(8)))
    assert (await bank.points_of(member))["balance"] == 10


async def test_a_redemption_earns_and_its_reversal_takes_back(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    campaign = bank.makers.campaign(bank.district, bank.merchant, [bank.store])
    offer = bank.makers.offer(campaign, member, value={"type": "amount", "minor_units": 300})
    used = await bank.post("/redemptions", {"code": offer.code, "use_request_no": "1"})
    assert (await bank.points_of(member))["balance"] == 10
    await bank.post(f"/redemptions/{used.json()['redemption_id']}/reversal", {"return_request_no": "1"})
    assert (await bank.points_of(member))["balance"] == 0
    assert bank.entries() == {}


async def test_visits_that_are_over_earn_once_and_so_many_a_day(bank: Bank, pool: Pool) -> None:
    bank.rule(per_visit=3, visits_per_day=2)
    member = bank.makers.member(bank.district)
    now, info = bank.clock.now(), bank.makers.info(bank.district)
    for number in range(4):
        ended = now - timedelta(minutes=30 * number)
        bank.makers.session.add(
            Visit(
                district_id=bank.district.id,
                trading_day=info.trading_day(ended),
                id=uuid.uuid4(),
                place_kind="district",
                member_id=member.id,
                started_at=ended - timedelta(minutes=10),
                ended_at=ended,
                fixes=9,
            )
        )
    bank.makers.done()
    for _ in range(2):
        await jobs.follow(pool, [info], bank.clock)
    assert (await bank.points_of(member))["balance"] == 6


async def test_points_pay_no_more_than_the_bill(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 100)
    answer = await bank.spend(await bank.pass_of(member), 21, bill_minor=104)
    assert (answer.status_code, answer.json()["most_points"]) == (409, 20)


async def test_only_tills_that_take_part_take_points(bank: Bank, pool: Pool) -> None:
    bank.rule(merchant_ids=[uuid.uuid4()])
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 100)
    answer = await bank.spend(await bank.pass_of(member), 1)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "points-not-taken")


async def test_a_pass_ends_and_another_districts_is_unknown(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 100)
    code = await bank.pass_of(member)
    bank.clock.advance(timedelta(minutes=5))
    for shown in (code, "hello", "7" * 26):
        answer = await bank.spend(shown, 1)
        assert (answer.status_code, answer.json()["type"]) == (404, PROBLEM + "unknown-pass")


async def test_the_worth_of_a_point_stays_while_points_are_out(bank: Bank, pool: Pool) -> None:
    token = bank.makers.token(bank.district, Role.OPERATOR)
    path, headers = f"/v1/districts/{bank.district.slug}/points-rule", {"Authorization": f"Bearer {token}"}
    rule = (await bank.client.get(path, headers=headers)).json()
    assert (await bank.client.put(path, json=rule | {"value_minor": 7}, headers=headers)).status_code == 200
    assert (await bank.client.put(path, json=rule, headers=headers)).status_code == 200
    await earn(bank, pool, bank.makers.member(bank.district), 1)
    refused = await bank.client.put(path, json=rule | {"value_minor": 7}, headers=headers)
    assert (refused.status_code, refused.json()["value_minor"]) == (409, 5)
    assert (await bank.client.put(path, json=rule | {"per_visit": 7}, headers=headers)).status_code == 200


async def test_another_stores_payment_is_not_undone(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 10)
    spent = (await bank.spend(await bank.pass_of(member), 8)).json()
    other = bank.makers.merchant(bank.district)
    store = bank.makers.store(bank.district, merchant_id=other.id)
    key = bank.makers.key(bank.district, Role.TILL, scope_id=store.id, merchant_id=other.id)
    await refresh(bank.app)
    answer = await bank.post(
        f"/points/spends/{spent['spend_id']}/return", {"return_request_no": "r"}, key=key
    )
    assert answer.status_code == 404


async def test_who_leaves_forfeits_his_points_and_is_named_nowhere(bank: Bank, pool: Pool) -> None:
    member = bank.makers.member(bank.district)
    await earn(bank, pool, member, 100)
    await bank.spend(await bank.pass_of(member), 30)
    answer = await bank.client.request("DELETE", "/v1/me", headers=bank.token(member))
    assert answer.status_code < 300, answer.text
    assert bank.entries() == {
        (Account.MERCHANT_PAYABLE, bank.merchant.id): 150,
        (Account.PLATFORM_SUBSIDY, uuid.UUID(int=0)): -150,
    }
    tables = ("points_wallet", "points_lot", "points_movement", "points_spend", "member_pass")
    for table in tables:
        statement = text(f"SELECT count(*) FROM {table} WHERE member_id = :m")
        assert bank.makers.session.scalar(statement, {"m": member.id}) == 0, table


async def test_points_follow_a_member_who_turns_out_to_be_another(bank: Bank, pool: Pool) -> None:
    kept, merged = bank.makers.member(bank.district), bank.makers.member(bank.district)
    await earn(bank, pool, kept, 10)
    await earn(bank, pool, merged, 100)
    become_one(bank, kept, merged)
    assert (await bank.points_of(kept))["balance"] == 110
    assert (await bank.spend(await bank.pass_of(kept), 110)).status_code == 200
    assert bank.liability() == 0


async def test_the_lists_of_two_who_part_again_come_to_their_balances(bank: Bank, pool: Pool) -> None:
    kept, merged, next_ = (bank.makers.member(bank.district) for _ in range(3))
    await earn(bank, pool, kept, 10)
    await earn(bank, pool, merged, 100)
    merge = become_one(bank, kept, merged)
    assert (await bank.spend(await bank.pass_of(kept), 60)).status_code == 200
    merging.undo(bank.makers.session, bank.makers.info(bank.district), merge, clock=bank.clock)
    bank.makers.done()
    lists = [await bank.points_of(one) for one in (kept, merged)]
    assert sum(one["balance"] for one in lists) == 50
    for one in lists:
        assert sum(moved["points"] for moved in one["items"]) == one["balance"]
        assert one["items"][0]["kind"] == MovementKind.PARTED
        assert one["items"][0]["balance"] == one["balance"]
    become_one(bank, next_, merged)
    found = await bank.points_of(next_)
    assert sum(moved["points"] for moved in found["items"]) == found["balance"]
    assert bank.liability() == 50 * 5


def become_one(bank: Bank, kept: Member, merged: Member) -> uuid.UUID:
    row = merging.merge(
        bank.makers.session,
        bank.makers.info(bank.district),
        kept_id=kept.id,
        merged_id=merged.id,
        reason="one person",
        clock=bank.clock,
    )
    bank.makers.done()
    return row.id

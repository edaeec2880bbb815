"""What a use at a till books."""

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from district.campaigns.shared_models import FundingShare
from district.ledger.models import Account
from district.ledger.shares import NOBODY
from district.stores.models import Property
from tests.district.redemptions.conftest import Counter

AMOUNT = {"type": "amount", "minor_units": 1000}
PERCENT = {"type": "percent", "percent": 20}


def entries(counter: Counter) -> dict[tuple[str, uuid.UUID], int]:
    counter.makers.session.rollback()
    rows = counter.makers.session.execute(
        text(
            "SELECT account, owner_id, sum(amount_minor) FROM ledger_entry WHERE district_id = :d"
            " GROUP BY 1, 2 HAVING sum(amount_minor) <> 0"
        ),
        {"d": counter.district.id},
    )
    return {(account, owner): int(amount) for account, owner, amount in rows}


def postings(counter: Counter) -> list[tuple[Any, ...]]:
    counter.makers.session.rollback()
    rows = counter.makers.session.execute(
        text(
            "SELECT kind, merchant_id, store_id, campaign_id FROM ledger_posting WHERE district_id = :d ORDER BY id"
        ),
        {"d": counter.district.id},
    )
    return [tuple(row) for row in rows]


def share(counter: Counter, kind: str, permille: int, party_id: uuid.UUID | None = None) -> FundingShare:
    row = FundingShare(
        district_id=counter.district.id,
        campaign_id=counter.campaign.id,
        party_kind=kind,
        party_id=party_id,
        permille=permille,
    )
    counter.makers.session.add(row)
    counter.makers.done()
    return row


async def test_a_merchant_bears_his_own_offer(counter: Counter) -> None:
    answer = await counter.use(counter.offer(value=AMOUNT).code)
    assert answer.json()["discount_minor"] == 1000
    merchant = counter.merchant.id
    assert entries(counter) == {
        (Account.MERCHANT_PAYABLE, merchant): 1000,
        (Account.MERCHANT_SHARE, merchant): -1000,
    }
    assert postings(counter) == [("redemption", merchant, counter.store.id, counter.campaign.id)]


async def test_shares_bear_an_offer_exactly_to_the_unit(counter: Counter) -> None:
    mall = Property(
        district_id=counter.district.id,
        id=uuid.uuid4(),
        kind="mall",
        name="Mall",
        created_at=counter.makers.clock.now(),
    )
    counter.makers.session.add(mall)
    counter.makers.session.flush()
    counter.store.property_id = mall.id
    counter.makers.done()
    share(counter, "merchant", 333)
    share(counter, "property", 333)
    share(counter, "platform", 333)
    sponsor = share(counter, "sponsor", 1)
    await counter.use(counter.offer(value={"type": "amount", "minor_units": 1001}).code)
    found = entries(counter)
    assert found[(Account.MERCHANT_PAYABLE, counter.merchant.id)] == 1001
    assert found[(Account.MERCHANT_SHARE, counter.merchant.id)] == -334
    assert found[(Account.PROPERTY_SHARE, mall.id)] == -333
    assert found[(Account.PLATFORM_SUBSIDY, NOBODY)] == -333
    assert found[(Account.SPONSOR_SHARE, sponsor.id)] == -1


async def test_the_platform_bears_a_propertys_share_where_there_is_none(counter: Counter) -> None:
    share(counter, "property", 1000)
    await counter.use(counter.offer(value=AMOUNT).code)
    assert entries(counter)[(Account.PLATFORM_SUBSIDY, NOBODY)] == -1000


async def test_an_offer_of_another_merchant_is_owed_by_him(counter: Counter) -> None:
    other = counter.makers.merchant(counter.district)
    campaign = counter.makers.campaign(counter.district, other, [counter.store])
    offer = counter.makers.offer(campaign, counter.makers.member(counter.district), value=AMOUNT)
    await counter.use(offer.code)
    assert entries(counter) == {
        (Account.MERCHANT_PAYABLE, counter.merchant.id): 1000,
        (Account.MERCHANT_SHARE, other.id): -1000,
    }


@pytest.mark.parametrize(
    ("value", "bill", "discount"),
    [
        (PERCENT, 2550, 510),
        (PERCENT, None, None),
        (AMOUNT, 600, 600),
        (AMOUNT | {"min_spend_minor": 5000}, 5000, 1000),
        ({"type": "gift"}, 5000, 0),
        (PERCENT | {"max_discount_minor": 300}, 9000, 300),
        ({"type": "in_store_price", "price_minor": 700, "regular_minor": 1000}, None, 300),
    ],
)
async def test_what_an_offer_takes_off_is_settled(
    counter: Counter, value: dict[str, Any], bill: int | None, discount: int | None
) -> None:
    extra: dict[str, Any] = {} if bill is None else {"bill_minor": bill}
    answer = await counter.use(counter.offer(value=value).code, **extra)
    assert (answer.status_code, answer.json()["discount_minor"]) == (200, discount)
    assert entries(counter).get((Account.MERCHANT_PAYABLE, counter.merchant.id), 0) == (discount or 0)
    assert len(postings(counter)) == 1


async def test_a_bill_below_the_threshold_leaves_the_offer_unused(counter: Counter) -> None:
    offer = counter.offer(value=AMOUNT | {"min_spend_minor": 5000})
    refused = await counter.use(offer.code, "1", bill_minor=4999)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:shangquan:problem:bill-too-small")
    assert refused.json()["min_spend_minor"] == 5000
    assert postings(counter) == []
    assert (await counter.use(offer.code, "1", bill_minor=5000)).status_code == 200


async def test_a_repeat_books_nothing_more_and_another_bill_is_another_request(counter: Counter) -> None:
    offer = counter.offer(value=PERCENT)
    first = await counter.use(offer.code, bill_minor=1000)
    again = await counter.use(offer.code, bill_minor=1000)
    other = await counter.use(offer.code, bill_minor=2000)
    assert first.json() == again.json()
    assert (other.status_code, other.json()["type"]) == (409, "urn:shangquan:problem:request-number-reused")
    assert entries(counter)[(Account.MERCHANT_PAYABLE, counter.merchant.id)] == 200


async def test_a_reversal_takes_back_every_unit_and_a_repeat_nothing_more(counter: Counter) -> None:
    share(counter, "merchant", 333)
    share(counter, "platform", 667)
    used = (await counter.use(counter.offer(value=AMOUNT).code)).json()
    for _ in range(2):
        back = await counter.post(f"/{used['redemption_id']}/reversal", {"return_request_no": "r1"})
        assert back.status_code == 200
    assert entries(counter) == {}
    assert [kind for kind, *_ in postings(counter)] == ["redemption", "reversal"]


async def test_what_is_refused_books_nothing(counter: Counter) -> None:
    offer = counter.offer(value=AMOUNT)
    await counter.use(offer.code, "1")
    await counter.use(offer.code, "2")
    assert len(postings(counter)) == 1

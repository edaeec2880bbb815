"""A campaign's money: total = reserved + spent + free, whatever its offers go through."""

from typing import Any

from sqlalchemy import text

from district.auth.models import Role
from district.offers.claim_models import TOTAL, Allowance
from tests.district.settlement.conftest import Market, Shop


async def budget(market: Market, shop: Shop, *, scope: Any = None) -> Any:
    token = market.makers.token(market.district, Role.MERCHANT, scope_id=scope or shop.merchant.id)
    return await market.client.get(
        f"/v1/districts/{market.district.slug}/campaigns/{shop.campaign.id}/budget",
        headers={"Authorization": f"Bearer {token}"},
    )


def hold(market: Market, shop: Shop, minor: int, total: int) -> str:
    """An offer as it is issued under a budget."""
    row = market.makers.session.get(Allowance, (market.district.id, shop.campaign.id, TOTAL))
    if row is None:
        row = Allowance(
            district_id=market.district.id,
            campaign_id=shop.campaign.id,
            period=TOTAL,
            most_minor=total,
            minor=0,
            offers=0,
        )
        market.makers.session.add(row)
    row.minor += minor
    row.offers += 1
    offer = market.makers.offer(
        shop.campaign,
        market.makers.member(market.district),
        value={"type": "amount", "minor_units": minor},
        held_minor=minor,
    )
    return offer.code


def parts(answer: Any) -> tuple[Any, ...]:
    body = answer.json()
    names = ("total_minor", "reserved_minor", "spent_minor", "free_minor", "agrees")
    return tuple(body[name] for name in names)


async def test_the_parts_add_up_through_use_and_reversal(market: Market) -> None:
    shop, _ = market.shops
    codes = [hold(market, shop, 1000, 5000) for _ in range(3)]
    assert parts(await budget(market, shop)) == (5000, 3000, 0, 2000, True)
    used = await market.post(shop, "", {"code": codes[0], "use_request_no": "1"})
    assert parts(await budget(market, shop)) == (5000, 2000, 1000, 2000, True)
    # A smaller bill: the offer keeps its hold.
    await market.post(shop, "", {"code": codes[1], "use_request_no": "2", "bill_minor": 400})
    assert parts(await budget(market, shop)) == (5000, 1600, 1400, 2000, True)
    await market.reverse(shop, used.json()["redemption_id"])
    assert parts(await budget(market, shop)) == (5000, 2600, 400, 2000, True)


async def test_a_hold_that_no_offer_has_is_noticed(market: Market) -> None:
    shop, _ = market.shops
    hold(market, shop, 1000, 5000)
    market.makers.session.execute(
        text("UPDATE allowance SET minor = minor + 1 WHERE district_id = :d"), {"d": market.district.id}
    )
    market.makers.done()
    assert parts(await budget(market, shop))[-1] is False


async def test_another_merchants_budget_is_not_found(market: Market) -> None:
    first, second = market.shops
    assert (await budget(market, first, scope=second.merchant.id)).status_code == 404
    assert parts(await budget(market, first)) == (None, 0, 0, None, True)

"""An offer that is worth less than what members pay anyway is named, store by store."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from district.offers import terms as terms_of
from district.offers.member_price import better
from district.offers.preview import dry_run
from district.offers.preview_answer import answer
from district.stores.models import Store
from tests.district.offers.claiming import claimable
from tests.district.offers.conftest import Ground


@pytest.mark.parametrize(
    ("offer", "percent", "bill_minor"),
    [
        ({"value": {"type": "percent", "percent": 5}}, 10, 2_000),
        ({"value": {"type": "amount", "minor_units": 500, "min_spend_minor": 9_000}}, 10, 9_000),
        ({"value": {"type": "percent", "percent": 20}}, 10, None),
        ({"value": {"type": "percent", "percent": 5}, "stacks_with": ["member_price"]}, 10, None),
        ({"value": {"type": "percent", "percent": 5}}, 0, None),
    ],
    ids=["less", "less on its own bill", "more", "on top", "no member price"],
)
async def test_what_is_worse_than_the_member_price_is_named(
    ground: Ground, offer: dict[str, Any], percent: int, bill_minor: int | None
) -> None:
    campaign = claimable(ground, offer=offer)
    ground.makers.session.execute(
        update(Store).where(Store.district_id == ground.district.id).values(member_price_percent=percent)
    )
    ground.makers.done()
    async with ground.pool.connection() as connection:
        terms = (await terms_of.load(connection, ground.info.id, [campaign.id]))[campaign.id]
        found = await better(connection, ground.info.id, terms, typical_spend_minor=2_000)
    assert [one.bill_minor for one in found] == ([] if bill_minor is None else [bill_minor])


async def test_the_preview_warns_of_it(ground: Ground) -> None:
    campaign = claimable(ground, offer={"value": {"type": "percent", "percent": 5}})
    ground.makers.session.execute(
        update(Store).where(Store.district_id == ground.district.id).values(member_price_percent=10)
    )
    ground.makers.done()
    run = await dry_run(
        ground.pool, ground.info, campaign.id, now=ground.clock.now(), fresh_for=timedelta(minutes=3)
    )
    warned = answer(run, ground.info).worse_than_member_price
    assert [one.member_price_percent for one in warned] == [10]

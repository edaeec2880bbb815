"""Statements of every party, as the operator sees them."""

from datetime import timedelta

import httpx

from district.clock import FixedClock
from district.districts.models import District
from district.settlement.models import Party, Statement
from tests.factories import Makers

FIGURES = (
    "redemptions",
    "redeemed_minor",
    "reversals",
    "reversed_minor",
    "corrections",
    "corrected_minor",
    "points_minor",
    "borne_minor",
    "net_minor",
)


async def test_a_closed_day_lists_every_party_by_name(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    merchant = committed.merchant(district, name="Zio & Sons")
    day = committed.info(district).trading_day(clock.now()) - timedelta(days=1)
    rows = [
        Statement(
            district_id=district.id,
            trading_day=day,
            party=party,
            party_id=party_id,
            closed_at=clock.now(),
            **(dict.fromkeys(FIGURES, 0) | {"net_minor": net}),
        )
        for party, party_id, net in (
            (Party.MERCHANT, merchant.id, 4200),
            (Party.PLATFORM, district.id, -4200),
        )
    ]
    committed.session.add_all(rows)
    committed.done()
    page = (await operator.get(f"/operator/statements?day={day.isoformat()}")).text
    assert "Zio &amp; Sons" in page
    assert "€42.00" in page
    assert "-€42.00" in page
    assert "Platform" in page
    assert f"/operator/statements/{rows[0].id}/lines.csv" in page
    assert (await operator.get(f"/operator/statements/{rows[0].id}/lines.csv")).status_code == 200


async def test_a_day_without_anything_says_so(operator: httpx.AsyncClient) -> None:
    page = await operator.get("/operator/statements")
    assert page.status_code == 200
    assert "Nothing was settled on this day" in page.text
    assert "agrees with the district" in page.text

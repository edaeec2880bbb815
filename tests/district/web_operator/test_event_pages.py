"""Joint events and consents on the pages of operators, merchants and properties; changes that wait for approval."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon
from sqlalchemy import select

from district.auth.models import Role
from district.campaigns.contents import keep, of_version
from district.campaigns.models import Campaign
from district.campaigns.shared_models import FundingShare, JointEnrolment, TerritoryConsent
from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.merchants.models import Merchant
from district.stores.models import Property, Store
from tests.district.web_operator.conftest import browser_of
from tests.factories import Makers, square


@pytest.fixture
def place(committed: Makers, district: District) -> Property:
    row = Property(
        district_id=district.id,
        id=new_id(),
        kind="mall",
        name="<Forum>",
        outline=from_shape(MultiPolygon([square()]), srid=4326),
        created_at=committed.clock.now(),
    )
    committed.session.add(row)
    committed.done()
    return row


@pytest.fixture
async def manager(
    app: FastAPI, district: District, committed: Makers, place: Property
) -> AsyncIterator[httpx.AsyncClient]:
    async for browser in browser_of(app, committed.token(district, Role.PROPERTY, scope_id=place.id)):
        yield browser


@pytest.fixture
def shop(committed: Makers, district: District) -> tuple[Merchant, Store]:
    merchant = committed.merchant(district, name="Zio & Co")
    return merchant, committed.store(district, merchant_id=merchant.id)


def form(clock: FixedClock, **values: str) -> dict[str, str]:
    local = clock.now() + timedelta(hours=3)  # the clocks of Helsinki
    times = {"enrol_until": 1, "starts_at": 2, "ends_at": 9}
    dates = {name: (local + timedelta(hours=one)).strftime("%Y-%m-%dT%H:%M") for name, one in times.items()}
    circle = {"circle": {"lon": 24.9445, "lat": 60.1689, "radius_m": 60}}
    return {
        "name": "Night of shops",
        "title_en": "Night",
        "text_en": "All night",
        "percent": "20",
        "merchant": "600",
        "platform": "400",
        "within": json.dumps(circle),
        **dates,
        **values,
    }


async def test_the_operator_opens_an_event_and_a_merchant_enrols_and_leaves(
    app: FastAPI,
    operator: httpx.AsyncClient,
    committed: Makers,
    district: District,
    *,
    clock: FixedClock,
    shop: tuple[Merchant, Store],
) -> None:
    opened = await operator.post("/operator/events", data=form(clock))
    assert opened.status_code == 303, opened.text
    assert "Night of shops" in (await operator.get("/operator/events")).text
    shares = committed.session.scalars(
        select(FundingShare).where(FundingShare.district_id == district.id).order_by(FundingShare.id)
    )
    assert [(one.party_kind, one.permille) for one in shares] == [("merchant", 600), ("platform", 400)]
    (event,) = committed.session.scalars(select(Campaign).where(Campaign.district_id == district.id))
    merchant, store = shop
    async for browser in browser_of(app, committed.token(district, Role.MERCHANT, scope_id=merchant.id)):
        page = (await browser.get("/merchant/events")).text
        assert "Night of shops" in page
        for doing, count in (("enrol", 1), ("leave", 0)):
            sent = {"store_id": str(store.id), "doing": doing}
            assert (await browser.post(f"/merchant/events/{event.id}", data=sent)).status_code == 303
            rows = committed.session.scalars(
                select(JointEnrolment).where(JointEnrolment.district_id == district.id)
            ).all()
            assert len(rows) == count
        foreign = {"store_id": str(new_id()), "doing": "enrol"}
        assert (await browser.post(f"/merchant/events/{event.id}", data=foreign)).status_code == 422


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"platform": "300"}, "1000"), ({"within": "[["}, ""), ({"percent": "x"}, "")],
    ids=str,
)
async def test_an_event_that_cannot_be_is_explained_and_the_form_kept(
    operator: httpx.AsyncClient, clock: FixedClock, changes: dict[str, str], words: str
) -> None:
    answer = await operator.post("/operator/events", data=form(clock, **changes))
    assert answer.status_code == 422
    assert "alert-danger" in answer.text
    assert words in answer.text
    assert 'value="Night of shops"' in answer.text


async def test_a_property_agrees_and_takes_it_back_on_its_page(
    manager: httpx.AsyncClient,
    committed: Makers,
    district: District,
    *,
    place: Property,
    shop: tuple[Merchant, Store],
) -> None:
    page = (await manager.get("/property")).text
    assert "&lt;Forum&gt;" in page
    assert "Zio &amp; Co" in page
    sent = {"grantee": f"merchant {shop[0].id}", "note": "till May"}
    assert (await manager.post("/property/consents", data=sent)).status_code == 303
    live = committed.campaign(district, shop[0], [shop[1]], fence=square(half_degrees=0.0003))
    committed.store(district, merchant_id=shop[0].id)
    (consent,) = committed.session.scalars(
        select(TerritoryConsent).where(TerritoryConsent.district_id == district.id)
    )
    shop[1].location = from_shape(square(half_degrees=0.1).exterior.interpolate(0), srid=4326)
    for one in committed.session.scalars(select(Store).where(Store.district_id == district.id)):
        one.location = shop[1].location
    committed.done()
    back = await manager.post(f"/property/consents/{consent.id}/withdraw", data={"reason": "Enough"})
    assert back.headers["location"] == "/property?said=1"
    committed.session.refresh(live)
    assert live.state == "paused"
    assert "Enough" in (await manager.get("/property")).text
    again = await manager.post(f"/property/consents/{consent.id}/withdraw")
    assert (again.status_code, "alert-danger" in again.text) == (422, True)


async def test_the_operator_speaks_for_a_property_and_nobody_elses_staff_does(
    operator: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    merchant: httpx.AsyncClient,
    *,
    place: Property,
) -> None:
    base = f"/operator/properties/{place.id}"
    assert f"/operator/properties/{place.id}" in (await operator.get("/operator/properties")).text
    assert (await operator.post(f"{base}/consents", data={"grantee": "anyone"})).status_code == 303
    assert (await operator.post(f"{base}/consents", data={"grantee": "somebody"})).status_code == 422
    assert (await stranger.get(base)).status_code == 404
    assert (await merchant.get(base)).status_code == 303
    foreign = {"sec-fetch-site": "cross-site"}
    answer = await operator.post(f"{base}/consents", data={"grantee": "anyone"}, headers=foreign)
    assert answer.status_code == 403


async def test_a_change_is_shown_as_what_it_would_change_and_rejected_without_stopping_what_runs(
    operator: httpx.AsyncClient, committed: Makers, district: District, shop: tuple[Merchant, Store]
) -> None:
    campaign = committed.campaign(district, shop[0], [shop[1]])
    content = of_version(committed.session, campaign, 1)
    document = {**content.rule, "ttl_s": 600}
    changed = type(content)(**{**vars(content), "rule": document, "name": "<Brunch>"})
    keep(committed.session, campaign, 2, changed, None, clock=committed.clock)
    campaign.pending_version, campaign.version = 2, 2
    committed.done()
    page = (await operator.get("/operator/approvals")).text
    assert "Name: Lunch → &lt;Brunch&gt;" in page
    assert "Validity (seconds): added 600" in page
    assert '"isBefore": true' in page or '"isBefore":true' in page
    sent = {"version": "2", "reason": "No"}
    answer = await operator.post(
        f"/operator/approvals/{campaign.id}/reject", data=sent, headers={"hx-request": "true"}
    )
    assert "approved version goes on" in answer.text
    committed.session.expire_all()
    left = committed.session.get_one(Campaign, (district.id, campaign.id))
    assert (left.state, left.pending_version, left.name) == ("live", None, "Lunch")

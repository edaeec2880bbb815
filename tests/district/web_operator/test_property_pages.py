"""A property's console: its campaigns, made in a plain form, its tenants', and the statements of what it bears."""

import json
import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon
from sqlalchemy import select

from district.audiences.models import Segment, Tag
from district.auth.models import Role
from district.campaigns.models import Campaign
from district.database import new_id
from district.districts.models import District
from district.merchants.models import Merchant
from district.settlement.models import Statement
from district.stores.models import Property, Store
from district.web.property_form import EMPTY
from tests.conftest import refresh
from tests.district.web_operator.conftest import browser_of
from tests.factories import HELSINKI, Makers, square

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
WITHIN = {"circle": {"lon": HELSINKI.lon, "lat": HELSINKI.lat, "radius_m": 60.0}}


def property_of(makers: Makers, district: District, name: str) -> Property:
    row = Property(
        district_id=district.id,
        id=new_id(),
        kind="mall",
        name=name,
        outline=from_shape(MultiPolygon([square()]), srid=4326),
        created_at=makers.clock.now(),
    )
    makers.session.add(row)
    makers.done()
    return row


@pytest.fixture
def place(committed: Makers, district: District) -> Property:
    return property_of(committed, district, "Forum")


@pytest.fixture
async def manager(
    app: FastAPI, district: District, committed: Makers, place: Property
) -> AsyncIterator[httpx.AsyncClient]:
    async for browser in browser_of(app, committed.token(district, Role.PROPERTY, scope_id=place.id)):
        yield browser


@pytest.fixture
async def tenant(app: FastAPI, committed: Makers, district: District, place: Property) -> Store:
    merchant = committed.merchant(district, name="Zio")
    store = committed.store(district, merchant_id=merchant.id, property_id=place.id, name="Zio Forum")
    await refresh(app)
    return store


def form(store: Store, **values: str) -> dict[str, str]:
    return (
        {name: texts[0] for name, texts in EMPTY.values.items()}
        | {
            "name": "Spring",
            "store_ids": str(store.id),
            "within": json.dumps(WITHIN),
            "title_en": "20 % off",
            "text_en": "In the whole house",
            "then": "save",
        }
        | values
    )


def only(makers: Makers, place: Property) -> Campaign:
    makers.session.rollback()
    return makers.session.scalars(select(Campaign).where(Campaign.property_id == place.id)).one()


async def test_a_campaign_is_made_in_the_form_changed_and_submitted(
    manager: httpx.AsyncClient, committed: Makers, place: Property, tenant: Store
) -> None:
    assert "Zio Forum" in (await manager.get("/property/campaigns/new")).text
    sent = form(
        tenant,
        trigger="fence.dwell",
        dwell_min="5",
        value="amount",
        amount="4.50",
        min_spend="20",
        budget="900",
    )
    made = await manager.post("/property/campaigns/new", data=sent)
    row = only(committed, place)
    assert made.headers["location"] == f"/property/campaigns/{row.id}?said=saved"
    assert (row.state, row.owner_kind, row.merchant_id) == ("draft", "property", None)
    assert row.rule["trigger"] == {"any": [{"on": "fence.dwell", "min_s": 300}]}
    assert row.rule["budget"] == {"total_minor": 90_000}
    assert row.offer["value"] == {"type": "amount", "minor_units": 450, "min_spend_minor": 2_000}
    editor = (await manager.get(f"/property/campaigns/{row.id}/edit")).text
    assert re.search(r'name="amount"[^>]*value="4.50"', editor)
    version = re.search(r'name="version" value="(\d+)"', editor)
    assert version is not None
    changed = sent | {"amount": "5", "version": version[1], "then": "submit"}
    assert (await manager.post(f"/property/campaigns/{row.id}/edit", data=changed)).status_code == 303
    row = only(committed, place)
    assert (row.state, row.offer["value"]["minor_units"]) == ("in_review", 500)


async def test_a_change_of_an_old_version_is_refused(
    manager: httpx.AsyncClient, committed: Makers, place: Property, tenant: Store
) -> None:
    await manager.post("/property/campaigns/new", data=form(tenant))
    row = only(committed, place)
    old = form(tenant, name="Late", version=str(row.version + 3))
    answer = await manager.post(f"/property/campaigns/{row.id}/edit", data=old)
    assert answer.status_code == 422
    assert only(committed, place).name == "Spring"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"store_ids": "nonsense"},
        {"percent": "101"},
        {"within": ""},
        {"opening_hours": "whenever"},
        {"stock": "-1"},
        {"title_en": ""},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_what_cannot_be_is_said_and_nothing_is_made(
    manager: httpx.AsyncClient, committed: Makers, place: Property, tenant: Store, wrong: dict[str, str]
) -> None:
    answer = await manager.post("/property/campaigns/new", data=form(tenant) | wrong)
    assert answer.status_code == 422
    assert "alert-danger" in answer.text
    committed.session.rollback()
    mine = select(Campaign).where(Campaign.property_id == place.id)
    assert committed.session.scalars(mine).all() == []


async def test_a_rule_beyond_the_form_is_not_edited_in_it(
    manager: httpx.AsyncClient, committed: Makers, place: Property, tenant: Store
) -> None:
    await manager.post("/property/campaigns/new", data=form(tenant))
    row = only(committed, place)
    row.rule = {**row.rule, "who": {"attr": "language", "value": "zh"}}
    committed.done()
    answer = await manager.get(f"/property/campaigns/{row.id}/edit")
    assert answer.headers["location"] == f"/property/campaigns/{row.id}?said=beyond"


async def test_a_property_sees_its_tenants_campaigns_and_changes_none_of_them(
    app: FastAPI, manager: httpx.AsyncClient, committed: Makers, district: District, tenant: Store
) -> None:
    merchant_id = tenant.merchant_id
    merchant = committed.session.get_one(Merchant, (district.id, merchant_id))
    inside = committed.campaign(district, merchant, [tenant], name="Inside")
    elsewhere = committed.store(district, merchant_id=merchant_id)
    outside = committed.campaign(district, merchant, [elsewhere], name="Outside")
    page = (await manager.get("/property/campaigns")).text
    assert "Inside" in page
    assert "Outside" not in page
    assert (await manager.get(f"/property/campaigns/{outside.id}")).status_code == 404
    one = await manager.get(f"/property/campaigns/{inside.id}")
    assert one.status_code == 200
    assert 'name="action"' not in one.text
    step = await manager.post(f"/property/campaigns/{inside.id}/steps", data={"action": "end"})
    assert step.status_code == 422
    edit = await manager.get(f"/property/campaigns/{inside.id}/edit")
    assert edit.status_code == 303
    committed.session.refresh(inside)
    assert inside.state == "live"


def statement(makers: Makers, place: Property, **values: Any) -> Statement:
    row = Statement(
        district_id=place.district_id,
        id=new_id(),
        party="property",
        party_id=place.id,
        trading_day=date(2026, 4, 30),
        closed_at=makers.clock.now(),
        **dict.fromkeys(FIGURES, 0),
        **values,
    )
    makers.session.add(row)
    makers.done()
    return row


async def test_statements_are_the_propertys_own(
    app: FastAPI, manager: httpx.AsyncClient, committed: Makers, district: District, place: Property
) -> None:
    own = statement(committed, place)
    others = statement(committed, property_of(committed, district, "Kämp"))
    page = (await manager.get("/property/statements")).text
    assert f"/property/statements/{own.id}" in page
    assert str(others.id) not in page
    one = await manager.get(f"/property/statements/{own.id}")
    assert one.status_code == 200
    assert 'type="file"' not in one.text
    file = await manager.get(f"/property/statements/{own.id}/lines.csv")
    assert file.headers["content-type"].startswith("text/csv")
    for part in ("", "/lines.csv"):
        assert (await manager.get(f"/property/statements/{others.id}{part}")).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/property/campaigns", "/property/campaigns/new", "/property/campaigns.csv", "/property/statements"],
)
async def test_only_the_property_sees_them_and_in_both_languages(
    manager: httpx.AsyncClient, operator: httpx.AsyncClient, path: str
) -> None:
    assert (await operator.get(path)).headers["location"].startswith("/login?role=property")
    for language in ("en", "zh"):
        assert (await manager.get(f"{path}?lang={language}")).status_code == 200


def named(makers: Makers, place: Property, table: type[Segment] | type[Tag], name: str, title: str) -> None:
    """A set of the property's."""
    now = makers.clock.now()
    values: dict[str, Any] = {"kind": "live", "rule": "new", "changed_at": now} if table is Segment else {}
    makers.session.add(
        table(
            district_id=place.district_id,
            id=new_id(),
            property_id=place.id,
            name=name,
            title=title,
            created_at=now,
            **values,
        )
    )
    makers.done()


@pytest.mark.parametrize(
    ("table", "chosen", "who"),
    [
        pytest.param(Segment, "seg:guests", {"seg": "guests"}, id="segment"),
        pytest.param(Tag, "tag:guests", {"attr": "tag", "value": "guests"}, id="tag"),
    ],
)
async def test_the_form_offers_the_propertys_own_sets_and_shows_the_one_chosen(
    *,
    manager: httpx.AsyncClient,
    committed: Makers,
    district: District,
    place: Property,
    tenant: Store,
    table: type[Segment] | type[Tag],
    chosen: str,
    who: dict[str, str],
) -> None:
    named(committed, place, table, "guests", "Lunch guests")
    beside = property_of(committed, district, "Beside")
    beside.outline = None  # another's building would ask for its consent
    named(committed, beside, table, "theirs", "Not ours")
    empty = (await manager.get("/property/campaigns/new")).text
    assert f'value="{chosen}"' in empty
    assert "Not ours" not in empty
    made = await manager.post("/property/campaigns/new", data=form(tenant, audience=chosen))
    assert made.status_code == 303, made.text
    row = only(committed, place)
    assert row.rule["who"] == who
    editor = (await manager.get(f"/property/campaigns/{row.id}/edit")).text
    assert re.search(rf'value="{chosen}" selected', editor)

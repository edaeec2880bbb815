"""Campaigns of the whole district: the editor at the operator's addresses, its search for shops, and buildings that have not agreed."""

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from geoalchemy2.shape import from_shape
from shapely import LineString
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns.models import Campaign, CampaignStock, CampaignStore
from district.campaigns.schemas import MOST_STORES
from district.campaigns.shared_models import TerritoryConsent
from district.database import new_id
from district.districts.models import District
from district.stores.models import Property, Store
from district.web.editor.district_ideas import DISTRICT_FIRST, DISTRICT_IDEAS
from district.web.editor.fields import Fields
from district.zones.models import MapFeature
from geo.coordinates import LonLat
from tests.conftest import refresh
from tests.district.web_operator.test_property_pages import property_of
from tests.factories import HELSINKI, Makers

NEW = "/operator/campaigns/new"
ARRANGE = "/operator/campaigns/arrange"
CHECK = "/operator/campaigns/check"
HTMX = {"HX-Request": "true"}
FAR = LonLat(lon=HELSINKI.lon + 0.01, lat=HELSINKI.lat)
WIDE = {"circle": {"lon": HELSINKI.lon, "lat": HELSINKI.lat, "radius_m": 300.0}}
"""More than the building of the tests, which stands in its middle."""


@pytest.fixture
async def shops(app: FastAPI, district: District, committed: Makers) -> tuple[Store, Store]:
    """A café and a clothes shop of two merchants."""
    cafe = committed.store(
        district, merchant_id=committed.merchant(district, name="Zio").id, name="Zio Café", category="cafe"
    )
    clothes = committed.store(
        district, merchant_id=committed.merchant(district, name="Nord").id, name="Nord 100%", at=FAR
    )
    await refresh(app)
    return cafe, clothes


@pytest.fixture
def quarter(committed: Makers, district: District, shops: tuple[Store, Store]) -> Property:
    """A house, a zone and a street for the two; a shop that has closed, and one elsewhere."""
    place = property_of(committed, district, "Forum")
    shops[0].property_id = place.id
    committed.zone(district, slug="middle")
    line = LineString([(FAR.lon, FAR.lat - 0.001), (FAR.lon, FAR.lat + 0.001)])
    committed.session.add(
        MapFeature(
            district_id=district.id,
            id=new_id(),
            layer="streets",
            ref="kluuvi",
            name="Kluuvikatu",
            shape=from_shape(line, srid=4326),
            shape_3857=from_shape(line, srid=3857),
        )
    )
    committed.store(committed.district(), name="Zio Café", category="cafe")
    committed.store(district, name="Zio closed", category="cafe", closed_at=committed.clock.now())
    committed.done()
    return place


def sent(*stores: Store, of: Fields = DISTRICT_FIRST, **changes: Any) -> dict[str, Any]:
    """A form as a browser sends it."""
    typed = {name: list(texts) for name, texts in of.values.items()}
    words = {
        "name": "All of us",
        "title_en": "10 % off",
        "title_zh": "九折",
        "text_en": "Now",
        "text_zh": "现在",
    }
    return typed | words | {"store_ids": [str(one.id) for one in stores], "then": "save"} | changes


def own(engine: Engine, district: District) -> Campaign | None:
    """The operator's campaign."""
    with Session(engine) as session:
        return session.scalars(
            select(Campaign).where(Campaign.district_id == district.id, Campaign.owner_kind == "operator")
        ).one_or_none()


def held(engine: Engine, campaign: Campaign) -> set[uuid.UUID]:
    with Session(engine) as session:
        return set(
            session.scalars(select(CampaignStore.store_id).where(CampaignStore.campaign_id == campaign.id))
        )


def ticked(page: str) -> list[str]:
    """The shops whose boxes are ticked."""
    return re.findall(r'name="store_ids" value="([^"]+)" checked', page)


def listed(page: str) -> list[str]:
    """The shops that are shown, ticked or not."""
    return re.findall(r'name="store_ids" value="([^"]+)"', page)


@pytest.mark.parametrize("path", [NEW, ARRANGE, f"/operator/campaigns/{uuid.UUID(int=1)}/edit"])
async def test_the_operators_editor_is_for_operators(
    merchant: httpx.AsyncClient, operator: httpx.AsyncClient, path: str
) -> None:
    strangers = await merchant.get(path)
    assert strangers.headers["location"].startswith("/login?role=operator")
    theirs = await operator.get(path.replace("/operator/", "/merchant/"))
    assert theirs.headers["location"].startswith("/login?role=merchant")


@pytest.mark.parametrize("path", [NEW, ARRANGE, CHECK, f"/operator/campaigns/{uuid.UUID(int=1)}/edit"])
async def test_no_other_site_sends_the_operators_forms(operator: httpx.AsyncClient, path: str) -> None:
    foreign = await operator.post(path, data={"name": "x"}, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403


async def test_a_coupon_of_the_district_is_made_submitted_and_approved(
    operator: httpx.AsyncClient, district: District, shops: tuple[Store, Store], engine: Engine
) -> None:
    answer = await operator.post(NEW, data=sent(*shops, stock="500", then="submit"))
    assert answer.status_code == 303
    made = own(engine, district)
    assert made is not None
    assert answer.headers["location"] == f"/operator/campaigns/{made.id}?said=submitted"
    assert (made.state, made.merchant_id, made.property_id) == ("in_review", None, None)
    assert made.rule["trigger"] == {"any": [{"on": "wifi.join"}]}
    assert held(engine, made) == {one.id for one in shops}
    page = await operator.get(f"{answer.headers['location']}&lang=en")
    assert "waits under Approvals" in page.text
    step = f"/operator/approvals/{made.id}/approve"
    assert (await operator.post(step, data={"version": str(made.version)})).status_code == 303
    with Session(engine) as session:
        assert session.get_one(Campaign, (district.id, made.id)).state == "live"
        assert session.get_one(CampaignStock, (district.id, made.id)).quota == 500


@pytest.mark.parametrize("idea", sorted(DISTRICT_IDEAS))
async def test_every_idea_is_a_campaign_once_shops_are_ticked(
    operator: httpx.AsyncClient, district: District, shops: tuple[Store, Store], engine: Engine, idea: str
) -> None:
    page = await operator.get(f"{NEW}?idea={idea}&lang=zh")
    assert page.status_code == 200
    dated = {"trigger-0-date": "2026-06-01"} if idea == "broadcast" else {}
    answer = await operator.post(NEW, data=sent(*shops, of=DISTRICT_IDEAS[idea], **dated))
    assert answer.headers["location"].endswith("said=saved")
    made = own(engine, district)
    assert made is not None
    kinds = {"coupon": "coupon", "broadcast": "message", "greeting": "greeting", "packets": "red_packet"}
    assert made.offer["kind"] == kinds[idea]


async def test_the_form_of_a_saved_campaign_makes_the_same_again(
    operator: httpx.AsyncClient, district: District, shops: tuple[Store, Store], engine: Engine
) -> None:
    await operator.post(NEW, data=sent(*shops))
    before = own(engine, district)
    assert before is not None
    page = await operator.get(f"/operator/campaigns/{before.id}/edit?lang=en")
    assert f'action="/operator/campaigns/{before.id}/edit"' in page.text
    assert sorted(ticked(page.text)) == sorted(str(one.id) for one in shops)
    changed = sent(shops[0], name="Cafés alone", version=str(before.version))
    answer = await operator.post(f"/operator/campaigns/{before.id}/edit", data=changed)
    assert answer.headers["location"] == f"/operator/campaigns/{before.id}?said=saved"
    after = own(engine, district)
    assert after is not None
    assert (after.name, after.rule, held(engine, after)) == ("Cafés alone", before.rule, {shops[0].id})
    stale = await operator.post(f"/operator/campaigns/{before.id}/edit", data=changed)
    assert stale.status_code == 409
    assert 'id="stale"' in stale.text


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ({}, {"Zio Café", "Nord 100%"}),
        ({"find_text": "ZIO"}, {"Zio Café"}),
        ({"find_text": "0%"}, {"Nord 100%"}),
        ({"find_text": "_"}, set()),
        ({"find_trade": "cafe"}, {"Zio Café"}),
        ({"find_trade": "clothes", "find_text": "zio"}, set()),
        ({"find_zone": "middle"}, {"Zio Café"}),
        ({"find_zone": "nowhere"}, set()),
        ({"find_street": "kluuvi"}, {"Nord 100%"}),
        ({"find_building": "house"}, {"Zio Café"}),
        ({"find_building": "no-id"}, set()),
    ],
    ids=[
        "all",
        "name",
        "percent",
        "underscore",
        "trade",
        "both",
        "zone",
        "no-zone",
        "street",
        "house",
        "no-id",
    ],
)
async def test_shops_are_found_by_what_they_are_and_where(
    operator: httpx.AsyncClient,
    shops: tuple[Store, Store],
    quarter: Property,
    search: dict[str, str],
    names: set[str],
) -> None:
    typed: dict[str, Any] = {
        name: str(quarter.id) if text == "house" else text for name, text in search.items()
    }
    answer = await operator.post(
        f"{ARRANGE}?part=stores&lang=en", data=sent(do="stores:find", **typed), headers=HTMX
    )
    assert answer.status_code == 200
    assert "<html" not in answer.text
    by_id = {str(one.id): one.name for one in shops}
    assert {by_id[one] for one in listed(answer.text)} == names
    assert ticked(answer.text) == []
    assert ("No open shop is like this" in answer.text) == (not names)


async def test_all_that_were_found_are_ticked_up_to_the_most_and_taken_out_and_put_back(
    operator: httpx.AsyncClient, district: District, shops: tuple[Store, Store], committed: Makers
) -> None:
    for number in range(MOST_STORES + 5):
        committed.store(district, name=f"Stall {number:03d}", category="gift")
    form = sent(shops[0], do="stores:all", find_on="yes", find_trade="gift")
    whole = await operator.post(f"{ARRANGE}?part=stores&lang=en", data=form, headers=HTMX)
    named = ticked(whole.text)
    assert len(named) == MOST_STORES
    assert str(shops[0].id) in named
    assert f"{MOST_STORES} of at most {MOST_STORES}" in whole.text
    assert "205 shops found." in whole.text
    emptied = await operator.post(
        f"{ARRANGE}?part=stores&lang=en", data=form | {"do": "stores:none", "store_ids": named}, headers=HTMX
    )
    assert ticked(emptied.text) == []
    were = re.findall(r'name="stores_were" value="([^"]+)"', emptied.text)
    assert sorted(were) == sorted(named)
    back = form | {"do": "stores:back", "store_ids": [], "stores_were": were}
    restored = await operator.post(f"{ARRANGE}?part=stores", data=back, headers=HTMX)
    assert sorted(ticked(restored.text)) == sorted(named)


async def test_more_shops_than_a_campaign_has_are_told_at_their_field(
    operator: httpx.AsyncClient, district: District, engine: Engine
) -> None:
    many = [str(new_id()) for _ in range(MOST_STORES + 1)]
    answer = await operator.post(f"{NEW}?lang=en", data=sent(store_ids=many))
    assert answer.status_code == 422
    assert f"A campaign has at most {MOST_STORES} shops" in answer.text
    assert own(engine, district) is None


async def test_without_a_shop_and_with_anothers_nothing_is_saved(
    operator: httpx.AsyncClient, district: District, committed: Makers, engine: Engine
) -> None:
    none = await operator.post(f"{NEW}?lang=en", data=sent())
    assert (none.status_code, "Tick at least one shop." in none.text) == (422, True)
    elsewhere = committed.store(committed.district())
    other = await operator.post(f"{NEW}?lang=en", data=sent(elsewhere))
    assert (other.status_code, "not an open store of the district" in other.text) == (422, True)
    hostile = await operator.post(NEW, data=sent(store_ids=["'; DROP TABLE store", "\x00"]))
    assert hostile.status_code == 422
    assert own(engine, district) is None


def crossing(*stores: Store, **changes: Any) -> dict[str, Any]:
    """Who enters a ground that a building stands in."""
    ground = {"ground": "drawn", "within": json.dumps(WIDE), "trigger-0-on": "fence.enter"}
    return sent(*stores, **(ground | changes))


async def test_a_building_without_consent_is_named_and_left_out_by_a_button(
    operator: httpx.AsyncClient,
    district: District,
    shops: tuple[Store, Store],
    committed: Makers,
    engine: Engine,
) -> None:
    property_of(committed, district, "<Forum>")
    refused = await operator.post(f"{NEW}?lang=en", data=crossing(shops[0]))
    assert refused.status_code == 422
    assert "The fence reaches into &lt;Forum&gt;" in refused.text
    judged = await operator.post(f"{CHECK}?lang=en", data=crossing(shops[0]), headers=HTMX)
    assert "&lt;Forum&gt;" in judged.text
    assert 'value="buildings:out"' in judged.text
    without = await operator.post(
        f"{ARRANGE}?part=cut&lang=en", data=crossing(shops[0], do="buildings:out"), headers=HTMX
    )
    found = re.search(r'name="cut-0-cut" value="([^"]+)"', without.text)
    assert found is not None
    cut = {"cut": ["0"], "cut-0-kind": "shape", "cut-0-cut": found[1].replace("&#34;", '"')}
    clear = await operator.post(f"{CHECK}?lang=en", data=crossing(shops[0], **cut), headers=HTMX)
    assert 'value="buildings:out"' not in clear.text
    answer = await operator.post(NEW, data=crossing(shops[0], **cut))
    assert answer.status_code == 303
    made = own(engine, district)
    assert made is not None
    assert made.rule["where"]["exclude"][0]["type"] in {"Polygon", "MultiPolygon"}


async def test_a_building_whose_property_agreed_is_no_obstacle(
    operator: httpx.AsyncClient, district: District, shops: tuple[Store, Store], committed: Makers
) -> None:
    place = property_of(committed, district, "Forum")
    committed.session.add(
        TerritoryConsent(
            district_id=district.id,
            id=new_id(),
            property_id=place.id,
            grantee_kind="operator",
            grantee_id=district.id,
            granted_at=committed.clock.now() - timedelta(days=1),
            granted_role=Role.PROPERTY,
            granted_by=new_id(),
        )
    )
    committed.done()
    judged = await operator.post(CHECK, data=crossing(shops[0]), headers=HTMX)
    assert 'value="buildings:out"' not in judged.text
    assert (await operator.post(NEW, data=crossing(shops[0]))).status_code == 303


async def test_merchants_campaigns_and_joint_events_are_not_written_here(
    operator: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    district: District,
    shops: tuple[Store, Store],
    committed: Makers,
) -> None:
    trader = committed.merchant(district)
    theirs = committed.campaign(district, trader, [shops[0]])
    joint = committed.campaign(
        district,
        trader,
        [shops[0]],
        owner_kind="operator",
        merchant_id=None,
        holds_until=committed.clock.now() + timedelta(days=1),
    )
    plain = committed.campaign(district, trader, [shops[0]], owner_kind="operator", merchant_id=None)
    for campaign, status in ((theirs, 404), (joint, 404), (plain, 200)):
        edit = f"/operator/campaigns/{campaign.id}/edit"
        assert (await operator.get(edit)).status_code == status
        assert (await operator.get(f"{NEW}?copy={campaign.id}")).status_code == status
        page = await operator.get(f"/operator/campaigns/{campaign.id}")
        assert (edit in page.text) == (status == 200)
        assert (await stranger.get(edit)).status_code == 404
    changed = await operator.post(f"/operator/campaigns/{theirs.id}/edit", data=sent(shops[0], version="1"))
    assert changed.status_code == 404


async def test_a_copy_starts_as_a_campaign_of_its_own(
    operator: httpx.AsyncClient, district: District, shops: tuple[Store, Store], committed: Makers
) -> None:
    of = committed.campaign(
        district, committed.merchant(district), list(shops), owner_kind="operator", merchant_id=None
    )
    page = await operator.get(f"{NEW}?copy={of.id}&lang=en")
    assert 'value="Lunch (2)"' in page.text
    assert 'action="/operator/campaigns/new"' in page.text
    assert len(ticked(page.text)) == 2


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_form_speaks_both_languages_and_of_the_district(
    operator: httpx.AsyncClient, shops: tuple[Store, Store], language: str
) -> None:
    page = await operator.get(f"{NEW}?lang={language}")
    assert page.status_code == 200
    assert ("查找门店" if language == "zh" else "Find shops") in page.text
    for merchants in ("/merchant/", "my shops", "我的门店"):
        assert merchants not in page.text
    listed_page = await operator.get(f"/operator/campaigns?lang={language}")
    assert 'href="/operator/campaigns/new"' in listed_page.text

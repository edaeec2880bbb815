"""A property's segments, tags and lists on its own pages: the merchants' pages at its addresses, with its own rows alone."""

import re
import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.audiences.models import ContactList, Follow, MemberTag, Segment, Tag
from district.auth.models import Role
from district.campaigns.models import Campaign
from district.database import new_id
from district.districts.models import District
from district.members.models import Member
from district.merchants.models import Merchant
from district.redemptions.models import Redemption
from district.stores.models import Property, Store
from tests.district.web_merchant.test_audience_pages import GETS, POSTS, form
from tests.district.web_operator.conftest import browser_of
from tests.district.web_operator.test_property_pages import manager, place, property_of, tenant
from tests.factories import Makers

__all__ = ["manager", "place", "tenant"]
PAGES, FORMS = ([path.replace("/merchant/", "/property/") for path in paths] for paths in (GETS, POSTS))


def only(engine: Engine, table: Any, place: Property) -> Any:
    with Session(engine) as session:
        mine = select(table).where(table.property_id == place.id, table.name.not_like("~%"))
        return session.scalars(mine).one_or_none()


def redeemed(makers: Makers, store: Store, member: Member, place: Property | None) -> str:
    """Somebody redeemed at the tenant's till: an offer of the property, or of the tenant himself."""
    session = makers.session
    district, merchant = (
        session.get_one(District, store.district_id),
        session.get_one(Merchant, (store.district_id, store.merchant_id)),
    )
    campaign = makers.campaign(district, merchant, [store], name="Spring" if place else "His own")
    if place is not None:
        values: dict[Any, Any] = {"owner_kind": "property", "merchant_id": None, "property_id": place.id}
        session.query(Campaign).filter_by(id=campaign.id).update(values)
    offer = makers.offer(campaign, member, state="redeemed")
    row = Redemption(
        district_id=district.id,
        id=new_id(),
        offer_id=offer.id,
        store_id=store.id,
        till="till",
        use_request_no=uuid.uuid4().hex,
        body_hash=b"\0" * 32,
        value=offer.value,
        redeemed_at=makers.clock.now(),
    )
    session.add(row)
    makers.done()
    return str(row.id)


@pytest.mark.parametrize("path", FORMS)
async def test_no_other_site_sends_forms(manager: httpx.AsyncClient, path: str) -> None:
    foreign = await manager.post(path, data={"title": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403


async def test_each_console_is_for_who_belongs_there(
    app: FastAPI, manager: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    merchant = committed.merchant(district)
    strangers = await manager.get("/merchant/audience")
    assert strangers.headers["location"].startswith("/login?role=merchant")
    async for browser in browser_of(app, committed.token(district, Role.MERCHANT, scope_id=merchant.id)):
        for path in PAGES:
            answer = await browser.get(path)
            assert answer.headers["location"].startswith("/login?role=property"), path


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_speaks_both_languages_and_leads_to_its_own_console(
    manager: httpx.AsyncClient, path: str
) -> None:
    for language in ("zh", "en"):
        page = await manager.get(f"{path}?lang={language}")
        assert page.status_code == 200
        assert "/merchant" not in page.text


async def test_a_segment_is_made_shown_changed_and_used_by_the_propertys_campaign(
    manager: httpx.AsyncClient, committed: Makers, place: Property, engine: Engine, tenant: Store
) -> None:
    sent = form(title="Regulars", **{"visits.is": "must", "visits.n": "4"})
    made = await manager.post("/property/audience/segments/new", data=sent)
    assert made.headers["location"] == "/property/audience/segments/regulars?said=saved"
    row = only(engine, Segment, place)
    assert row.rule == {
        "all": [{"attr": "visits", "op": ">=", "value": 4, "window_d": 90, "scope": "merchant"}]
    }
    page = (await manager.get(made.headers["location"])).text
    assert "visited the property at least 4 times in 90 days" in page
    assert "any shop of the building" in page
    changed = sent | {"title": "Often here", "version": "1", "visits.n": "6"}
    await manager.post("/property/audience/segments/regulars", data=changed)
    assert only(engine, Segment, place).rule["all"][0]["value"] == 6
    merchant = committed.session.get_one(Merchant, (tenant.district_id, tenant.merchant_id))
    district = committed.session.get_one(District, tenant.district_id)
    named = committed.campaign(district, merchant, [tenant], name="Spring")
    values: dict[Any, Any] = {"owner_kind": "property", "merchant_id": None, "property_id": place.id}
    values["rule"] = named.rule | {"who": {"seg": "regulars"}}
    committed.session.query(Campaign).filter_by(id=named.id).update(values)
    committed.done()
    assert (
        f'href="/property/campaigns/{named.id}">Spring</a>' in (await manager.get("/property/audience")).text
    )
    kept = await manager.post("/property/audience/remove", data={"kind": "segment", "name": "regulars"})
    assert kept.status_code == 409


async def test_a_tag_is_given_by_the_propertys_own_offers_alone(
    manager: httpx.AsyncClient, committed: Makers, place: Property, engine: Engine, tenant: Store
) -> None:
    district = committed.session.get_one(District, tenant.district_id)
    guest, other = committed.member(district), committed.member(district)
    own = redeemed(committed, tenant, guest, place)
    tenants = redeemed(committed, tenant, other, None)
    await manager.post("/property/audience/tags", data={"title": "Guests"})
    address = "/property/audience/tags/guests"
    page = (await manager.get(address)).text
    assert f'value="{own}"' in page
    assert tenants not in page
    given = await manager.post(address, data={"redemptions": f"{own}\n{tenants}", "then": "give"})
    assert "Given to 1, taken from 0." in given.text
    assert "1 could not be named: no redemption of your own offers" in given.text
    with Session(engine) as session:
        assert session.scalars(select(MemberTag.member_id)).all() == [guest.id]


async def test_a_list_is_uploaded_removed_and_brought_back(
    manager: httpx.AsyncClient, place: Property, engine: Engine
) -> None:
    await manager.post("/property/audience/lists", data={"title": "Friends"})
    content = b"phone,email\n+358401234567,\nnonsense,\n"
    report = await manager.post("/property/audience/lists/friends", files={"file": ("a.csv", content)})
    assert "1 of 2 rows are kept" in report.text
    removed = await manager.post("/property/audience/remove", data={"kind": "list", "name": "friends"})
    assert removed.headers["location"].startswith("/property/audience/lists?said=removed")
    row = re.search(r'name="row" value="([^"]+)"', (await manager.get(removed.headers["location"])).text)
    assert row is not None
    await manager.post("/property/audience/bring-back", data={"kind": "list", "row": row[1]})
    assert only(engine, ContactList, place).entries == 1


async def test_a_neighbour_sees_and_takes_nothing(
    app: FastAPI, manager: httpx.AsyncClient, committed: Makers, district: District, engine: Engine
) -> None:
    await manager.post("/property/audience/tags", data={"title": "Guests"})
    beside = property_of(committed, district, "Beside")
    token = committed.token(district, Role.PROPERTY, scope_id=beside.id)
    async for browser in browser_of(app, token):
        assert "Guests" not in (await browser.get("/property/audience/tags")).text
        assert (await browser.get("/property/audience/tags/guests")).status_code == 404
        gone = await browser.post("/property/audience/remove", data={"kind": "tag", "name": "guests"})
        assert gone.status_code == 404
    with Session(engine) as session:
        assert session.scalars(select(Tag.name).where(Tag.district_id == district.id)).all() == ["guests"]


async def test_followers_are_those_of_its_shops_from_ten_on(
    manager: httpx.AsyncClient, committed: Makers, tenant: Store
) -> None:
    district = committed.session.get_one(District, tenant.district_id)
    outside = committed.store(district, merchant_id=tenant.merchant_id)
    for store, count in ((tenant, 14), (outside, 20)):
        for _ in range(count):
            member = committed.member(district)
            now = committed.clock.now()
            committed.session.add(
                Follow(district_id=district.id, member_id=member.id, store_id=store.id, at=now)
            )
    committed.done()
    found = re.search(r'kpi-value"><span>([^<]*)</span>', (await manager.get("/property/audience")).text)
    assert found is not None
    assert found[1] == "10"

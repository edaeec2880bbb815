"""The front door: one click into a demo for every kind of person, and none into a real district."""

import httpx
import pytest
from fastapi import FastAPI

from district.auth import service as auth
from district.auth.models import Role
from district.auth.principals import COOKIE
from district.districts.models import District
from district.feeds import service as feeds
from district.feeds.schemas import NewFeed, Vendor
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from tests.conftest import refresh
from tests.factories import Makers

OWN = {"sec-fetch-site": "same-origin"}


def _account(makers: Makers, district: District, role: Role, scope_id: object = None) -> None:
    auth.create_account(
        makers.session,
        username=f"{role}.{district.slug}",
        password="password",
        role=role,
        district_id=district.id,
        scope_id=scope_id,  # type: ignore[arg-type]  # a plain id or nothing
        clock=makers.clock,
    )
    makers.done()


@pytest.fixture
def demo(committed: Makers) -> District:
    """A labelled district with a shopper, an operator, a click gateway, an access point and a Meraki feed."""
    district = committed.district(label="demo")
    _account(committed, district, Role.SHOPPER, committed.member(district).id)
    _account(committed, district, Role.OPERATOR)
    gateways.create(
        committed.session,
        committed.info(district),
        NewGateway(slug=f"{district.slug[:30]}-click", vendor="click"),
        clock=committed.clock,
    )
    committed.access_point(district)
    feeds.create(
        committed.session,
        committed.info(district),
        NewFeed(slug=f"{district.slug[:30]}-meraki", vendor=Vendor.MERAKI),
        clock=committed.clock,
    )
    committed.done()
    return district


async def test_the_home_page_has_doors_only_for_the_accounts_there_are(
    client: httpx.AsyncClient, app: FastAPI, demo: District
) -> None:
    await refresh(app)
    page = (await client.get(f"/?district={demo.slug}")).text
    assert f"operator.{demo.slug}" in page
    assert f"merchant.{demo.slug}" not in page
    assert f"/demo/join?district={demo.slug}" in page


async def test_one_click_opens_a_session_of_that_role(
    client: httpx.AsyncClient, app: FastAPI, demo: District
) -> None:
    await refresh(app)
    form = {"role": "shopper", "district": demo.slug}
    answer = await client.post("/login/demo", data=form, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/d/{demo.slug}")
    me = await client.get("/v1/me", headers={"authorization": f"Bearer {answer.cookies[COOKIE]}"})
    assert me.json()["district"] == demo.slug
    answer = await client.post("/login/demo", data=form | {"role": "operator"}, headers=OWN)
    assert answer.headers["location"] == "/operator"


@pytest.mark.parametrize("role", ["merchant", "property", "feed", "", "root"])
async def test_a_door_that_is_not_there_opens_nothing(
    client: httpx.AsyncClient, app: FastAPI, demo: District, role: str
) -> None:
    await refresh(app)
    answer = await client.post("/login/demo", data={"role": role, "district": demo.slug}, headers=OWN)
    assert answer.status_code == 404
    assert COOKIE not in answer.cookies


async def test_a_real_district_has_no_door_without_a_password(
    client: httpx.AsyncClient, app: FastAPI, committed: Makers
) -> None:
    real = committed.district()
    _account(committed, real, Role.OPERATOR)
    await refresh(app)
    form = {"role": "operator", "district": real.slug}
    assert (await client.post("/login/demo", data=form, headers=OWN)).status_code == 404
    assert (await client.get(f"/demo/join?district={real.slug}")).status_code == 404
    assert f"operator.{real.slug}" not in (await client.get(f"/?district={real.slug}")).text


async def test_a_foreign_form_opens_nothing(client: httpx.AsyncClient, app: FastAPI, demo: District) -> None:
    await refresh(app)
    form = {"role": "operator", "district": demo.slug}
    foreign = {"sec-fetch-site": "cross-site"}
    assert (await client.post("/login/demo", data=form, headers=foreign)).status_code == 403


async def _joined(client: httpx.AsyncClient, demo: District) -> None:
    """Through the real sign-in page, as a browser goes."""
    redirect = await client.get(f"/demo/join?district={demo.slug}")
    assert redirect.status_code == 303
    page = await client.get(redirect.headers["location"])
    assert page.status_code == 200
    form = {"method": "click", "marketing": "yes", "location": "yes"}
    answer = await client.post(redirect.headers["location"], data=form, headers=OWN)
    assert answer.status_code == 303, answer.text


async def test_a_visitor_who_joined_moves_a_pin_that_the_feed_hears(
    client: httpx.AsyncClient, app: FastAPI, demo: District
) -> None:
    await refresh(app)
    await _joined(client, demo)
    assert "pin-map" in (await client.get("/demo/be-a-shopper")).text
    moved = await client.post(
        "/demo/pin",
        data={"lon": "24.9450", "lat": "60.1690"},
        headers=OWN | {"accept": "application/json"},
    )
    assert moved.json() == {"accepted": 1, "lon": pytest.approx(24.945), "lat": pytest.approx(60.169)}
    far = await client.post(
        "/demo/pin", data={"lon": "25.9", "lat": "61.0"}, headers=OWN | {"accept": "application/json"}
    )
    assert abs(far.json()["lat"] - 60.1689) < 0.02
    nothing_yet = (await client.get("/demo/arrivals")).text
    assert "Nothing has come yet" in nothing_yet


async def test_offers_that_ask_for_a_past_are_named_so_and_come_last(
    client: httpx.AsyncClient, app: FastAPI, committed: Makers, demo: District
) -> None:
    merchant = committed.merchant(demo)
    past, free = (committed.store(demo, merchant_id=merchant.id, name=name) for name in ("Past", "Free"))
    entering = {"v": 1, "trigger": {"any": [{"on": "fence.enter"}]}}
    been_here = {"all": [{"attr": "visits", "op": ">=", "value": 1, "scope": "district"}]}
    committed.campaign(demo, merchant, [past], rule=entering | {"who": been_here})
    committed.campaign(demo, merchant, [free], rule=entering | {"who": "everyone"})
    await refresh(app)
    await _joined(client, demo)
    page = (await client.get("/demo/be-a-shopper")).text
    listed = page[page.index('<ol class="near">') :]
    assert listed.index("Free") < listed.index("Past") < listed.index("for returning visitors")


async def test_a_tap_without_a_script_moves_the_pin(
    client: httpx.AsyncClient, app: FastAPI, demo: District
) -> None:
    await refresh(app)
    await _joined(client, demo)
    answer = await client.post("/demo/pin", data={"at.x": "10", "at.y": "10"}, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/demo/be-a-shopper")
    wrong = await client.post("/demo/pin", data={"at.x": "9999", "at.y": "10"}, headers=OWN)
    assert wrong.status_code == 422


async def test_nobody_moves_a_pin_without_joining_or_with_a_forged_one(
    client: httpx.AsyncClient, app: FastAPI, demo: District
) -> None:
    await refresh(app)
    data = {"lon": "24.945", "lat": "60.169"}
    assert (await client.post("/demo/pin", data=data, headers=OWN)).status_code == 401
    await _joined(client, demo)
    (kept,) = [cookie for cookie in client.cookies.jar if cookie.name == "demo_pin"]
    body, _, seal = (kept.value or "").partition(".")
    kept.value = f"{body}.{'0' * len(seal)}"
    assert (await client.post("/demo/pin", data=data, headers=OWN)).status_code == 401

"""Stores, tills and keys over HTTP: who may do what, and what stays."""

import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from geoalchemy2.shape import from_shape
from shapely import Point

from district.auth.models import Role
from district.clock import FixedClock
from district.stores.models import ImportedPlace
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers, square

NEW = {"name": "Zio", "category": "clothes", "lon": HELSINKI.lon, "lat": HELSINKI.lat}


class Town:
    """A district with two merchants of one store each, another district, and a token for everyone."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, makers: Makers) -> None:
        self.app, self.client = app, client
        self.district, self.other = makers.district(), makers.district()
        self.mine, self.rival = makers.merchant(self.district), makers.merchant(self.district, name="Rival")
        self.store = makers.store(self.district, merchant_id=self.mine.id)
        self.rivals_store = makers.store(self.district, merchant_id=self.rival.id)
        self.tokens = {
            "operator": makers.token(self.district, Role.OPERATOR),
            "merchant": makers.token(self.district, Role.MERCHANT, scope_id=self.mine.id),
            "shopper": makers.token(self.district, Role.SHOPPER),
            "stranger": makers.token(self.other, Role.OPERATOR),
        }

    async def send(
        self, who: str, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}
        address = f"/v1/districts/{self.district.slug}{path}"
        return await self.client.request(method, address, json=body, headers=given | headers)

    async def status(self, who: str, method: str, path: str, body: Any = None) -> int:
        return (await self.send(who, method, path, body)).status_code


@pytest.fixture
async def town(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Town:
    made = Town(app, client, committed)
    await refresh(app)
    return made


@pytest.mark.parametrize("path", ["/stores", "/tills", "/keys", "/merchants", "/zones", "/access-points"])
async def test_lists_are_for_staff_of_the_district(town: Town, path: str) -> None:
    assert await town.status("nobody", "GET", path) == 401
    assert await town.status("stranger", "GET", path) == 404
    assert await town.status("shopper", "GET", path) == 403
    assert await town.status("operator", "GET", path) == 200
    assert await town.status("operator", "GET", f"{path}?limit=0") == 422
    assert await town.status("operator", "GET", f"{path}?after=x") == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/stores", NEW),
        ("/merchants", {"name": "Zio"}),
        ("/zones", {"name": "Zio", "geometry": square().__geo_interface__}),
        ("/access-points", {"mac": "aa:bb:cc:dd:ee:01"}),
    ],
)
async def test_only_the_operator_makes_places(town: Town, path: str, body: dict[str, Any]) -> None:
    assert await town.status("nobody", "POST", path, body) == 401
    assert await town.status("stranger", "POST", path, body) == 404
    for who in ("shopper", "merchant"):
        assert await town.status(who, "POST", path, body) == 403
    assert await town.status("operator", "POST", path, body | {"is_demo": True}) == 422
    first = await town.send("operator", "POST", path, body, **{"Idempotency-Key": "k1"})
    again = await town.send("operator", "POST", path, body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


async def test_a_merchant_sees_and_words_its_own_store_only(town: Town) -> None:
    listed = (await town.send("merchant", "GET", "/stores")).json()
    assert [item["id"] for item in listed["items"]] == [str(town.store.id)]
    assert await town.status("merchant", "PATCH", f"/stores/{town.rivals_store.id}", {"name": "x"}) == 404
    answer = await town.send(
        "merchant", "PATCH", f"/stores/{town.store.id}", {"name": "Z\u202eio", "floor": "2"}
    )
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["floor"]) == ("Zio", "2")
    for change in ({"merchant_id": None}, {"lon": 1, "lat": 1}):
        assert await town.status("merchant", "PATCH", f"/stores/{town.store.id}", change) == 403
    assert await town.status("merchant", "PATCH", f"/stores/{town.store.id}", {"ref": "x"}) == 422
    assert await town.status("merchant", "DELETE", f"/stores/{town.store.id}") == 403


async def test_null_takes_the_imported_word_again(town: Town, committed: Makers, clock: FixedClock) -> None:
    committed.session.add(
        ImportedPlace(
            district_id=town.district.id, ref="osm1", source="test", name="From OSM", category="cafe",
            location=from_shape(Point(24.94, 60.17), srid=4326), imported_at=clock.now(),
        )
    )  # fmt: skip
    committed.done()
    made = (await town.send("operator", "POST", "/stores", {"ref": "osm1", "name": "Own"})).json()
    assert (made["name"], made["category"], made["overrides"]) == ("Own", "cafe", ["name"])
    answer = (await town.send("operator", "PATCH", f"/stores/{made['id']}", {"name": None})).json()
    assert (answer["name"], answer["overrides"], answer["lon"]) == ("From OSM", [], 24.94)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "\u202e"},
        {"name": "x" * 201},
        {"opening_hours": "whenever"},
        {"lon": 24.9},
        {"lon": 200, "lat": 60},
        {"merchant_id": str(uuid.uuid4())},
        {"property_id": str(uuid.uuid4())},
    ],
)
async def test_a_bad_change_of_a_store_is_refused(town: Town, change: dict[str, Any]) -> None:
    answer = await town.send("operator", "PATCH", f"/stores/{town.store.id}", change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_store_needs_a_place_and_a_ref_of_its_own(town: Town) -> None:
    assert await town.status("operator", "POST", "/stores", {"name": "Zio", "category": "x"}) == 422
    assert await town.status("operator", "POST", "/stores", NEW | {"ref": town.store.ref}) == 409


async def test_a_new_store_is_public_at_once_and_a_closed_one_is_not(town: Town) -> None:
    made = (await town.send("operator", "POST", "/stores", NEW)).json()
    shown = await town.send("nobody", "GET", f"/stores/{made['id']}")
    assert (shown.status_code, shown.json()["name"]) == (200, "Zio")
    assert await town.status("operator", "DELETE", f"/stores/{made['id']}") == 204
    await refresh(town.app)
    assert await town.status("nobody", "GET", f"/stores/{made['id']}") == 404
    listed = (await town.send("operator", "GET", "/stores")).json()["items"]
    assert {item["id"]: item["closed_at"] for item in listed}[made["id"]] == "2026-05-01T09:00:00Z"


async def test_pages_follow_each_other_by_key(town: Town) -> None:
    seen: list[str] = []
    after = ""
    while True:
        page = (await town.send("operator", "GET", f"/stores?limit=1{after}")).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [str(town.store.id), str(town.rivals_store.id)]


async def test_a_merchant_makes_tills_and_till_keys_of_its_own_stores(town: Town) -> None:
    assert (
        await town.status("merchant", "POST", "/tills", {"store_id": str(town.rivals_store.id), "name": "1"})
        == 404
    )
    till = (
        await town.send("merchant", "POST", "/tills", {"store_id": str(town.store.id), "name": "1"})
    ).json()
    body = {"role": "till", "scope_id": till["id"], "label": "front"}
    made = await town.send("merchant", "POST", "/keys", body, **{"Idempotency-Key": "a"})
    assert made.status_code == 201
    secret = made.json()["key"]
    assert secret.startswith(f"{town.district.slug}.k.")
    again = await town.send("merchant", "POST", "/keys", body, **{"Idempotency-Key": "a"})
    assert again.json() == {name: value for name, value in made.json().items() if name != "key"}
    await refresh(town.app)
    town.tokens["till"] = secret
    assert await town.status("till", "GET", "/stores") == 403
    assert await town.status("merchant", "PATCH", f"/tills/{till['id']}", {"name": "2"}) == 200
    assert await town.status("merchant", "DELETE", f"/tills/{till['id']}") == 204
    await refresh(town.app)
    assert await town.status("till", "GET", "/stores") == 401


async def test_keys_of_other_roles_and_scopes_are_refused(town: Town, committed: Makers) -> None:
    feed = committed.feed(town.district)
    foreign = committed.feed(town.other)
    assert await town.status("merchant", "POST", "/keys", {"role": "feed", "scope_id": str(feed.id)}) == 403
    assert (
        await town.status("operator", "POST", "/keys", {"role": "feed", "scope_id": str(foreign.id)}) == 404
    )
    assert await town.status("operator", "POST", "/keys", {"role": "operator"}) == 422
    assert await town.status("operator", "POST", "/keys", {"role": "till"}) == 422
    made = await town.send("operator", "POST", "/keys", {"role": "feed", "scope_id": str(feed.id)})
    assert made.status_code == 201
    assert await town.status("merchant", "GET", f"/keys/{made.json()['id']}") == 404
    assert await town.status("merchant", "DELETE", f"/keys/{made.json()['id']}") == 404
    assert await town.status("operator", "DELETE", f"/keys/{made.json()['id']}") == 204
    shown = (await town.send("operator", "GET", f"/keys/{made.json()['id']}")).json()
    assert shown["revoked_at"] is not None
    assert "key" not in shown

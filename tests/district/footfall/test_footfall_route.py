"""Footfall over HTTP: who may ask, what is counted, what is left out."""

import csv
import io
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon

from district.auth.models import Role
from district.districts.models import District
from district.stores.models import Property
from geo.coordinates import LonLat
from tests.factories import HELSINKI, Makers, square

Log = Callable[..., None]
Headers = Callable[..., dict[str, str]]
FAR = LonLat(lon=HELSINKI.lon + 0.02, lat=HELSINKI.lat)


def path(district: District, rest: str = "") -> str:
    return f"/v1/districts/{district.slug}/footfall{rest}"


async def rows(
    client: httpx.AsyncClient, district: District, headers: dict[str, str], **query: str
) -> list[dict[str, Any]]:
    answer = await client.get(path(district), params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


async def test_visits_of_today_by_hour(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers
) -> None:
    log(12, hours_ago=2.5)
    log(25, hours_ago=1.5)
    answer = await client.get(path(district), headers=as_role(Role.OBSERVER))
    body = answer.json()
    assert (body["metric"], body["unit"], body["k"], body["by"]) == ("visits", "visits", 10, "hour")
    assert len(body["rows"]) == 24
    assert body["rows"][0]["start"] == "2026-05-01T03:00:00Z"
    assert {row["start"][11:13]: row["value"] for row in body["rows"] if row["value"]} == {"06": 12, "07": 25}
    assert not any(row["suppressed"] for row in body["rows"])


async def test_an_hour_of_nine_people_is_suppressed_and_so_is_what_would_give_it(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers
) -> None:
    log(9, hours_ago=2.5)
    log(30, hours_ago=1.5)
    operator = as_role(Role.OPERATOR)
    hours = await rows(client, district, operator)
    assert [(row["value"], row["suppressed"]) for row in hours if row["value"] != 0] == [(None, True)] * 2
    (day,) = await rows(client, district, operator, by="day")
    assert day["value"] == 39


async def test_median_stay_new_and_returning(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers, committed: Makers
) -> None:
    known = [committed.member(district).id for _ in range(24)]
    log(12, members=known[:12], days_ago=3, minutes=10)
    log(24, members=known, minutes=34)
    operator = as_role(Role.OPERATOR)
    expected = {
        "median_dwell_min": 34.0,
        "new": 12,
        "returning": 12,
        "people": 24,
        "members": 24,
        "devices": 0,
    }
    for metric, value in expected.items():
        (day,) = await rows(client, district, operator, by="day", metric=metric)
        assert day["value"] == value, metric


async def test_zones_are_counted_by_slug_and_id_and_all_of_them(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers, committed: Makers
) -> None:
    one, other = committed.zone(district, name="A"), committed.zone(district, name="B")
    log(15, kind="zone", place_id=one.id)
    log(4, kind="zone", place_id=other.id)
    operator = as_role(Role.OPERATOR)
    for name in (one.slug, str(one.id)):
        (row,) = await rows(client, district, operator, by="day", zone=name)
        assert (row["zone"], row["value"]) == (one.slug, 15)
    both = await rows(client, district, operator, by="day", zone="all")
    assert [(row["zone"], row["value"], row["suppressed"]) for row in both] == [
        (one.slug, 15, False),
        (other.slug, None, True),
    ]
    unknown = await client.get(path(district), params={"zone": "nowhere"}, headers=operator)
    assert unknown.status_code == 404


async def test_a_merchant_sees_his_own_stores_only(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers, committed: Makers
) -> None:
    mine, rival = committed.merchant(district), committed.merchant(district)
    store = committed.store(district, merchant_id=mine.id)
    foreign = committed.store(district, merchant_id=rival.id)
    log(14, kind="store", place_id=store.id)
    log(18, kind="store", place_id=foreign.id)
    merchant = as_role(Role.MERCHANT, scope_id=mine.id)
    (row,) = await rows(client, district, merchant, by="day")
    assert (row["zone"], row["value"]) == (str(store.id), 14)
    answer = await client.get(path(district), params={"zone": str(foreign.id)}, headers=merchant)
    assert answer.status_code == 404


async def test_a_property_sees_the_zones_within_it(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers, committed: Makers
) -> None:
    outline = from_shape(MultiPolygon([square()]), srid=4326)
    mall = Property(
        district_id=district.id,
        id=uuid.uuid4(),
        kind="mall",
        name="Forum",
        outline=outline,
        created_at=committed.clock.now(),
    )
    committed.session.add(mall)
    inside, outside = committed.zone(district), committed.zone(district, outline=square(FAR))
    log(11, kind="zone", place_id=inside.id)
    log(11, kind="zone", place_id=outside.id)
    headers = as_role(Role.PROPERTY, scope_id=mall.id)
    assert [row["zone"] for row in await rows(client, district, headers, by="day")] == [inside.slug]
    answer = await client.get(path(district), params={"zone": outside.slug}, headers=headers)
    assert answer.status_code == 404


async def test_the_file_holds_the_same_rows_and_no_formula(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers, committed: Makers
) -> None:
    zone = committed.zone(district, name="=HYPERLINK(1)")
    few = committed.zone(district, name="Zz")
    log(15, kind="zone", place_id=zone.id)
    log(4, kind="zone", place_id=few.id)
    answer = await client.get(
        path(district, ".csv"), params={"by": "day", "zone": "all"}, headers=as_role(Role.OPERATOR)
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert table[0] == ["zone", "name", "start", "metric", "unit", "value", "suppressed"]
    assert [(row[1], row[5], row[6]) for row in table[1:]] == [
        ("'=HYPERLINK(1)", "15", ""),
        ("Zz", "", "yes"),
    ]
    assert table[1][2] == "2026-05-01T06:00:00+03:00"


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-05-01T10:00:00"},
        {"from": "2026-05-02", "to": "2026-05-01"},
        {"from": "2020-01-01", "to": "2026-05-01", "by": "hour"},
        {"from": "9999-12-31T23:59:59Z"},
        {"by": "minute"},
        {"metric": "names"},
        {"zone": "x" * 65},
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    client: httpx.AsyncClient, district: District, as_role: Headers, query: dict[str, str]
) -> None:
    answer = await client.get(path(district), params=query, headers=as_role(Role.OPERATOR))
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_a_time_with_an_unescaped_plus_is_understood(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers
) -> None:
    log(13, days_ago=1)
    address = f"{path(district)}?from=2026-04-30T06:00:00+03:00&to=2026-05-01T06:00:00%2B03:00&by=day"
    answer = await client.get(address, headers=as_role(Role.OPERATOR))
    assert [row["value"] for row in answer.json()["rows"]] == [13]


async def test_a_week_begins_on_monday(
    client: httpx.AsyncClient, district: District, log: Log, as_role: Headers
) -> None:
    log(10, days_ago=4)
    log(10)
    (week,) = await rows(client, district, as_role(Role.OPERATOR), by="week")
    assert (week["start"], week["value"]) == ("2026-04-27T03:00:00Z", 20)


@pytest.mark.parametrize("rest", ["", ".csv", "/live"])
async def test_strangers_other_districts_and_other_roles_get_nothing(
    client: httpx.AsyncClient, district: District, as_role: Headers, committed: Makers, rest: str
) -> None:
    assert (await client.get(path(district, rest))).status_code == 401
    foreign = committed.token(committed.district(), Role.OPERATOR)
    headers = {"authorization": f"Bearer {foreign}"}
    assert (await client.get(path(district, rest), headers=headers)).status_code in {401, 404}
    shopper = await client.get(path(district, rest), headers=as_role(Role.SHOPPER))
    assert shopper.status_code == 403

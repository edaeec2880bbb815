"""Outlines that are no outlines, over HTTP: each is refused with what is wrong with it, for zones and for fences."""

import json
import math
from typing import Any

import httpx
import pytest

from tests.factories import HELSINKI, square
from tests.hostile.conftest import SLUG, Target

LON, LAT = HELSINKI.lon, HELSINKI.lat


def ring(count: int) -> list[list[float]]:
    """A round ring with so many corners."""
    corners = [
        [LON + 0.001 * math.cos(turn), LAT + 0.001 * math.sin(turn)]
        for turn in (2 * math.pi * number / count for number in range(count))
    ]
    return [*corners, corners[0]]


def polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in corners]]}


GOOD = {"type": "Polygon", "coordinates": [[list(corner) for corner in square().exterior.coords]]}
STAR = [
    [LON + 0.001 * math.cos(turn), LAT + 0.001 * math.sin(turn)] for turn in (2.4 * n for n in range(450))
]
BAD: dict[str, dict[str, Any]] = {
    "self-crossing": polygon(
        (LON, LAT), (LON + 0.001, LAT + 0.001), (LON + 0.001, LAT), (LON, LAT + 0.001), (LON, LAT)
    ),
    "a star that PostGIS would repair for minutes": {"type": "Polygon", "coordinates": [[*STAR, STAR[0]]]},
    "more than 500 vertices": {"type": "Polygon", "coordinates": [ring(501)]},
    "a ring that is not closed": polygon((LON, LAT), (LON + 0.001, LAT), (LON + 0.001, LAT + 0.001)),
    "across the antimeridian": polygon(
        (179.99, 0), (-179.99, 0), (-179.99, 0.01), (179.99, 0.01), (179.99, 0)
    ),
    "metres of another reference system": polygon(
        (2776000, 8437000), (2776100, 8437000), (2776100, 8437100), (2776000, 8437000)
    ),
    "another reference system, named": GOOD | {"crs": {"type": "name", "properties": {"name": "EPSG:3857"}}},
    "latitude beyond the pole": polygon((LON, 91), (LON + 0.001, 91), (LON, 91.001), (LON, 91)),
    "no area": polygon((LON, LAT), (LON + 0.001, LAT), (LON + 0.002, LAT), (LON, LAT)),
    "a point": {"type": "Point", "coordinates": [LON, LAT]},
    "numbers as text": {"type": "Polygon", "coordinates": [[["24", "60"]] * 5]},
    "nested too deep": {"type": "Polygon", "coordinates": [[[[LON, LAT]]]]},
}


def campaign(target: Target, within: Any) -> dict[str, Any]:
    return {
        "name": "Lunch",
        "store_ids": [target.store_id],
        "rule": {"v": 1, "trigger": {"any": [{"on": "fence.enter"}]}, "where": {"within": within}},
        "offer": {
            "kind": "coupon",
            "value": {"type": "percent", "percent": 10},
            "title": {"zh": "九折", "en": "10 % off"},
            "text": {"zh": "今天", "en": "Today"},
        },
        "stock": 5,
    }


def post(target: Target, path: str, token: str, text: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return httpx.post(
        f"{target.product.base_url}/v1/districts/{SLUG}{path}", content=text, headers=headers, timeout=90
    )


def post_zone(target: Target, geometry: Any) -> httpx.Response:
    return post(target, "/zones", target.operator, json.dumps({"name": "x", "geometry": geometry}))


def post_campaign(target: Target, within: Any) -> httpx.Response:
    return post(target, "/campaigns", target.merchant, json.dumps(campaign(target, within)))


def test_the_same_requests_with_a_good_outline_are_taken(target: Target) -> None:
    assert post_zone(target, GOOD).status_code == 201
    assert post_campaign(target, GOOD).status_code == 201


@pytest.mark.parametrize("make", [post_zone, post_campaign])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_outline_is_refused_and_says_why(target: Target, make: Any, name: str) -> None:
    answer = make(target, BAD[name])
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert len(json.dumps(problem)) < 4_000
    assert len(problem["detail"]) > 10 or problem["errors"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(target: Target, number: str) -> None:
    for path, token, body in (
        ("/zones", target.operator, {"name": "x", "geometry": GOOD}),
        ("/campaigns", target.merchant, campaign(target, GOOD)),
    ):
        text = json.dumps(body).replace(str(GOOD["coordinates"][0][0][0]), number, 1)
        answer = post(target, path, token, text)
        assert answer.status_code == 422, f"{path}: {answer.status_code} {answer.text}"


def test_a_zone_of_a_megabyte_is_refused_unread(target: Target) -> None:
    assert post_zone(target, {"type": "Polygon", "coordinates": [ring(60_000)]}).status_code == 413

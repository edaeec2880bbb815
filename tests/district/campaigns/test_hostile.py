"""Bodies that nobody sends by mistake: each is refused, none is a failure of the server."""

import json
from typing import Any

import pytest

from tests.district.campaigns.conftest import Shop


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b"\xff\xfe{}",
        b'{"name": NaN}',
        b'{"name": "\\ud800", "store_ids": [], "rule": {}, "offer": {}}',
        json.dumps({"name": "x", "rule": {"where": {"within": {"type": [], "coordinates": {}}}}}).encode(),
    ],
)
async def test_a_hostile_body_is_a_client_error(shop: Shop, raw: bytes) -> None:
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    answer = await shop.client.post(shop.path, content=raw, headers=headers)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "within",
    [
        {"type": "Polygon", "coordinates": nested(200)},
        {"type": "Polygon", "coordinates": [[[1e999, 0]] * 4]},
        {"circle": {"lon": float("inf"), "lat": 0, "radius_m": 1}},
        {"circle": {"lon": 24.94, "lat": 60.17, "radius_m": -1}},
        {"building": "\u0000", "buffer_m": 1},
        {"building": "x" * 65, "buffer_m": 1},
        {"type": "MultiPolygon", "coordinates": []},
        [],
        None,
    ],
)
async def test_a_hostile_fence_is_named_in_the_refusal(shop: Shop, within: Any) -> None:
    raw = json.dumps(shop.body(within=within))
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    answer = await shop.client.post(shop.path, content=raw, headers=headers)
    assert answer.status_code == 422
    assert all(error["pointer"].startswith("/rule/where/within") for error in answer.json()["errors"])


async def test_a_rule_may_hold_no_character_that_the_database_refuses(shop: Shop) -> None:
    answer = await shop.post(
        body=shop.body(rule={"when": {"opening_hours": 'Mo-Fr 10:00-12:00 open "\u0000"'}})
    )
    assert answer.status_code in {201, 422}
    assert "\u0000" not in answer.json().get("rule", {}).get("when", {}).get("opening_hours", "")

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


async def test_integers_written_as_fractions_are_stored_as_integers(shop: Shop) -> None:
    rule = {"ttl_s": 600.0, "budget": {"total_minor": 1e12}, "holdout": {"pct": 2.5}, "cap": {"gap_min": 5.0}}
    made = await shop.made(rule=rule)
    assert json.dumps(made["rule"]["budget"]) == '{"total_minor": 1000000000000}'
    assert json.dumps([made["rule"]["ttl_s"], made["rule"]["cap"]["gap_min"]]) == "[600, 5]"
    assert made["rule"]["holdout"] == {"pct": 2.5}
    assert (await shop.post(f"/{made['id']}/submit")).status_code == 200


@pytest.mark.parametrize(
    "members",
    [
        {"when": {"opening_hours": 'Mo-Fr 10:00-12:00 "\ud800"'}},
        {"when": {"starts_at": "9999-12-31T23:59:59-23:59"}},
        {"where": {"within": {"zone": "a\ud800\u0000"}}},
        {"where": {"within": {"street": "00000000-0000-0000-0000-000000000000", "buffer_m": 1e308}}},
        {"where": {"near_my_stores_m": float("inf")}},
        {"trigger": {"any": [{"on": "schedule", "rrule": "\u0000\ud800"}]}},
        {"who": {"attr": "category_interest", "value": "\ud800", "window_d": 5}},
        {"per_day": 1e308},
    ],
    ids=["hours", "moment", "zone", "street", "near", "schedule", "category", "per_day"],
)
async def test_a_hostile_member_of_a_rule_is_refused_by_name(shop: Shop, members: dict[str, Any]) -> None:
    raw = json.dumps(shop.body(rule=members))
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    answer = await shop.client.post(shop.path, content=raw, headers=headers)
    assert answer.status_code == 422
    part = next(iter(members))
    assert all(error["pointer"].startswith(f"/rule/{part}") for error in answer.json().get("errors", ()))


async def test_a_rule_may_hold_no_character_that_the_database_refuses(shop: Shop) -> None:
    answer = await shop.post(
        body=shop.body(rule={"when": {"opening_hours": 'Mo-Fr 10:00-12:00 open "\u0000"'}})
    )
    assert answer.status_code in {201, 422}
    assert "\u0000" not in answer.json().get("rule", {}).get("when", {}).get("opening_hours", "")

"""Sixty searches over 8,477 real shops, answered beforehand by another programme."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo.coordinates import LonLat
from geo.nearest import LIMIT_MOST, StoreIndex, Wishes

DATA = Path(__file__).parents[3] / "shared/data"
SHOPS = DATA / "ccf2017_mall/shop_info.csv"
QUERIES = DATA / "nearest_oracle/ccf_sample.json"

pytestmark = pytest.mark.skipif(not (SHOPS.exists() and QUERIES.exists()), reason="shared/data is not here")


def _index() -> StoreIndex:
    with SHOPS.open(encoding="utf-8-sig") as lines:
        shops = list(csv.DictReader(lines))
    return StoreIndex.build(
        ids=[shop["shop_id"] for shop in shops],
        lon=[float(shop["longitude"]) for shop in shops],
        lat=[float(shop["latitude"]) for shop in shops],
        category=[shop["category_id"] for shop in shops],
        name=[shop["shop_id"] for shop in shops],
        brand=[None] * len(shops),
        floor=[None] * len(shops),
    )


def test_all_sixty_answers_agree_within_a_thousandth() -> None:
    index = _index()
    queries: list[dict[str, Any]] = json.loads(QUERIES.read_text())
    assert len(queries) == 60
    for query in queries:
        origin = LonLat(lon=query["lon"], lat=query["lat"])
        found = index.nearest(origin, wishes=Wishes(category=query["category"]))
        np.testing.assert_allclose(found.distances_m, query["geodesic_m"], rtol=1e-3, atol=0.01)
        near = index.nearest(
            origin, limit=LIMIT_MOST, wishes=Wishes(category=query["category"], radius_m=300)
        )
        assert len(near) == query["within_300m"]

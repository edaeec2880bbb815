"""Imports keep good rows, say bad ones, and never touch what a store says itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.districts.service import DistrictInfo
from district.problems import Invalid
from district.stores.jobs import ImportReport, import_file
from district.stores.models import ImportedPlace, Store
from geo.datum import Datum
from tests.factories import Makers

HEADER = "id,name,category,lon,lat,opening_hours,floor,address\n"
GOOD = "a1,Zio,clothes,24.9445,60.1689,Mo-Fr 10:00-20:00,1,Aleksi 1\n"


class Desk:
    """Imports of one test, in one district."""

    def __init__(self, session: Session, makers: Makers, clock: FixedClock, directory: Path) -> None:
        self.session, self.clock, self.directory = session, clock, directory
        self.district: DistrictInfo = makers.info(makers.district())

    def take(self, content: str | bytes, **options: Any) -> ImportReport:
        path = self.directory / "stores.any"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(self.session, self.district, path, clock=self.clock, **options)

    def places(self) -> dict[str, ImportedPlace]:
        rows = self.session.scalars(
            select(ImportedPlace).where(ImportedPlace.district_id == self.district.id),
            execution_options={"populate_existing": True},
        )
        return {row.ref: row for row in rows}

    def stores(self) -> dict[str, Store]:
        rows = self.session.scalars(select(Store).where(Store.district_id == self.district.id))
        return {row.ref: row for row in rows}


@pytest.fixture
def desk(session: Session, makers: Makers, clock: FixedClock, tmp_path: Path) -> Desk:
    return Desk(session, makers, clock, tmp_path)


def feature(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "type": "Feature",
        "id": 552,
        "geometry": {"type": "Point", "coordinates": [24.9445, 60.1689]},
        "properties": {
            "name": "Zio",
            "shop": "clothes",
            "level": "1",
            "addr:street": "Aleksi",
            "addr:housenumber": "1",
        },
    }
    return given | changes


def features(*rows: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(rows)})


def test_a_csv_row_becomes_a_place_and_a_store(desk: Desk) -> None:
    report = desk.take(HEADER + GOOD)
    assert (report.rows, report.places_added, report.stores_added, report.errors) == (1, 1, 1, 0)
    place = desk.places()["a1"]
    assert (place.name, place.category, place.floor, place.address) == ("Zio", "clothes", "1", "Aleksi 1")
    store = desk.stores()["a1"]
    assert (store.name, store.category, store.location) == (None, None, None)


def test_a_feature_takes_its_category_from_the_openstreetmap_tag(desk: Desk) -> None:
    both = feature(id=1, properties={"name": "Both", "amenity": "cafe", "shop": "books"})
    hotel = feature(id="h", properties={"name": "Kämp", "tourism": "hotel"})
    desk.take(features(feature(), both, hotel))
    assert {ref: place.category for ref, place in desk.places().items()} == {
        "552": "clothes",
        "1": "books",
        "h": "hotel",
    }
    assert desk.places()["552"].address == "Aleksi 1"
    assert desk.places()["552"].tags["level"] == "1"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a2,,clothes,24.9,60.1,,,", "has no name"),
        ("a2,Zio,,24.9,60.1,,,", "has no category"),
        (",Zio,clothes,24.9,60.1,,,", "has no id"),
        ("a2,Zio,clothes,east,60.1,,,", "lon 'east'"),
        ("a2,Zio,clothes,24.9,nan,,,", "lat 'nan'"),
        ("a2,Zio,clothes,24.9,91,,,", "lat '91'"),
        ("a2,Zio,clothes,24.9,60.1,,,x,y", "more fields"),
        ("a1,Zio,clothes,24.9,60.1,,,", "repeats the id 'a1' of row 2"),
        (f"a2,{'x' * 201},clothes,24.9,60.1,,,", "name is longer than 200"),
    ],
)
def test_a_bad_csv_row_is_said_with_its_line_and_the_good_ones_stay(desk: Desk, row: str, said: str) -> None:
    report = desk.take(HEADER + GOOD + row + "\n" + GOOD.replace("a1", "a3"))
    assert [issue.row for issue in report.issues if not issue.is_warning] == [3]
    assert said in report.issues[0].what
    assert report.issues[0].fix
    assert set(desk.places()) == {"a1", "a3"}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (7, "is not a Feature"),
        (feature(id=None), "has no id"),
        (feature(geometry=None), "has no geometry"),
        (feature(geometry={"type": "Point", "coordinates": [200, 1]}), "lon '200'"),
        (feature(geometry={"type": "Point", "coordinates": ["24", True]}), "lat 'True'"),
        (feature(geometry={"type": "Polygon", "coordinates": "x"}), "cannot be read"),
        (feature(properties={"name": "Bench"}), "has no category"),
        (feature(properties=[]), "has no properties"),
    ],
)
def test_a_bad_feature_is_said_with_its_index(desk: Desk, bad: Any, said: str) -> None:
    report = desk.take(features(feature(id="first"), bad))
    assert [(issue.row, said in issue.what) for issue in report.issues] == [(1, True)]
    assert set(desk.places()) == {"first"}


def test_hours_that_cannot_be_read_are_a_warning_and_stay_as_text(desk: Desk) -> None:
    report = desk.take(HEADER + GOOD.replace("Mo-Fr 10:00-20:00", "when the sun smiles"))
    assert (report.errors, report.warnings) == (0, 1)
    assert "hours are unknown" in report.issues[0].fix
    assert desk.places()["a1"].opening_hours == "when the sun smiles"


def test_a_place_far_from_the_district_is_a_warning(desk: Desk) -> None:
    report = desk.take(HEADER + GOOD.replace("24.9445,60.1689", "60.1689,24.9445"))
    assert "swapped" in report.issues[0].fix
    assert report.places_added == 1


def test_a_second_import_changes_nothing(desk: Desk) -> None:
    desk.take(HEADER + GOOD)
    report = desk.take(HEADER + GOOD)
    assert (report.places_added, report.places_updated, report.places_unchanged) == (0, 0, 1)
    assert report.stores_added == 0


def test_a_later_import_updates_the_place_and_not_the_stores_own_words(desk: Desk) -> None:
    desk.take(HEADER + GOOD)
    desk.stores()["a1"].name = "Zio's own"
    desk.session.flush()
    report = desk.take(HEADER + GOOD.replace("Zio", "Zio Oy"))
    assert report.places_updated == 1
    assert desk.places()["a1"].name == "Zio Oy"
    assert desk.stores()["a1"].name == "Zio's own"


def test_a_dry_run_counts_and_keeps_nothing(desk: Desk) -> None:
    report = desk.take(HEADER + GOOD, is_dry_run=True)
    assert (report.places_added, report.stores_added) == (1, 1)
    assert desk.places() == {}
    assert desk.stores() == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_text_is_read_in_any_usual_encoding(desk: Desk, encoding: str) -> None:
    desk.take((HEADER + GOOD.replace("Zio", "优衣库")).encode(encoding))
    assert desk.places()["a1"].name == "优衣库"


def test_direction_and_control_characters_are_taken_out_of_names(desk: Desk) -> None:
    desk.take(features(feature(properties={"name": "Zi\u202eo\u0007 \u200b 1", "shop": "clothes"})))
    assert desk.places()["552"].name == "Zio 1"


def test_coordinates_are_in_the_datum_that_is_named(desk: Desk) -> None:
    desk.take(HEADER + GOOD.replace("24.9445,60.1689", "121.478142,31.227893"), datum=Datum.GCJ02)
    point = desk.session.execute(select(ImportedPlace.location.ST_X(), ImportedPlace.location.ST_Y())).one()
    assert point == pytest.approx((121.4736, 31.2298), abs=2e-4)


@pytest.mark.parametrize("content", ["", "\x00\x01", "{", "[1]", "id,name\n1,2\n", '{"type":"Feature"}'])
def test_a_file_of_another_kind_is_refused_whole(desk: Desk, content: str) -> None:
    with pytest.raises(Invalid):
        desk.take(content)


def test_an_area_is_placed_on_a_point_inside_it(desk: Desk) -> None:
    ring = [[24.94, 60.16], [24.95, 60.16], [24.95, 60.17], [24.94, 60.16]]
    desk.take(features(feature(geometry={"type": "Polygon", "coordinates": [ring]})))
    lon, lat = desk.session.execute(
        select(ImportedPlace.location.ST_X(), ImportedPlace.location.ST_Y())
    ).one()
    assert 24.94 < lon < 24.95
    assert 60.16 < lat < 60.17

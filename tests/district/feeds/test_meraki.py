"""Meraki's posts: every version and every odd type taken, every wrong sender refused."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from district.bodies import BodyUnreadable
from district.districts import service as districts
from district.districts.models import RouteKind
from district.feeds import meraki
from district.problems import Invalid, NotAllowed, TooLarge
from district.sightings.reported import Reported
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "correct horse"
AT = "2026-05-01T09:00:00Z"
AT_MS = int(datetime(2026, 5, 1, 9, tzinfo=UTC).timestamp() * 1000)
MAC = "a4:83:e7:00:00:01"
AP = "00:18:0a:00:00:01"


def v3(*observations: Any, **values: Any) -> bytes:
    post = {"version": "3.0", "secret": SECRET, "type": "WiFi", "data": {"observations": observations}}
    return json.dumps(post | values).encode()


def v2(*observations: Any, **data: Any) -> bytes:
    head = {"apMac": AP, "apTags": ["a"], "apFloors": ["2"], "observations": observations}
    return json.dumps(
        {"version": "2.0", "secret": SECRET, "type": "DevicesSeen", "data": head | data}
    ).encode()


def client(*locations: Any, **values: Any) -> dict[str, Any]:
    latest = {"time": AT, "nearestApMac": AP, "nearestApRssi": -60}
    return {
        "clientMac": MAC,
        "userId": "x@example.org",
        "locations": list(locations),
        "latestRecord": latest,
    } | values


def place(**values: Any) -> dict[str, Any]:
    return {"lat": 60.1689, "lng": 24.9445, "variance": 4.5, "time": AT, "floorPlanName": "2"} | values


def reported(body: bytes) -> Reported:
    decoded = meraki.decode(body, secret=SECRET)
    assert decoded is not None
    return decoded.reported


def reasons(body: bytes) -> list[str]:
    decoded = meraki.decode(body, secret=SECRET)
    assert decoded is not None
    return [reason.value for _, reason in decoded.rejected]


def test_version_3_gives_position_time_floor_and_signal() -> None:
    found = reported(v3(client(place())))
    assert (found.lon[0], found.lat[0], found.accuracy_m[0]) == (24.9445, 60.1689, 4.5)
    assert (found.at_ms[0], found.floor[0], found.rssi_dbm[0]) == (AT_MS, "2", -60)
    assert (found.mac[0], found.access_point_mac[0], found.source_id) == (MAC, AP, None)


@pytest.mark.parametrize("number", [60.1689, "60.1689", " 60.1689 "])
def test_numbers_may_be_text(number: Any) -> None:
    assert reported(v3(client(place(lat=number)))).lat[0] == 60.1689


@pytest.mark.parametrize("nothing", [None, "NaN", "", "inf", "n/a", float("nan")])
def test_a_position_that_is_none_leaves_the_access_point(nothing: Any) -> None:
    found = reported(v3(client(place(lat=nothing))))
    assert np.isnan(found.lat[0])
    assert list(found.access_point_mac) == [AP]


@pytest.mark.parametrize(
    "said",
    [AT, "2026-05-01T12:00:00+03:00", "2026-05-01T09:00:00", AT_MS, AT_MS / 1000, str(AT_MS // 1000)],
)
def test_times_may_be_text_seconds_or_milliseconds(said: Any) -> None:
    assert reported(v3(client(place(time=said)))).at_ms.tolist() == [AT_MS]


@pytest.mark.parametrize("said", ["soon", "99999999999999999999", 1e300, True])
def test_a_time_that_is_none_is_counted_and_its_neighbours_are_kept(said: Any) -> None:
    body = v3(client(place(time=said), latestRecord=None), client(place(), clientMac="a4:83:e7:00:00:02"))
    decoded = meraki.decode(body, secret=SECRET)
    assert decoded is not None
    assert decoded.reported.mac == ["a4:83:e7:00:00:02"]
    assert decoded.rejected


def test_locations_of_a_client_are_put_in_order_of_time() -> None:
    times = [f"2026-05-01T09:00:{second:02}Z" for second in (30, 10, 20)]
    found = reported(v3(client(*(place(time=one) for one in times))))
    assert np.diff(found.at_ms).min() > 0
    assert len(found) == 3


def test_a_client_without_locations_is_at_its_access_point() -> None:
    found = reported(
        v3(client(latestRecord={"time": AT_MS // 1000, "nearestApMac": AP, "nearestApRssi": "-71"}))
    )
    assert (found.at_ms[0], found.access_point_mac[0], found.rssi_dbm[0]) == (AT_MS, AP, -71)


@pytest.mark.parametrize(
    "odd", [None, 5, "text", [], {"clientMac": 7}, {"locations": {}}, {"clientMac": MAC, "locations": [[]]}]
)
def test_an_observation_of_no_shape_is_counted_and_its_neighbours_are_kept(odd: Any) -> None:
    body = v3(odd, client(place()))
    assert reported(body).mac == [MAC]
    assert len(reasons(body)) == 1


def seen(**values: Any) -> dict[str, Any]:
    where = {"lat": 60.1689, "lng": 24.9445, "unc": 7.5, "x": ["1"], "y": []}
    return {"clientMac": MAC, "seenEpoch": AT_MS // 1000, "rssi": 35, "location": where} | values


def test_version_2_counts_signal_from_minus_95() -> None:
    found = reported(v2(seen()))
    assert (found.rssi_dbm[0], found.accuracy_m[0], found.floor[0]) == (-60, 7.5, "2")
    assert list(found.access_point_mac) == [AP]


@pytest.mark.parametrize("epoch", [AT_MS // 1000, str(AT_MS // 1000), None])
def test_version_2_takes_the_epoch_as_text_or_the_time_instead(epoch: Any) -> None:
    assert reported(v2(seen(seenEpoch=epoch, seenTime=AT))).at_ms.tolist() == [AT_MS]


@pytest.mark.parametrize("where", [None, {}, [], {"lat": None, "lng": None}, {"lat": "NaN", "lng": "NaN"}])
def test_version_2_without_a_location_is_at_its_access_point(where: Any) -> None:
    found = reported(v2(seen(location=where)))
    assert np.isnan(found.lon[0])
    assert list(found.access_point_mac) == [AP]


def test_version_2_1_is_taken_like_2_0() -> None:
    assert len(reported(v2(seen()).replace(b'"2.0"', b'"2.1"'))) == 1


def test_bluetooth_is_left() -> None:
    assert meraki.decode(v3(client(place()), type="Bluetooth"), secret=SECRET) is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (v3(client(), secret="wrong"), NotAllowed),
        (v3(client(), secret="ünicode"), NotAllowed),
        (v3(client(), secret=""), Invalid),
        (v3(client(), secret=None), Invalid),
        (v3(client(), version="1.0"), BodyUnreadable),
        (v3(client(), version=None), BodyUnreadable),
        (v3(client(), type="Cellular"), Invalid),
        (v3(data=None), Invalid),
        (v3(data={"observations": {}}), Invalid),
        (b"[]", Invalid),
        (b"{", BodyUnreadable),
        (b"\xff\xfe{", BodyUnreadable),
        (v3(*[{}] * 10_001), TooLarge),
        (v3(client(*[place()] * 10_001)), TooLarge),
    ],
    ids=lambda value: value[:20].decode("latin-1") if isinstance(value, bytes) else value.__name__,
)
def test_what_is_no_post_of_ours_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        meraki.decode(body, secret=SECRET)


class Receiver:
    """A Meraki feed of a district."""

    def __init__(self, makers: Makers, app: FastAPI, client: httpx.AsyncClient, **values: Any) -> None:
        self.district = makers.district()
        given: dict[str, Any] = {"vendor": "meraki", "secret": SECRET, "validator": "v4lid"}
        self.feed = makers.feed(self.district, **(given | values))
        districts.add_route(makers.session, RouteKind.FEED, self.feed.slug, self.district.id)
        makers.done()
        self.app, self.client = app, client

    async def post(self, body: bytes) -> httpx.Response:
        await refresh(self.app)
        return await self.client.post(f"/v1/feeds/meraki/{self.feed.slug}", content=body)


@pytest.fixture
def receiver(committed: Makers, app: FastAPI, client: httpx.AsyncClient) -> Receiver:
    return Receiver(committed, app, client)


async def test_the_validator_is_given_as_plain_text(receiver: Receiver) -> None:
    await refresh(receiver.app)
    answer = await receiver.client.get(f"/v1/feeds/meraki/{receiver.feed.slug}")
    assert (answer.status_code, answer.text) == (200, "v4lid")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_post_is_accepted_once_and_a_repeat_is_known(receiver: Receiver) -> None:
    first = await receiver.post(v3(client(place())))
    again = await receiver.post(v3(client(place())))
    assert (first.status_code, first.json()["accepted"]) == (202, 1)
    assert (again.status_code, again.json()["duplicates"]) == (202, 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (v3(client(place()), secret="wrong"), 403),
        (v3(client(place()), secret=""), 422),
        (v3(client(place()), version="9"), 400),
        (v3(client(place()), type="Bluetooth"), 200),
        (b"\0\1\2", 400),
    ],
    ids=["secret", "no secret", "version", "bluetooth", "binary"],
)
async def test_the_answer_says_who_is_wrong(receiver: Receiver, body: bytes, status: int) -> None:
    assert (await receiver.post(body)).status_code == status


async def test_an_unknown_feed_is_not_found(receiver: Receiver) -> None:
    await refresh(receiver.app)
    assert (await receiver.client.get("/v1/feeds/meraki/nowhere")).status_code == 404

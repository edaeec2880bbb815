"""The plain form of sightings over HTTP: durable before 202, each bad row named, good ones kept."""

import gzip
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.clock import FixedClock
from district.events import SIGHTINGS_STREAM, sightings_subject
from district.sightings.batch import Batch, Columns, columns_of, unpack
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers


class Sender:
    """A district with one feed and its key."""

    def __init__(self, makers: Makers, app: FastAPI, client: httpx.AsyncClient, clock: FixedClock) -> None:
        self.district = makers.district()
        self.feed = makers.feed(self.district)
        self.key = makers.key(self.district, Role.FEED, scope_id=self.feed.id)
        self.makers, self.app, self.client, self.clock = makers, app, client, clock

    @property
    def path(self) -> str:
        return f"/v1/districts/{self.district.slug}/sightings"

    def row(self, **values: Any) -> dict[str, Any]:
        """A good row; None leaves a member out."""
        given = {
            "id": uuid.uuid4().hex,
            "mac": "a4:83:e7:00:00:01",
            "lon": HELSINKI.lon,
            "lat": HELSINKI.lat,
            "accuracy_m": 5,
            "at": self.clock.now().isoformat(),
        }
        return {name: value for name, value in (given | values).items() if value is not None}

    async def send(self, *rows: Any) -> httpx.Response:
        await refresh(self.app)
        return await self.send_body(json.dumps({"sightings": rows}).encode())

    async def send_body(self, body: bytes, **headers: str) -> httpx.Response:
        return await self.client.post(
            self.path, content=body, headers={"Authorization": f"Bearer {self.key}", **headers}
        )

    async def published(self) -> list[Columns]:
        """What the event log holds of the district."""
        stream = self.app.state.stream
        subject = sightings_subject(self.district.id)
        found = await stream.pull_subscribe(subject, stream=SIGHTINGS_STREAM)
        columns: list[Columns] = []
        while waiting := (await found.consumer_info()).num_pending:
            for message in await found.fetch(waiting, timeout=60):
                batch = unpack(message.data)
                assert isinstance(batch, Batch)
                columns.append(columns_of(batch))
        await found.unsubscribe()
        return columns


@pytest.fixture
def sender(committed: Makers, app: FastAPI, client: httpx.AsyncClient, clock: FixedClock) -> Sender:
    return Sender(committed, app, client, clock)


async def test_good_rows_are_in_the_event_log_when_202_is_said(sender: Sender) -> None:
    answer = await sender.send(sender.row(), sender.row(mac="a483e7000002"))
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 2, "duplicates": 0, "rejected": []}
    (columns,) = await sender.published()
    assert columns.lon.tolist() == [HELSINKI.lon] * 2
    assert len(set(columns.device.tolist())) == 2


async def test_no_mac_leaves_the_edge(sender: Sender) -> None:
    await sender.send(sender.row(mac="a4:83:e7:00:00:01"))
    (columns,) = await sender.published()
    everything = columns.device.tobytes() + "".join(columns.source_id).encode()
    assert bytes.fromhex("a483e7000001") not in everything
    assert b"a483e7000001" not in everything


AT = datetime.fromisoformat("2026-05-01T09:00:00+00:00")

BAD_ROWS: list[tuple[dict[str, Any], str]] = [
    ({"at": (AT + timedelta(minutes=5, seconds=1)).isoformat()}, "in_future"),
    ({"at": (AT - timedelta(hours=24, seconds=1)).isoformat()}, "too_old"),
    ({"at": "noon"}, "bad_at"),
    ({"at": "2026-05-01T09:00:00"}, "bad_at"),
    ({"at": None}, "missing_at"),
    ({"lon": float("nan")}, "not_finite"),
    ({"lat": float("inf")}, "not_finite"),
    ({"lat": 91}, "out_of_range"),
    ({"lon": -180.5}, "out_of_range"),
    ({"accuracy_m": -1}, "out_of_range"),
    ({"accuracy_m": 1e300}, "out_of_range"),
    ({"lon": True}, "wrong_type"),
    ({"lon": "24.9"}, "wrong_type"),
    ({"lon": None}, "missing_position"),
    ({"lon": None, "lat": None, "ap_mac": "00:18:0a:00:00:99"}, "unknown_access_point"),
    ({"lon": None, "lat": None, "ap_mac": 7}, "unknown_access_point"),
    ({"mac": "nonsense"}, "bad_mac"),
    ({"mac": 12}, "bad_mac"),
    ({"mac": None}, "missing_mac"),
    ({"mac": None, "member_id": "me"}, "bad_member_id"),
    ({"id": None}, "missing_id"),
    ({"id": 12345678901234567890}, "bad_id"),
    ({"id": "x" * 65}, "bad_id"),
    ({"id": "nul\0"}, "bad_id"),
    ({"id": "\ud800"}, "bad_id"),
    ({"floor": 2.5}, "bad_floor"),
    ({"floor": 10**30}, "bad_floor"),
    ({"floor": True}, "bad_floor"),
    ({"floor": "f" * 33}, "bad_floor"),
]


@pytest.mark.parametrize(("change", "reason"), BAD_ROWS, ids=[f"{c}"[:40] for c, _ in BAD_ROWS])
async def test_a_bad_row_is_named_and_its_neighbours_are_kept(
    sender: Sender, change: dict[str, Any], reason: str
) -> None:
    bad = {name: value for name, value in (sender.row() | change).items() if value is not None}
    answer = await sender.send(sender.row(), bad, sender.row(mac="a483e7000003"))
    assert answer.json() == {
        "accepted": 2,
        "duplicates": 0,
        "rejected": [{"index": 1, "reason": reason}],
    }


@pytest.mark.parametrize("item", [None, 5, "row", [], [[]], {"sightings": []}])
async def test_what_is_no_row_is_named(sender: Sender, item: Any) -> None:
    answer = await sender.send(sender.row(), item)
    assert answer.json()["accepted"] == 1
    assert [one["index"] for one in answer.json()["rejected"]] == [1]


async def test_the_borders_of_time_are_accepted(sender: Sender) -> None:
    ahead, old = AT + timedelta(minutes=5), AT - timedelta(hours=24)
    answer = await sender.send(sender.row(at=ahead.isoformat()), sender.row(at=old.isoformat()))
    assert answer.json()["accepted"] == 2


async def test_an_access_point_places_a_row_and_one_without_a_place_is_said(sender: Sender) -> None:
    placed = sender.makers.access_point(sender.district, floor="2")
    bare = sender.makers.access_point(sender.district, at=None)
    answer = await sender.send(
        sender.row(lon=None, lat=None, ap_mac=placed.mac, rssi_dbm=-60),
        sender.row(lon=None, lat=None, ap_mac=bare.mac),
    )
    assert answer.json()["rejected"] == [{"index": 1, "reason": "unplaced_access_point"}]
    (columns,) = await sender.published()
    assert (columns.lon[0], columns.lat[0]) == (HELSINKI.lon, HELSINKI.lat)
    assert columns.floors[columns.floor[0]] == "2"
    assert columns.access_points[columns.access_point[0]] == placed.id.bytes


async def test_a_floor_sent_as_a_number_is_the_floor_of_that_name(sender: Sender) -> None:
    answer = await sender.send(sender.row(floor=-1), sender.row(mac="a483e7000002", floor="-1"))
    assert answer.json()["accepted"] == 2
    (columns,) = await sender.published()
    assert [columns.floors[number] for number in columns.floor] == ["-1", "-1"]


async def test_an_id_repeated_in_a_body_is_a_duplicate(sender: Sender) -> None:
    row = sender.row()
    answer = await sender.send(row, row, sender.row())
    assert answer.json() == {"accepted": 2, "duplicates": 1, "rejected": []}


async def test_a_body_sent_again_is_all_duplicates(sender: Sender) -> None:
    rows = [sender.row(), sender.row(), sender.row(lat=99)]
    first = await sender.send(*rows)
    again = await sender.send(*rows)
    assert (first.json()["accepted"], first.json()["duplicates"]) == (2, 0)
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 2)
    assert sum(len(columns) for columns in await sender.published()) == 2


async def test_a_large_body_is_stored_in_parts_without_loss(sender: Sender) -> None:
    rows = [sender.row(id=f"{number:064d}", mac=f"{number:012x}") for number in range(10_000)]
    answer = await sender.send(*rows)
    assert answer.json()["accepted"] == 10_000
    published = await sender.published()
    assert len(published) > 1
    assert [name for columns in published for name in columns.source_id] == [row["id"] for row in rows]


async def test_gzip_is_taken(sender: Sender) -> None:
    await refresh(sender.app)
    body = json.dumps({"sightings": [sender.row()]}).encode()
    answer = await sender.send_body(gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\x00\xff\xfe", 400),
        ('{"sightings": []}'.encode("utf-16"), 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'{"sightings": {}}', 422),
        (b'{"sightings": [' + b",".join([b"{}"] * 10_001) + b"]}", 413),
        (b" " * (5 * 2**20 + 1), 413),
    ],
    ids=["empty", "cut", "binary", "utf-16", "deep", "list", "object", "items", "bytes"],
)
async def test_a_body_that_cannot_be_used_is_refused_as_a_problem(
    sender: Sender, body: bytes, status: int
) -> None:
    await refresh(sender.app)
    answer = await sender.send_body(body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_gzip_bomb_is_refused(sender: Sender) -> None:
    await refresh(sender.app)
    bomb = gzip.compress(b" " * 200_000_000)
    answer = await sender.send_body(bomb, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413


async def test_callers_without_the_feeds_key_are_refused(sender: Sender) -> None:
    other = sender.makers.district()
    key = sender.makers.key(other, Role.FEED, scope_id=sender.makers.feed(other).id)
    till = sender.makers.key(sender.district, Role.TILL)
    unbound = sender.makers.key(sender.district, Role.FEED)
    await refresh(sender.app)
    statuses = []
    for token in (None, key, till, unbound):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await sender.client.post(sender.path, content=b'{"sightings":[]}', headers=headers)
        statuses.append(answer.status_code)
    assert statuses == [401, 404, 403, 403]


async def test_an_unusable_floor_does_not_move_the_floors_after_it(sender: Sender) -> None:
    rows = [sender.row(floor="x" * 40), sender.row(floor="2"), sender.row(floor="3")]
    answer = await sender.send(*rows)
    assert answer.json()["rejected"] == [{"index": 0, "reason": "bad_floor"}]
    (columns,) = await sender.published()
    assert [columns.floors[number] for number in columns.floor.tolist()] == ["2", "3"]


async def test_a_member_row_names_its_member(sender: Sender) -> None:
    member = sender.makers.member(sender.district)
    await sender.send(sender.row(mac=None, member_id=str(member.id)), sender.row())
    (columns,) = await sender.published()
    assert columns.member.tobytes() == member.id.bytes + bytes(16)


async def test_without_the_event_log_nothing_is_accepted_and_the_caller_is_told_when_to_return(
    sender: Sender,
) -> None:
    await refresh(sender.app)
    await sender.app.state.nats.close()
    answer = await sender.send(sender.row())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_outcomes_are_counted_for_the_operator(sender: Sender) -> None:
    row = sender.row()
    await sender.send(row, row, sender.row(lat=91))
    await sender.app.state.feed_counts.write(sender.app.state.pool, sender.clock)
    token = sender.makers.token(sender.district, Role.OPERATOR)
    await refresh(sender.app)
    answer = await sender.client.get(
        f"/v1/districts/{sender.district.slug}/feeds/{sender.feed.slug}",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.json()["rows_today"] == {"accepted": 1, "duplicates": 1, "out_of_range": 1}

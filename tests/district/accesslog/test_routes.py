"""Operators ask who had an address; each reading is in the log, and nobody else may read."""

import csv
import io
import itertools
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.accesslog import service
from district.accesslog.models import AccessRecord
from district.auth.models import Role
from district.gateways import sessions
from tests.conftest import refresh
from tests.district.accesslog.conftest import MAC, Stage, let_in

OUTER, INNER = "203.0.113.9", "10.0.0.7"
HEAD = "since,until,protocol,inner_address,inner_ports,outer_address,outer_ports\n"


class Caller:
    """Somebody with a token, before one district's log."""

    def __init__(self, client: httpx.AsyncClient, stage: Stage, token: str) -> None:
        self.client, self.stage = client, stage
        self.address = f"/v1/districts/{stage.district.slug}/access-log"
        self.headers = {"authorization": f"Bearer {token}"}

    async def ask(self, **question: Any) -> httpx.Response:
        """A search."""
        return await self.client.post(f"{self.address}/searches", json=question, headers=self.headers)

    async def holders(self, **question: Any) -> list[dict[str, Any]]:
        """Whom a search found."""
        answer = await self.ask(**question)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["holders"]
        return found

    async def export(self, form: str) -> httpx.Response:
        """All of the day."""
        now = self.stage.clock.now()
        span = {
            "since": (now - timedelta(days=1)).isoformat(),
            "until": (now + timedelta(days=1)).isoformat(),
        }
        return await self.client.get(
            f"{self.address}/export", params=span | {"format": form}, headers=self.headers
        )

    async def load(self, text: str | bytes) -> httpx.Response:
        """A NAT log."""
        return await self.client.post(f"{self.address}/translations", content=text, headers=self.headers)


@pytest.fixture
async def operator(app: FastAPI, client: httpx.AsyncClient, stage: Stage) -> Caller:
    await refresh(app)
    return Caller(client, stage, stage.makers.token(stage.district, Role.OPERATOR))


def line(stage: Stage, *, inner: str = INNER, ports: str = "50000-50099", minutes: int = 60) -> str:
    now = stage.clock.now()
    until = now + timedelta(minutes=minutes)
    return f"{now.isoformat()},{until.isoformat()},tcp,{inner},1024-65535,{OUTER},{ports}\n"


@pytest.mark.parametrize("role", [Role.MERCHANT, Role.OBSERVER, Role.PROPERTY, Role.SHOPPER])
async def test_nobody_but_operators_may_read(operator: Caller, role: Role) -> None:
    token = operator.stage.makers.token(operator.stage.district, role)
    other = Caller(operator.client, operator.stage, token)
    at = operator.stage.clock.now().isoformat()
    answers = [
        await other.ask(address=INNER, at=at),
        await other.export("csv"),
        await other.load(HEAD),
        await other.client.get(other.address, headers=other.headers),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4


async def test_strangers_and_other_districts_learn_nothing(operator: Caller) -> None:
    other = operator.stage.makers.district()
    await refresh(operator.client._transport.app)  # type: ignore[attr-defined]
    headers = {"authorization": f"Bearer {operator.stage.makers.token(other, Role.OPERATOR)}"}
    assert (await operator.client.get(operator.address, headers=headers)).status_code == 404
    assert (await operator.client.get(operator.address)).status_code == 401


async def test_the_holder_of_an_inner_address_is_found_while_he_has_it(operator: Caller) -> None:
    stage = operator.stage
    row = let_in(stage.makers, stage.gateway, stage.member, inner_address=INNER)
    began = stage.clock.now()
    stage.clock.advance(timedelta(minutes=30))
    sessions.finish(row, "x", at=stage.clock.now())
    stage.makers.done()
    await stage.follow()
    found = []
    for ago in (timedelta(minutes=10), timedelta(minutes=31), timedelta(minutes=-1)):
        holders = await operator.holders(address=INNER, at=(began + ago).isoformat())
        found.append([one["identity"] for one in holders])
    assert found == [[stage.member.phone], [], []]


async def test_who_stood_behind_an_outer_address_and_port_is_found_by_the_nat_log(operator: Caller) -> None:
    stage = operator.stage
    somebody = stage.makers.member(stage.district, email=f"{stage.district.slug}@example.com")
    let_in(stage.makers, stage.gateway, stage.member, inner_address=INNER, outer_address=OUTER)
    let_in(stage.makers, stage.gateway, somebody, inner_address="10.0.0.8", outer_address=OUTER)
    at = (stage.clock.now() + timedelta(minutes=5)).isoformat()
    without = await operator.holders(address=OUTER, port=50_050, at=at)
    answer = await operator.load(HEAD + line(stage) + line(stage, inner="10.0.0.8", ports="50100-50199"))
    assert answer.json() == {"imported": 2, "known": 0, "rejected": 0, "errors": []}
    found = await operator.holders(address=OUTER, port=50_050, protocol="tcp", at=at)
    beyond = await operator.holders(address=OUTER, port=50_150, at=at)
    assert len(without) == 2  # only the outer address is known: it was one of these
    assert [(one["identity"], one["found_by"]) for one in found] == [
        (stage.member.phone, "address_translation")
    ]
    assert [one["member_id"] for one in beyond] == [str(somebody.id)]


async def test_sessions_of_a_device_and_of_a_person_are_found(operator: Caller) -> None:
    stage = operator.stage
    row = stage.let_in()
    span = {
        "since": (stage.clock.now() - timedelta(hours=1)).isoformat(),
        "until": (stage.clock.now() + timedelta(hours=1)).isoformat(),
    }
    by_device = await operator.holders(mac="02-AA-22-33-44-66", **span)
    by_person = await operator.holders(identity=stage.member.phone, **span)
    by_other = await operator.holders(mac="02:aa:22:33:44:99", **span)
    assert [one["session"] for one in by_device + by_person] == [str(row.id)] * 2
    assert by_other == []


@pytest.mark.parametrize(
    "question",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"address": "10.0.0.7"}, id="no-time"),
        pytest.param({"address": "x", "at": "2026-05-01T09:00:00Z"}, id="no-address"),
        pytest.param({"address": "10.0.0.7", "at": "2026-05-01T09:00:00"}, id="no-offset"),
        pytest.param({"address": "10.0.0.7", "at": "2026-05-01T09:00:00Z", "port": 65_536}, id="port"),
        pytest.param(
            {"port": 80, "since": "2026-05-01T09:00:00Z", "until": "2026-05-02T09:00:00Z"}, id="lone-port"
        ),
        pytest.param(
            {"mac": "zz", "since": "2026-05-01T09:00:00Z", "until": "2026-05-02T09:00:00Z"}, id="mac"
        ),
        pytest.param({"since": "2026-05-02T09:00:00Z", "until": "2026-05-01T09:00:00Z"}, id="backwards"),
        pytest.param({"address": "10.0.0.7", "at": "0001-01-01T00:00:00+14:00"}, id="year-one"),
        pytest.param({"address": "10.0.0.7", "at": "9999-12-31T23:59:59-14:00"}, id="last-year"),
        pytest.param({"address": "10.0.0.7\x00", "at": "2026-05-01T09:00:00Z"}, id="nul"),
    ],
)
async def test_a_question_without_sense_is_refused_and_not_logged(
    operator: Caller, question: dict[str, Any]
) -> None:
    assert (await operator.ask(**question)).status_code == 422
    assert operator.stage.log() == []


async def test_each_reading_is_in_the_log_with_who_and_what(operator: Caller) -> None:
    at = operator.stage.clock.now().isoformat()
    await operator.holders(address=INNER, at=at)
    assert (await operator.export("jsonl")).status_code == 200
    search, export = operator.stage.log()
    assert (search.event, search.method, export.method) == ("read", "search", "export")
    assert search.identity.startswith("operator:")
    assert json.loads(search.detail)["address"] == INNER


async def test_an_export_as_json_lines_can_be_verified_from_the_file_alone(operator: Caller) -> None:
    stage = operator.stage
    stage.let_in()
    stage.let_in()
    lines = [json.loads(text) for text in (await operator.export("jsonl")).text.splitlines()]
    assert [one["number"] for one in lines] == [1, 2, 3]
    assert all(one["previous_hash"] == before["hash"] for before, one in itertools.pairwise(lines))
    assert lines[0]["mac"] == MAC
    assert lines[-1]["hash"] == service.state(stage.makers.session, stage.district.id).last_hash.hex()


async def test_an_export_as_csv_holds_no_formula(operator: Caller) -> None:
    stage = operator.stage
    stage.let_in()
    [head, row, *_] = csv.reader(io.StringIO((await operator.export("csv")).text))
    found = dict(zip(head, row, strict=True))
    assert found["identity"] == f"'{stage.member.phone}"
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]


async def test_the_same_lines_again_change_nothing(operator: Caller) -> None:
    text = HEAD + line(operator.stage) * 2
    first, second = [(await operator.load(text)).json() for _ in range(2)]
    assert (first["imported"], first["known"]) == (1, 1)
    assert (second["imported"], second["known"]) == (0, 2)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        pytest.param("x,2026-05-01T10:00:00Z,tcp,10.0.0.1,,203.0.113.9,1", "since must be a time", id="time"),
        pytest.param("2026-05-01T09:00:00,2026-05-01T10:00:00Z,,10.0.0.1,,1.1.1.1,", "offset", id="offset"),
        pytest.param(
            "2026-05-01T10:00:00Z,2026-05-01T09:00:00Z,,10.0.0.1,,1.1.1.1,", "after since", id="order"
        ),
        pytest.param("2026-05-01T09:00:00Z,2026-08-01T09:00:00Z,,10.0.0.1,,1.1.1.1,", "31 days", id="long"),
        pytest.param(
            "2026-05-01T09:00:00Z,2026-05-01T10:00:00Z,sctp,10.0.0.1,,1.1.1.1,", "protocol", id="protocol"
        ),
        pytest.param(
            "2026-05-01T09:00:00Z,2026-05-01T10:00:00Z,,10.0.0,,1.1.1.1,", "inner_address", id="inner"
        ),
        pytest.param("2026-05-01T09:00:00Z,2026-05-01T10:00:00Z,,10.0.0.1,,1.1.1.1,9-5", "go up", id="ports"),
        pytest.param(
            "2026-05-01T09:00:00Z,2026-05-01T10:00:00Z,,10.0.0.1,,1.1.1.1,70000", "at most", id="port"
        ),
        pytest.param(
            "2026-05-01T09:00:00Z,2026-05-01T10:00:00Z,,10.0.0.1,,1.1.1.1,٣", "port such as", id="digits"
        ),
        pytest.param(
            "0001-01-01T00:00:00+14:00,2026-05-01T10:00:00Z,,10.0.0.1,,1.1.1.1,", "range", id="year"
        ),
        pytest.param("2026-05-01T09:00:00Z", "until", id="short"),
    ],
)
async def test_a_bad_line_is_named_and_its_neighbours_are_taken(
    operator: Caller, bad: str, says: str
) -> None:
    answer = (await operator.load(HEAD + bad + "\n" + line(operator.stage))).json()
    assert (answer["imported"], answer["rejected"], answer["errors"][0]["line"]) == (1, 1, 2)
    assert says in answer["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("a,b\n1,2\n", 422, id="header"),
        pytest.param("", 422, id="empty"),
        pytest.param(b"\xff\xfe", 422, id="no-utf-8"),
        pytest.param(HEAD + "x\n" * 10_001, 422, id="many-lines"),
        pytest.param(HEAD + "x" * (1 << 20), 413, id="large"),
        pytest.param(HEAD + '"' + "x\n" * 9_000, 200, id="open-quote"),
    ],
)
async def test_hostile_bodies_are_answered(operator: Caller, body: str | bytes, status: int) -> None:
    assert (await operator.load(body)).status_code == status


async def test_imports_are_in_the_log(operator: Caller) -> None:
    await operator.load(HEAD + line(operator.stage))
    rows = operator.stage.makers.session.scalars(
        select(AccessRecord.detail).where(
            AccessRecord.district_id == operator.stage.district.id, AccessRecord.event == "import"
        )
    )
    assert list(rows) == ["nat log: imported=1 known=0 rejected=0"]


async def test_the_state_names_the_head_of_the_chain(operator: Caller) -> None:
    operator.stage.let_in()
    answer = (await operator.client.get(operator.address, headers=operator.headers)).json()
    state = service.state(operator.stage.makers.session, operator.stage.district.id)
    assert (answer["last_number"], answer["last_hash"]) == (1, state.last_hash.hex())
    assert answer["kept_days"] == 180

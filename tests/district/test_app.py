"""The application as a whole starts, says how it is, and answers errors in one shape."""

import io
import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import text

from district import logs
from district.database import DbSession
from district.settings import Settings


async def test_health_gives_business_time(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz")
    assert answer.json() == {"status": "ok", "now": "2026-05-01T09:00:00+00:00"}


async def test_ready_needs_database_and_event_log(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("district.app.READY_WITHIN_S", 60.0)
    answer = await client.get("/readyz")
    assert answer.json() == {"ready": True, "database": True, "events": True}


async def test_unknown_path_is_a_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:shangquan:problem:not-found"
    assert answer.json()["title"] == "Not found"
    assert "/openapi.json" in answer.json()["detail"]


async def test_a_method_that_an_address_does_not_take_says_where_to_look(client: httpx.AsyncClient) -> None:
    answer = await client.put("/healthz")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert "/openapi.json" in answer.json()["detail"]


async def test_a_commit_that_fails_is_not_answered_as_a_success(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    router = APIRouter()

    @router.post("/doomed")
    def doomed(session: DbSession) -> dict[str, str]:
        session.execute(text("CREATE TEMP TABLE once (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)"))
        session.execute(text("INSERT INTO once VALUES (1), (1)"))
        return {"status": "saved"}

    app.include_router(router)
    answer = await client.post("/doomed")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


CANARY = "+358401234567"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process writes to its log."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(Settings(), stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def failing(app: FastAPI) -> None:
    router = APIRouter()

    @router.get("/crash/{number}")
    def crash(number: str) -> None:
        raise RuntimeError(f"no idea what to do with {number}")

    @router.get("/query/{number}")
    def query(number: str, session: DbSession) -> None:
        session.execute(text("SELECT nothing FROM nowhere WHERE phone = :phone"), {"phone": number})

    @router.get("/value/{number}")
    def value(number: str, session: DbSession) -> None:
        session.execute(text("SELECT CAST(:phone AS int)"), {"phone": f"x{number}"})

    @router.get("/slow")
    def slow(session: DbSession) -> None:
        session.execute(text("SET LOCAL statement_timeout = 50"))
        session.execute(text("SELECT pg_sleep(5)"))

    @router.get("/broken-off")
    def broken_off() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            yield b"begun"
            raise RuntimeError(CANARY)

        return StreamingResponse(parts())

    app.include_router(router)


@pytest.mark.parametrize(
    ("path", "status"),
    [(f"/crash/{CANARY}", 500), (f"/query/{CANARY}", 500), (f"/value/{CANARY}", 422), ("/slow", 503)],
)
async def test_a_failure_is_answered_as_a_problem_and_logged_once_without_personal_data(
    app: FastAPI, client: httpx.AsyncClient, written: io.StringIO, path: str, status: int
) -> None:
    failing(app)
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    # What runs in the background may have something to say of its own.
    of_others = ("level=info", "event=snapshot.", "event=events.")
    lines = [line for line in written.getvalue().splitlines() if not any(part in line for part in of_others)]
    assert len(lines) == 1
    assert ("request.failed" if status == 500 else "database.refused") in lines[0]
    assert CANARY not in written.getvalue()
    assert CANARY.removeprefix("+") not in written.getvalue()


async def test_an_answer_that_breaks_off_is_cut_and_logged(
    app: FastAPI, client: httpx.AsyncClient, written: io.StringIO
) -> None:
    failing(app)
    answer = await client.get("/broken-off")
    assert answer.content == b"begun"
    assert "event=request.failed" in written.getvalue()
    assert CANARY not in written.getvalue()

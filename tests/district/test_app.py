"""The application as a whole starts, says how it is, and answers errors in one shape."""

import httpx
from fastapi import APIRouter, FastAPI
from sqlalchemy import text

from district.database import DbSession


async def test_health_gives_business_time(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz")
    assert answer.json() == {"status": "ok", "now": "2026-05-01T09:00:00+00:00"}


async def test_ready_needs_database_and_event_log(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.json() == {"ready": True, "database": True, "events": True}


async def test_unknown_path_is_a_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:shangquan:problem:not-found"


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

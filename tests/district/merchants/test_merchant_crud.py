"""Merchants over HTTP."""

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from tests.conftest import refresh
from tests.factories import Makers


@pytest.fixture
async def ready(app: FastAPI) -> FastAPI:
    return app


async def test_a_merchant_sees_and_renames_itself_alone(
    ready: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district = committed.district()
    mine, rival = committed.merchant(district, name="Mine"), committed.merchant(district, name="Rival")
    headers = {"Authorization": f"Bearer {committed.token(district, Role.MERCHANT, scope_id=mine.id)}"}
    await refresh(ready)
    base = f"/v1/districts/{district.slug}/merchants"
    listed = (await client.get(base, headers=headers)).json()["items"]
    assert [item["name"] for item in listed] == ["Mine"]
    assert (await client.get(f"{base}/{rival.id}", headers=headers)).status_code == 404
    assert (await client.patch(f"{base}/{rival.id}", json={"name": "x"}, headers=headers)).status_code == 404
    answer = await client.patch(f"{base}/{mine.id}", json={"name": "Mine Oy"}, headers=headers)
    assert answer.json()["name"] == "Mine Oy"
    assert (await client.delete(f"{base}/{mine.id}", headers=headers)).status_code == 403


async def test_a_merchant_with_a_store_is_not_deleted(
    ready: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district = committed.district()
    busy, idle = committed.merchant(district), committed.merchant(district)
    committed.store(district, merchant_id=busy.id)
    headers = {"Authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    await refresh(ready)
    base = f"/v1/districts/{district.slug}/merchants"
    refused = await client.delete(f"{base}/{busy.id}", headers=headers)
    assert refused.status_code == 409
    assert "store" in refused.json()["detail"]
    assert (await client.delete(f"{base}/{idle.id}", headers=headers)).status_code == 204
    assert (await client.get(f"{base}/{idle.id}", headers=headers)).status_code == 404
    assert (await client.get(f"{base}/{busy.id}", headers=headers)).status_code == 200

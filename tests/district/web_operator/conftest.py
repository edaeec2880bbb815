"""A district with an operator who is logged in by a cookie."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.districts.models import District
from tests.conftest import refresh
from tests.factories import Makers

OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def district(committed: Makers, app: FastAPI) -> District:
    made = committed.district()
    await refresh(app)
    return made


async def browser_of(app: FastAPI, token: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver", headers=OWN, cookies={"district_session": token}
    ) as browser:
        yield browser


@pytest.fixture
async def operator(app: FastAPI, district: District, committed: Makers) -> AsyncIterator[httpx.AsyncClient]:
    """The operator's browser."""
    account = committed.account(district, Role.OPERATOR)
    async for browser in browser_of(app, committed.token(district, Role.OPERATOR, subject_id=account.id)):
        yield browser


@pytest.fixture
async def stranger(app: FastAPI, committed: Makers) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of another district's operator."""
    elsewhere = committed.district()
    await refresh(app)
    async for browser in browser_of(app, committed.token(elsewhere, Role.OPERATOR)):
        yield browser


@pytest.fixture
async def merchant(app: FastAPI, district: District, committed: Makers) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a merchant of the same district."""
    token = committed.token(district, Role.MERCHANT, scope_id=committed.merchant(district).id)
    async for browser in browser_of(app, token):
        yield browser

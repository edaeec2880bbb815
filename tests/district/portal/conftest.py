"""A district of Finland with sign-in pages to open, and what they leave in the tables."""

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from tests.conftest import refresh
from tests.district.portal.ways import SECRET, Open, Portal
from tests.factories import Makers


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
async def opened(
    app: FastAPI, committed: Makers, district: District, clock: FixedClock
) -> AsyncIterator[Open]:
    browsers: list[httpx.AsyncClient] = []

    async def of(**values: Any) -> Portal:
        slug = f"gw-{uuid.uuid4().hex[:12]}"
        new = NewGateway.model_validate({"slug": slug, "vendor": "click", "secret": SECRET} | values)
        gateways.create(committed.session, committed.info(district), new, clock=clock)
        committed.session.commit()
        await refresh(app)
        return Portal(app=app, slug=slug, clock=clock, browsers=browsers)

    yield of
    for browser in browsers:
        await browser.aclose()


@pytest.fixture
def rows(engine: Engine, district: District) -> Callable[[type[Any]], list[Any]]:
    def of(table: type[Any]) -> list[Any]:
        with Session(engine) as session:
            return list(session.scalars(select(table).where(table.district_id == district.id)))

    return of

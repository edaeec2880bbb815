"""Visits to count, and people who may ask for them."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.clock import FixedClock
from district.districts.models import District
from district.visits.models import Visit
from tests.conftest import refresh
from tests.factories import Makers

Log = Callable[..., None]
Ask = Callable[[Role], dict[str, str]]


@pytest.fixture
async def district(committed: Makers, app: FastAPI) -> District:
    made = committed.district()
    await refresh(app)
    return made


@pytest.fixture
def log(committed: Makers, district: District, clock: FixedClock) -> Log:
    """Adds visits of different people that began some hours and days ago."""
    info = committed.info(district)

    def add(
        people: int,
        *,
        hours_ago: float = 0.5,
        days_ago: int = 0,
        minutes: float = 20,
        kind: str = "district",
        place_id: uuid.UUID | None = None,
        members: list[uuid.UUID] | None = None,
    ) -> None:
        start = clock.now() - timedelta(days=days_ago, hours=hours_ago)
        for number in range(people):
            committed.session.add(
                Visit(
                    district_id=district.id,
                    trading_day=info.trading_day(start),
                    id=uuid.uuid4(),
                    place_kind=kind,
                    place_id=place_id,
                    member_id=members[number] if members else None,
                    device=None if members else uuid.uuid4().bytes,
                    started_at=start,
                    ended_at=start + timedelta(minutes=minutes),
                    fixes=10,
                )
            )
        committed.done()

    return add


@pytest.fixture
def as_role(committed: Makers, district: District) -> Callable[..., dict[str, str]]:
    """Headers of somebody of a role."""

    def headers(role: Role, *, scope_id: uuid.UUID | None = None) -> dict[str, str]:
        token = committed.token(district, role, scope_id=scope_id)
        return {"authorization": f"Bearer {token}"}

    return headers

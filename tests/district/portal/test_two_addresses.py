"""One device under two addresses at once, by accounting: an alarm, and none for who roams."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from district.database import Pool, make_pool
from district.districts.models import District
from district.members.models import Alarm
from district.portal import two_places
from district.radius.models import RadiusSession
from tests.factories import Makers

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    made = make_pool(database_url, size=1)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


def on_line(
    committed: Makers,
    district: District,
    address: str,
    *,
    alias: bytes = b"a" * 16,
    began: timedelta = 10 * MINUTE,
    told: timedelta = timedelta(),
    is_over: bool = False,
) -> None:
    """A session that began a while ago and was last told of some time ago."""
    now = committed.clock.now()
    committed.session.add(
        RadiusSession(
            district_id=district.id,
            unique_id=uuid.uuid4().hex,
            alias=alias,
            framed_address=address,
            access_point_mac="00180a13ddb0",
            started_at=now - began,
            session_s=int((began - told).total_seconds()),
            updated_at=committed.clock.machine_now() - told,
            stopped_at=now - told if is_over else None,
            interim_s=300,
        )
    )
    committed.done()


def alarms(committed: Makers, district: District) -> list[Alarm]:
    committed.session.rollback()
    committed.session.expire_all()
    return list(committed.session.scalars(select(Alarm).where(Alarm.district_id == district.id)))


async def test_two_addresses_at_once_are_one_alarm(committed: Makers, district: District, pool: Pool) -> None:
    on_line(committed, district, "10.0.0.5")
    on_line(committed, district, "10.0.0.9")
    on_line(committed, district, "10.0.0.7", alias=b"b" * 16)
    for _ in range(2):
        assert await two_places.at_two_addresses(pool, district.id, clock=committed.clock) == 1
    (alarm,) = alarms(committed, district)
    assert (alarm.kind, alarm.times, alarm.subject) == ("device_at_two_addresses", 2, (b"a" * 16).hex())
    assert alarm.detail["addresses"] == ["10.0.0.5", "10.0.0.9"]


@pytest.mark.parametrize(
    "other",
    [
        {"address": "10.0.0.5"},
        {"address": "10.0.0.9", "began": MINUTE},
        {"address": "10.0.0.9", "is_over": True},
        {"address": "10.0.0.9", "began": 60 * MINUTE, "told": 9 * MINUTE},
        {"address": "2001:db8::9"},
        {"address": ""},
    ],
    ids=["same", "just-roamed", "over", "silent-since", "both-families", "unknown"],
)
async def test_who_roams_or_has_an_address_of_each_kind_sounds_nothing(
    committed: Makers, district: District, pool: Pool, other: dict[str, object]
) -> None:
    on_line(committed, district, "10.0.0.5")
    on_line(committed, district, **other)  # type: ignore[arg-type]  # a table of cases
    assert await two_places.at_two_addresses(pool, district.id, clock=committed.clock) == 0
    assert alarms(committed, district) == []

"""What has been kept long enough goes, to the second, and nothing else."""

import uuid
from datetime import timedelta

import pytest
from fastapi import FastAPI

from district.database import new_id
from district.districts.models import District
from district.portal.models import SmsMessage, SmsProvider
from district.privacy import jobs
from district.radius.models import RadiusSession
from tests.factories import Makers


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


def ended(committed: Makers, district: District, *, ago: timedelta | None) -> str:
    """A session that accounting told of; without an end it is still on."""
    now = committed.clock.now()
    row = RadiusSession(
        district_id=district.id,
        unique_id=uuid.uuid4().hex,
        started_at=now - timedelta(days=400),
        updated_at=committed.clock.machine_now(),
        stopped_at=None if ago is None else now - ago,
    )
    committed.session.add(row)
    committed.done()
    return row.unique_id


@pytest.mark.parametrize("kept", [timedelta(days=30), timedelta(days=180)])
async def test_sessions_of_radius_go_with_their_time_and_open_ones_stay(
    app: FastAPI, committed: Makers, district: District, kept: timedelta
) -> None:
    second = timedelta(seconds=1)
    other = committed.district()
    old = ended(committed, district, ago=kept + second)
    stay = {ended(committed, district, ago=kept), ended(committed, district, ago=None)}
    elsewhere = ended(committed, other, ago=kept + second)
    clock = committed.clock
    for expected in (1, 0):
        found = await jobs.forget(
            app.state.pool,
            district.id,
            now=clock.now(),
            machine_now=clock.machine_now(),
            radius_sessions_kept=kept,
        )
        assert found["radius_session"] == expected
    committed.session.expire_all()
    left = {
        row.unique_id for row in committed.session.query(RadiusSession).filter_by(district_id=district.id)
    }
    assert left == stay
    assert old not in left
    assert committed.session.get(RadiusSession, (other.id, elsewhere)) is not None


async def test_ids_of_text_messages_go_after_thirty_days(
    app: FastAPI, committed: Makers, district: District
) -> None:
    clock = committed.clock
    provider = SmsProvider(
        district_id=district.id, id=new_id(), slug=f"s-{uuid.uuid4().hex[:8]}", number="17123",
        keyword="JOIN", secret="whsec_x", created_at=clock.now(),
    )  # fmt: skip
    committed.session.add(provider)
    committed.done()
    for age in (jobs.TEXTS_KEPT, jobs.TEXTS_KEPT + timedelta(seconds=1)):
        committed.session.add(
            SmsMessage(
                district_id=district.id,
                provider_id=provider.id,
                message_id=uuid.uuid4().hex,
                body_hash=b"h",
                received_at=clock.machine_now() - age,
            )
        )
    committed.done()
    found = await jobs.forget(app.state.pool, district.id, now=clock.now(), machine_now=clock.machine_now())
    assert found["sms_message"] == 1

"""Closing an account: nothing that names the member stays, and no count changes."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from district.accesslog import service as accesslog
from district.accesslog.chain import AccessEvent, NewRecord
from district.auth.models import Role
from district.clock import FixedClock
from district.database import make_sessions, new_id
from district.deliveries.models import InboxItem
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.members import ledger, merging
from district.members import service as members
from district.members.models import Consent, Member, OptOut
from district.migrations.tables import metadata
from district.outbox.models import OutboxMessage
from district.privacy import jobs
from district.visits.models import Visit
from push.consent import Purpose
from tests.conftest import refresh
from tests.district.privacy.test_export import fill
from tests.factories import Makers

PHONE, EMAIL = "+358401234567", "canary@example.com"
MAC = "02aa22334466"


@pytest.fixture
async def district(app: FastAPI, committed: Makers) -> District:
    row = committed.district()
    await refresh(app)
    return row


@pytest.fixture
def info(committed: Makers, district: District) -> DistrictInfo:
    return committed.info(district)


def message(makers: Makers, district: District, **values: object) -> OutboxMessage:
    now = makers.clock.now()
    given: dict[str, object] = {
        "id": new_id(),
        "channel": "sms",
        "purpose": "code",
        "payload": {"to": PHONE, "code": "123456"},
        "due_at": now,
        "retry_at": now,
        "created_at": now,
    }
    row = OutboxMessage(district_id=district.id, **(given | values))
    makers.session.add(row)
    makers.done()
    return row


@pytest.fixture
def member(committed: Makers, district: District, info: DistrictInfo, clock: FixedClock) -> Member:
    row = committed.member(district, phone=PHONE, email=EMAIL)
    merchant = committed.merchant(district)
    campaign = committed.campaign(district, merchant, [])
    offer = committed.offer(campaign, row, trigger_lon=24.9, trigger_lat=60.1)
    members.see_device(committed.session, info, row, mac=MAC, clock=clock)
    now = clock.now()
    visit = Visit(
        district_id=district.id,
        trading_day=now.date(),
        id=new_id(),
        place_kind="district",
        member_id=row.id,
        started_at=now,
        ended_at=now + timedelta(hours=1),
        fixes=9,
    )
    item = InboxItem(
        district_id=district.id,
        id=new_id(),
        member_id=row.id,
        offer_id=offer.id,
        title={},
        body={},
        why={},
        at=now,
        committed_at=now,
    )
    committed.session.add_all([visit, item])
    message(committed, district)
    message(committed, district, channel="inbox", purpose="marketing", member_id=row.id, offer_id=offer.id)
    message(committed, district, payload={"to": "+358409999999", "code": "654321"})
    return row


def everything(engine: Engine, district: District) -> str:
    """Every row of the district, in every table, as text."""
    with make_sessions(engine)() as session:
        tables = session.scalars(
            text("SELECT table_name FROM information_schema.columns WHERE column_name = 'district_id'")
        ).all()
        rows = [
            session.execute(
                text(f"SELECT t::text FROM {table} AS t WHERE district_id = :d"), {"d": district.id}
            )
            for table in tables
        ]
        return "\n".join(str(row[0]) for found in rows for row in found)


async def close(client: httpx.AsyncClient, makers: Makers, district: District, member: Member) -> None:
    token = makers.token(district, Role.SHOPPER, subject_id=member.id)
    headers = {"authorization": f"Bearer {token}"}
    assert (await client.delete("/v1/me", headers=headers)).status_code == 204
    assert (await client.get("/v1/me", headers=headers)).status_code == 401


async def test_nothing_that_names_the_member_stays_in_any_table(  # noqa: PLR0917 pytest gives them by name
    client: httpx.AsyncClient,
    committed: Makers,
    engine: Engine,
    district: District,
    info: DistrictInfo,
    member: Member,
) -> None:
    alias = members.alias_of(info, MAC).hex()
    before = everything(engine, district)
    assert all(canary in before for canary in (PHONE, EMAIL, "123456", alias))
    await close(client, committed, district, member)
    after = everything(engine, district)
    assert not [canary for canary in (PHONE, EMAIL, '"123456"', "24.9,") if canary in after]
    assert "654321" in after  # somebody else's


async def test_counts_stay_and_point_to_nobody(
    client: httpx.AsyncClient, committed: Makers, engine: Engine, district: District, member: Member
) -> None:
    await close(client, committed, district, member)
    with make_sessions(engine)() as session:
        visits = session.query(Visit).filter_by(district_id=district.id).all()
        offers = session.execute(
            text("SELECT state, trigger_lon FROM offer WHERE district_id = :d"), {"d": district.id}
        ).all()
        inbox = session.query(InboxItem).filter_by(district_id=district.id).count()
        states = session.execute(
            text("SELECT state FROM outbox_message WHERE district_id = :d AND member_id IS NOT NULL"),
            {"d": district.id},
        ).all()
    assert [visit.member_id not in {None, member.id} for visit in visits] == [True]
    assert [tuple(row) for row in offers] == [("void", None)]
    assert inbox == 0
    assert [row[0] for row in states] == ["suppressed"]


async def test_the_device_is_dropped_until_its_owner_agrees_to_be_located_again(  # noqa: PLR0917 pytest gives them by name
    client: httpx.AsyncClient,
    committed: Makers,
    engine: Engine,
    district: District,
    info: DistrictInfo,
    member: Member,
) -> None:
    await close(client, committed, district, member)
    alias = members.alias_of(info, MAC)
    with make_sessions(engine).begin() as session:
        assert session.get(OptOut, (district.id, alias)) is not None
        members.count_device_again(session, info, alias)
    with make_sessions(engine)() as session:
        assert session.get(OptOut, (district.id, alias)) is None


async def test_sent_codes_old_sessions_and_counts_are_forgotten_in_time(
    app: FastAPI, committed: Makers, engine: Engine, district: District, info: DistrictInfo
) -> None:
    clock = committed.clock
    done = message(committed, district, state="accepted", finished_at=clock.machine_now())
    waiting = message(committed, district)
    committed.token(district, Role.OPERATOR)

    async def forget(after: timedelta) -> dict[str, int]:
        found = await jobs.forget(
            app.state.pool, district.id, now=clock.now() + after, machine_now=clock.machine_now() + after
        )
        return {name: count for name, count in found.items() if count}

    assert await forget(jobs.SENT_CODES_KEPT) == {}
    assert await forget(jobs.SENT_CODES_KEPT + timedelta(seconds=1)) == {"code_message": 1}
    with make_sessions(engine)() as session:
        kept = session.get_one(OutboxMessage, (district.id, waiting.id)).payload
        assert session.get_one(OutboxMessage, (district.id, done.id)).payload == {}
    assert kept["code"] == "123456"
    assert await forget(timedelta(hours=25)) == {"code_message": 1, "login_session": 1}
    assert await forget(timedelta(hours=25)) == {}


async def test_the_stock_of_open_offers_is_somebody_elses_to_have(
    client: httpx.AsyncClient, committed: Makers, engine: Engine, district: District
) -> None:
    leaver = committed.member(district)
    campaign = committed.campaign(district, committed.merchant(district), [], stock=5)
    now = committed.clock.now()
    for state, valid_until in (
        ("issued", now + timedelta(hours=1)),
        ("opened", now + timedelta(hours=1)),
        ("issued", now - timedelta(hours=1)),
        ("redeemed", now + timedelta(hours=1)),
    ):
        committed.offer(campaign, leaver, state=state, valid_until=valid_until)
    keys = {"d": district.id, "c": campaign.id}
    with make_sessions(engine).begin() as session:
        session.execute(
            text("UPDATE campaign_stock SET issued = 4 WHERE district_id = :d AND campaign_id = :c"), keys
        )
    await close(client, committed, district, leaver)
    with make_sessions(engine)() as session:
        issued = session.execute(
            text("SELECT issued FROM campaign_stock WHERE district_id = :d AND campaign_id = :c"), keys
        ).scalar_one()
        states = session.scalars(
            text("SELECT state FROM offer WHERE district_id = :d AND campaign_id = :c ORDER BY id"), keys
        ).all()
    assert issued == 2  # the one that was over and the one that was used stay used up
    assert states == ["void", "void", "void", "redeemed"]


async def test_what_was_merged_goes_too_and_the_log_of_the_law_stays(
    client: httpx.AsyncClient, committed: Makers, engine: Engine, district: District, info: DistrictInfo
) -> None:
    kept, merged = committed.member(district), committed.member(district, email="merged.canary@example.com")
    merging.merge(
        committed.session,
        info,
        kept_id=kept.id,
        merged_id=merged.id,
        reason="same person",
        clock=committed.clock,
    )
    kept.email, merged.email = None, "merged.canary@example.com"
    line = NewRecord(at=committed.clock.now(), event=AccessEvent.ON, session="s", member_id=merged.id)
    accesslog.append(committed.session, district.id, [line])
    committed.done()
    await close(client, committed, district, kept)
    with make_sessions(engine)() as session:
        states = session.scalars(text("SELECT state FROM member WHERE district_id = :d"), {"d": district.id})
        assert set(states) == {"erased"}
        assert accesslog.verify(session, district.id).checked == 1
    after = everything(engine, district)
    assert "merged.canary" not in after


async def test_every_way_in_ends_with_the_account(
    client: httpx.AsyncClient, committed: Makers, engine: Engine, district: District
) -> None:
    leaver = committed.member(district)
    for table in ("radius_credential", "radius_token", "hand_over", "member_identity"):
        fill(committed, district, leaver, metadata.tables[table], "member_id")
    await close(client, committed, district, leaver)
    with make_sessions(engine)() as session:
        left = [
            table
            for table in ("radius_credential", "radius_token", "hand_over", "member_identity")
            if session.execute(
                text(f"SELECT 1 FROM {table} WHERE district_id = :d"), {"d": district.id}
            ).first()
        ]
        sessions = session.execute(
            text("SELECT count(*) FROM login_session WHERE district_id = :d"), {"d": district.id}
        ).scalar_one()
    assert (left, sessions) == ([], 0)


@pytest.mark.parametrize(("days", "left"), [(179, "203.0.113.9"), (181, "")])
async def test_from_where_something_was_agreed_to_is_forgotten_and_the_consent_stays(  # noqa: PLR0917 as above
    app: FastAPI, committed: Makers, district: District, info: DistrictInfo, days: int, left: str
) -> None:
    clock = committed.clock
    members.decide(
        committed.session,
        info,
        committed.member(district),
        purpose=Purpose.LOCATION,
        channel=None,
        granted=True,
        language="en",
        action="box",
        source="test",
        at=clock.now(),
        evidence=members.Evidence(address="203.0.113.9", agent=left, proof="device"),
    )
    committed.done()
    later = timedelta(days=days)
    await jobs.forget(
        app.state.pool, district.id, now=clock.now() + later, machine_now=clock.machine_now() + later
    )
    committed.session.expire_all()
    [row] = committed.session.query(Consent).filter_by(district_id=district.id).all()
    assert (row.address, row.agent, row.granted) == (left, left, True)
    assert ledger.check([row]).faulty == ()

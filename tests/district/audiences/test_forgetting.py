"""What is kept for audiences ends: by time, and with the account."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.audiences import timeline
from district.audiences.models import ContactListEntry, Follow, MemberEvent, MemberTag, SegmentMember
from district.database import make_pool
from district.privacy import jobs
from push.audience_terms import EventKind
from tests.conftest import dsn, refresh
from tests.district.audiences.people import Square, agree, square
from tests.factories import Makers


@pytest.fixture
async def here(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Square:
    found = square(committed, client)
    await refresh(app)
    return found


def count(here: Square, table: Any) -> int:
    here.makers.session.rollback()
    found: int = here.makers.session.query(table).filter_by(district_id=here.district.id).count()
    return found


async def furnish(here: Square) -> None:
    """The member in everything that there is, beside somebody else on the list."""
    agree(here.makers, here.member)
    await here.own.ask("POST", "tags", json={"name": "vip", "title": "VIP"})
    named = {"add": [{"redemption_id": here.redemption(here.member, here.store)}]}
    await here.own.ask("PUT", "tags/vip/members", json=named)
    rule = {"attr": "tag", "value": "vip"}
    body = {"name": "best", "title": "Best", "kind": "static", "rule": rule}
    assert (await here.own.ask("POST", "segments", json=body)).status_code == 201
    await here.own.ask("POST", "contact-lists", json={"name": "old", "title": "Old"})
    content = f"phone\n{here.member.phone}\n+358409999999\n".encode()
    assert (await here.own.ask("PUT", "contact-lists/old/entries", content=content)).status_code == 200
    assert (await here.shopper.ask("PUT", f"/v1/me/follows/{here.store.id}")).status_code == 200


TABLES = (Follow, MemberEvent, MemberTag, SegmentMember, ContactListEntry)


async def test_with_the_account_goes_all_that_names_its_member(here: Square) -> None:
    await furnish(here)
    assert [count(here, table) for table in TABLES] == [1, 1, 1, 1, 2]
    assert (await here.shopper.ask("DELETE", "/v1/me")).status_code == 204
    assert [count(here, table) for table in TABLES] == [0, 0, 0, 0, 1]


async def test_time_ends_events_and_uploads_each_to_the_day(here: Square, database_url: str) -> None:
    await furnish(here)
    now = here.makers.clock.now()
    for days in (10, 11):
        timeline.record(
            here.makers.session,
            here.district.id,
            here.member.id,
            EventKind.STORE_VIEW,
            at=now - timedelta(days=days, microseconds=days - 10),
            store_id=here.store.id,
        )
    here.makers.done()
    pool = make_pool(dsn(database_url), size=1)
    await pool.open()
    try:
        for later, events, entries in (
            (timedelta(0), 2, 2),
            (jobs.LISTS_KEPT, 0, 2),
            (timedelta(days=401), 0, 0),
        ):
            await jobs.forget(
                pool,
                here.district.id,
                now=now + later,
                machine_now=now,
                member_events_kept=timedelta(days=10),
            )
            assert [count(here, table) for table in (MemberEvent, ContactListEntry)] == [events, entries]
    finally:
        await pool.close()
    shown = (await here.own.ask("GET", "contact-lists/old")).json()
    assert (shown["entries"], shown["uploaded_at"]) == (0, None)

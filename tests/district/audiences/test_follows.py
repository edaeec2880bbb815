"""Following stores: by the interface, by a heart without a script; and what the timeline keeps, of whom."""

import uuid
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from district.audiences import timeline
from district.audiences.models import Follow, MemberEvent
from district.clock import FixedClock
from district.members.models import Member
from push.audience_terms import EventKind
from tests.conftest import refresh
from tests.district.audiences.people import Square, agree, square
from tests.factories import Makers

OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def here(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Square:
    found = square(committed, client)
    await refresh(app)
    return found


def followed(here: Square) -> list[uuid.UUID]:
    here.makers.session.rollback()
    rows = here.makers.session.query(Follow).filter_by(district_id=here.district.id)
    return [row.store_id for row in rows]


async def test_a_member_follows_and_stops_each_as_often_as_he_likes(here: Square) -> None:
    path = f"/v1/me/follows/{here.store.id}"
    first, second = [(await here.shopper.ask("PUT", path)).json() for _ in range(2)]
    assert first == second
    assert [one["store_id"] for one in (await here.shopper.ask("GET", "/v1/me/follows")).json()] == [
        str(here.store.id)
    ]
    assert [(await here.shopper.ask("DELETE", path)).status_code for _ in range(2)] == [204, 204]
    assert followed(here) == []


async def test_a_store_that_is_not_there_or_has_closed_is_not_followed(here: Square) -> None:
    closed = here.makers.store(here.district, closed_at=here.makers.clock.now())
    other = here.makers.store(here.makers.district())
    for store_id in (closed.id, other.id, uuid.uuid4()):
        assert (await here.shopper.ask("PUT", f"/v1/me/follows/{store_id}")).status_code == 404
    for caller in (here.own, here.operator):
        assert (await caller.ask("PUT", f"/v1/me/follows/{here.store.id}")).status_code == 403


async def test_the_heart_follows_and_stops_and_leads_back(here: Square, client: httpx.AsyncClient) -> None:
    slug = here.district.slug
    sheet, listed = f"/d/{slug}/stores/{here.store.id}", f"/d/{slug}/nearest?q=zio"
    assert 'class="heart"' not in (await client.get(sheet)).text
    client.cookies.set("district_session", here.shopper.token)
    assert 'name="on" value="1"' in (await client.get(sheet)).text
    pressed = await client.post(f"{sheet}/follow", data={"on": "1", "back": listed}, headers=OWN)
    assert (pressed.status_code, pressed.headers["location"]) == (303, listed)
    assert followed(here) == [here.store.id]
    assert 'name="on" value="0"' in (await client.get(listed)).text
    away = await client.post(f"{sheet}/follow", data={"on": "0", "back": "//evil.test"}, headers=OWN)
    assert away.headers["location"] == sheet
    assert followed(here) == []
    foreign = await client.post(f"{sheet}/follow", headers={"sec-fetch-site": "cross-site"})
    assert (foreign.status_code, followed(here)) == (403, [])


async def test_nobody_follows_by_a_heart_without_a_membership(
    here: Square, client: httpx.AsyncClient
) -> None:
    sheet = f"/d/{here.district.slug}/stores/{here.store.id}"
    assert (await client.post(f"{sheet}/follow", data={"on": "1"}, headers=OWN)).status_code == 401
    assert followed(here) == []


def kinds(here: Square) -> list[str]:
    here.makers.session.rollback()
    rows = here.makers.session.query(MemberEvent).filter_by(district_id=here.district.id)
    return [row.kind for row in rows.order_by(MemberEvent.id)]


async def look_around(here: Square, client: httpx.AsyncClient) -> None:
    client.cookies.set("district_session", here.shopper.token)
    await client.get(f"/d/{here.district.slug}/nearest", params={"q": "  ＺＩＯ  "})
    await client.get(f"/d/{here.district.slug}/stores/{here.store.id}")
    await client.get(f"/d/{here.district.slug}/stores/{here.store.id}")
    await here.shopper.ask("PUT", f"/v1/me/follows/{here.store.id}")


async def test_the_timeline_keeps_what_a_member_did_who_agreed(
    here: Square, client: httpx.AsyncClient
) -> None:
    agree(here.makers, here.member)
    await look_around(here, client)
    assert kinds(here) == ["search", "store.view", "favourite"]
    shown = (await here.shopper.ask("GET", "/v1/me/timeline", params={"limit": 2})).json()
    assert (shown["is_kept"], len(shown["items"])) == (True, 2)
    rest = (await here.shopper.ask("GET", "/v1/me/timeline", params={"before": shown["next"]})).json()
    [search] = [one for one in [*shown["items"], *rest["items"]] if one["kind"] == "search"]
    assert (search["words"], search["found"]) == ("zio", 2)
    assert len(rest["items"]) == 1


@pytest.mark.parametrize("why", ["never", "withdrawn", "impersonal"])
async def test_the_timeline_keeps_nothing_of_who_did_not_agree(
    here: Square, client: httpx.AsyncClient, why: str
) -> None:
    if why != "never":
        agree(here.makers, here.member)
    if why == "withdrawn":
        agree(here.makers, here.member, granted=False)
    if why == "impersonal":
        here.makers.session.query(Member).filter_by(id=here.member.id).update({"is_personalised": False})
        here.makers.done()
    await look_around(here, client)
    assert kinds(here) == []
    assert (await here.shopper.ask("GET", "/v1/me/timeline")).json()["is_kept"] is False


async def test_a_search_in_vain_is_told_from_ten_members_on(here: Square) -> None:
    makers, now = here.makers, here.makers.clock.now()
    people = [makers.member(here.district) for _ in range(10)]
    for number, person in enumerate(people):
        agree(makers, person)
        for words in ("Bubble Tea", "sushi" if number else ""):
            timeline.record(
                makers.session, here.district.id, person.id, EventKind.SEARCH, at=now, words=words, found=0
            )
    timeline.record(
        makers.session, here.district.id, people[1].id, EventKind.SEARCH, at=now, words="zio", found=3
    )
    makers.done()
    told = (await here.operator.ask("GET", "searches/not-found")).json()
    assert [(one["words"], one["members"], one["searches"]) for one in told] == [("bubble tea", 10, 10)]
    assert (await here.own.ask("GET", "searches/not-found")).status_code == 403


async def test_the_same_again_is_one_event_until_ten_minutes_are_over(
    here: Square, clock: FixedClock
) -> None:
    agree(here.makers, here.member)
    for minutes in (0, 9, 10):
        timeline.record(
            here.makers.session,
            here.district.id,
            here.member.id,
            EventKind.STORE_VIEW,
            at=clock.now() + timedelta(minutes=minutes),
            store_id=here.store.id,
        )
    here.makers.done()
    assert kinds(here) == ["store.view"] * 2

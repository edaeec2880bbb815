"""Segments, tags and lists on the merchant's pages."""

import re
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.audiences.models import ContactList, ContactListEntry, Follow, MemberTag, Segment, Tag
from district.database import make_pool, new_id
from district.members.models import Member
from district.privacy import jobs
from district.redemptions.models import Redemption
from district.web import audience_form
from tests.conftest import dsn
from tests.district.web_merchant.conftest import Business, browser
from tests.factories import Makers

GETS = (
    "/merchant/audience",
    "/merchant/audience/segments.csv",
    "/merchant/audience/segments/new",
    "/merchant/audience/tags",
    "/merchant/audience/tags.csv",
    "/merchant/audience/lists",
    "/merchant/audience/lists.csv",
)
POSTS = (
    "/merchant/audience/segments/new",
    "/merchant/audience/segments/count",
    "/merchant/audience/tags",
    "/merchant/audience/lists",
    "/merchant/audience/remove",
    "/merchant/audience/bring-back",
)


def only(engine: Engine, table: Any, business: Business) -> Any:
    with Session(engine) as session:
        return session.scalars(
            select(table).where(table.district_id == business.district.id, table.name.not_like("~%"))
        ).one_or_none()


def form(**values: str) -> dict[str, str]:
    return {name: texts[0] for name, texts in audience_form.empty().values.items()} | values


@pytest.mark.parametrize("path", GETS)
async def test_who_is_not_logged_in_is_led_to_the_log_in_page(
    app: FastAPI, business: Business, path: str
) -> None:
    async with browser(app) as stranger:
        assert (await stranger.get(path)).headers["location"].startswith("/login?role=merchant")


@pytest.mark.parametrize("path", POSTS)
async def test_no_other_site_sends_forms(merchant: httpx.AsyncClient, path: str) -> None:
    foreign = await merchant.post(path, data={"title": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403


@pytest.mark.parametrize("path", GETS)
async def test_every_page_speaks_both_languages(merchant: httpx.AsyncClient, path: str) -> None:
    for language in ("zh", "en"):
        assert (await merchant.get(f"{path}?lang={language}")).status_code == 200


async def test_a_segment_is_made_of_terms_and_shown_as_it_was_made(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    sent = form(
        title="Regulars away",
        **{"visits.is": "must", "visits.n": "5", "lapsed.is": "must", "language.is": "not"},
    ) | {"language.value": "en"}
    made = await merchant.post("/merchant/audience/segments/new", data=sent)
    assert made.headers["location"] == "/merchant/audience/segments/regulars-away?said=saved"
    row = only(engine, Segment, business)
    assert row.rule == {
        "all": [
            {"attr": "familiarity", "value": "lapsed", "window_d": 60, "scope": "merchant"},
            {"attr": "visits", "op": ">=", "value": 5, "window_d": 90, "scope": "merchant"},
            {"not": {"attr": "language", "value": "en"}},
        ]
    }
    page = (await merchant.get("/merchant/audience/segments/regulars-away")).text
    assert re.search(r'name="visits.n"[^>]*value="5"', page)
    assert "not: reads English" in page


async def test_a_segment_says_what_uses_it_and_stays_while_used(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, engine: Engine
) -> None:
    await merchant.post(
        "/merchant/audience/segments/new", data=form(title="New ones", **{"familiarity.is": "must"})
    )
    rule = {**business.campaign.rule, "who": {"seg": "new-ones"}}
    committed.campaign(business.district, business.merchant, [business.store], name="Spring", rule=rule)
    page = (await merchant.get("/merchant/audience")).text
    refused = await merchant.post("/merchant/audience/remove", data={"kind": "segment", "name": "new-ones"})
    assert ">Spring</a>" in page
    assert refused.status_code == 409
    assert only(engine, Segment, business).name == "new-ones"


async def test_a_term_that_cannot_be_is_said_and_nothing_is_made(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    sent = form(title="Odd", **{"visits.is": "must", "visits.n": "-3"})
    answer = await merchant.post("/merchant/audience/segments/new", data=sent)
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.text
    assert only(engine, Segment, business) is None


@pytest.mark.parametrize(("people", "shown"), [(9, "&lt;10"), (27, "20")])
async def test_a_count_is_rounded_down_to_tens(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, people: int, shown: str
) -> None:
    for _ in range(people):
        committed.member(business.district, language="zh")
    answer = await merchant.post(
        "/merchant/audience/segments/count", data=form(**{"language.is": "must", "language.value": "zh"})
    )
    assert f'<div class="kpi-value">{shown}</div>' in answer.text


async def test_how_many_of_a_list_are_members_is_not_counted_even_through_a_segment(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    for number in range(12):
        committed.member(business.district, phone=f"+35840123{number:04d}")
    await merchant.post("/merchant/audience/lists", data={"title": "Mine"})
    content = "phone\n" + "".join(f"+35840123{number:04d}\n" for number in range(12))
    await merchant.post("/merchant/audience/lists/mine", files={"file": ("a.csv", content.encode())})
    on_list = {"list.is": "must", "list.value": "mine"}
    straight = await merchant.post("/merchant/audience/segments/count", data=form(**on_list))
    await merchant.post("/merchant/audience/segments/new", data=form(title="Kept", kind="static", **on_list))
    hidden = await merchant.post(
        "/merchant/audience/segments/count", data=form(**{"seg.is": "must", "seg.value": "kept"})
    )
    for answer in (straight, hidden):
        assert "is told nowhere" in answer.text
        assert "kpi-value" not in answer.text


async def test_a_list_is_uploaded_row_by_row_and_removed_and_brought_back_whole(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    await merchant.post("/merchant/audience/lists", data={"title": "Old friends"})
    content = b"phone,email\n+358401234567,\n,anna@example.com\nnonsense,\n"
    report = await merchant.post("/merchant/audience/lists/old-friends", files={"file": ("a.csv", content)})
    assert "2 of 3 rows are kept" in report.text
    assert "has no telephone number that exists" in report.text
    removed = await merchant.post("/merchant/audience/remove", data={"kind": "list", "name": "old-friends"})
    assert only(engine, ContactList, business) is None
    page = (await merchant.get(removed.headers["location"])).text
    row = re.search(r'name="row" value="([^"]+)"', page)
    assert row is not None
    await merchant.post("/merchant/audience/bring-back", data={"kind": "list", "row": row[1]})
    back = only(engine, ContactList, business)
    assert (back.name, back.entries) == ("old-friends", 2)
    with Session(engine) as session:
        kept = select(ContactListEntry).where(ContactListEntry.list_id == back.id)
        assert len(session.scalars(kept).all()) == 2


async def test_what_was_removed_is_deleted_for_good_a_quarter_of_an_hour_later(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, engine: Engine, database_url: str
) -> None:
    await merchant.post("/merchant/audience/lists", data={"title": "Old"})
    await merchant.post("/merchant/audience/lists/old", files={"file": ("a.csv", b"phone\n+358401234567\n")})
    await merchant.post("/merchant/audience/remove", data={"kind": "list", "name": "old"})
    clock = committed.clock
    pool = make_pool(dsn(database_url), size=1)
    await pool.open()

    async def left(after: timedelta) -> int:
        machine_now = clock.machine_now() + after
        await jobs.forget(pool, business.district.id, now=clock.now(), machine_now=machine_now)
        with Session(engine) as session:
            mine = select(ContactListEntry).where(ContactListEntry.district_id == business.district.id)
            return len(session.scalars(mine).all())

    try:
        assert await left(timedelta(minutes=14)) == 1
        assert await left(timedelta(minutes=16)) == 0
    finally:
        await pool.close()


async def test_another_merchant_brings_nothing_back(
    app: FastAPI, merchant: httpx.AsyncClient, business: Business, rival: Business, engine: Engine
) -> None:
    await merchant.post("/merchant/audience/lists", data={"title": "Old"})
    removed = await merchant.post("/merchant/audience/remove", data={"kind": "list", "name": "old"})
    row = removed.headers["location"].rpartition("row=")[2]
    async with browser(app, rival.token) as other:
        answer = await other.post("/merchant/audience/bring-back", data={"kind": "list", "row": row})
    assert answer.status_code == 404
    assert only(engine, ContactList, business) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"name\nAnna\n", b"\xff\xfe\x00", b"phone\nnot a number\n"],
    ids=["empty", "column", "utf16", "row"],
)
async def test_a_file_that_cannot_be_used_is_refused_on_the_page(
    merchant: httpx.AsyncClient, business: Business, engine: Engine, content: bytes
) -> None:
    await merchant.post("/merchant/audience/lists", data={"title": "Old"})
    answer = await merchant.post("/merchant/audience/lists/old", files={"file": ("a.csv", content)})
    assert answer.status_code == 422
    assert "alert-danger" in answer.text
    assert only(engine, ContactList, business).uploaded_at is None


def redeemed(makers: Makers, business: Business, member: Member) -> uuid.UUID:
    """Somebody redeemed at the merchant's till."""
    offer = makers.offer(business.campaign, member, state="redeemed")
    row = Redemption(
        district_id=business.district.id,
        id=new_id(),
        offer_id=offer.id,
        store_id=business.store.id,
        till=f"till:{business.till.id}",
        use_request_no=uuid.uuid4().hex,
        body_hash=b"\0" * 32,
        value=offer.value,
        redeemed_at=makers.clock.now(),
    )
    makers.session.add(row)
    makers.done()
    return row.id


async def test_a_tag_is_given_to_who_redeemed_and_taken_back(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, engine: Engine
) -> None:
    member = committed.member(business.district)
    redemption = str(redeemed(committed, business, member))
    await merchant.post("/merchant/audience/tags", data={"title": "Staff"})
    address = "/merchant/audience/tags/staff"
    assert f'value="{redemption}"' in (await merchant.get(address)).text
    given = await merchant.post(address, data={"redemption": redemption, "then": "give"})
    assert "Given to 1, taken from 0." in given.text
    with Session(engine) as session:
        assert session.scalars(select(MemberTag.member_id)).all() == [member.id]
    taken = await merchant.post(address, data={"redemptions": f"{redemption}\nnonsense", "then": "take"})
    assert "Given to 0, taken from 1." in taken.text
    assert "1 could not be named" in taken.text


async def test_a_rivals_redemption_names_nobody(
    merchant: httpx.AsyncClient, business: Business, rival: Business, committed: Makers, engine: Engine
) -> None:
    redemption = redeemed(committed, rival, committed.member(business.district))
    await merchant.post("/merchant/audience/tags", data={"title": "Staff"})
    answer = await merchant.post(
        "/merchant/audience/tags/staff", data={"redemptions": str(redemption), "then": "give"}
    )
    assert "1 could not be named" in answer.text
    tag = only(engine, Tag, business)
    with Session(engine) as session:
        assert session.scalars(select(MemberTag).where(MemberTag.tag_id == tag.id)).all() == []


async def test_followers_are_told_from_ten_on(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    async def shown() -> str:
        found = re.search(r'kpi-value"><span>([^<]*)</span>', (await merchant.get("/merchant/audience")).text)
        assert found is not None
        return found[1]

    def follow(count: int) -> None:
        for _ in range(count):
            member = committed.member(business.district)
            committed.session.add(
                Follow(
                    district_id=business.district.id,
                    member_id=member.id,
                    store_id=business.store.id,
                    at=committed.clock.now(),
                )
            )
        committed.done()

    follow(9)
    assert await shown() == "&lt;10"
    follow(5)
    assert await shown() == "10"


@pytest.mark.parametrize(
    "rule",
    [
        "everyone",
        "returning",
        {"all": [{"attr": "visits", "op": ">=", "value": 2, "scope": "store"}]},
        {"any": [{"attr": "tag", "value": "vip"}, {"not": {"seg": "staff"}}]},
        {"all": [{"attr": "dwell_s", "op": "<", "value": 600, "window_d": 30, "scope": "district"}]},
        {
            "all": [
                {"attr": "did", "kind": "search", "op": ">=", "value": 1, "window_d": 7, "scope": "district"}
            ]
        },
    ],
    ids=["everyone", "returning", "visits", "any", "dwell", "search"],
)
def test_what_the_form_shows_it_says_again(rule: Any) -> None:
    sent = audience_form.filled(rule)
    assert sent is not None
    said = audience_form.rule_of(sent)
    if rule == "returning":
        assert said == {"all": [{"attr": "familiarity", "value": "returning", "scope": "merchant"}]}
    else:
        assert said == rule


@pytest.mark.parametrize(
    "rule",
    [
        {"all": [{"any": [{"seg": "a"}]}]},
        {"all": [{"seg": "a"}, {"seg": "b"}]},
        {"attr": "last_visit_days", "op": ">", "value": 30},
    ],
    ids=["tree", "twice", "unknown"],
)
def test_what_the_form_cannot_show_it_does_not_pretend_to(rule: Any) -> None:
    assert audience_form.filled(rule) is None

"""What a member agreed to: withdrawn in one tap, exported, closed; and logging in with a code."""

import re

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.members.models import Consent, Member
from district.members.texts import consent_text
from district.outbox.models import OutboxMessage
from push.consent import Channel, Purpose
from tests.district.web_member.conftest import Shopping, browser


def consents(engine: Engine, shopping: Shopping) -> list[tuple[str, str, bool]]:
    with Session(engine) as session:
        rows = session.scalars(
            select(Consent).where(Consent.member_id == shopping.member.id).order_by(Consent.id)
        )
        return [(row.purpose, row.channel, row.granted) for row in rows]


async def test_page_shows_the_exact_words_of_each_consent(
    shopper: httpx.AsyncClient, shopping: Shopping
) -> None:
    answer = await shopper.get(f"{shopping.base}/privacy?lang=zh")
    assert consent_text(Purpose.MARKETING, Channel.INBOX, "zh").text in answer.text
    assert consent_text(Purpose.LOCATION, None, "zh").text in answer.text
    assert consent_text(Purpose.ACCESS, None, "zh").text in answer.text


async def test_one_tap_agrees_and_the_next_withdraws(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    address = f"{shopping.base}/privacy/consents"
    given = await shopper.post(address, data={"purpose": "marketing", "granted": "true"})
    page = await shopper.get(f"{shopping.base}/privacy")
    withdrawn = await shopper.post(address, data={"purpose": "marketing", "granted": "false"})
    assert (given.status_code, withdrawn.status_code) == (303, 303)
    assert page.text.count('aria-checked="true"') == 1
    assert consents(engine, shopping) == [("marketing", "inbox", True), ("marketing", "inbox", False)]


async def test_an_unknown_purpose_is_refused(shopper: httpx.AsyncClient, shopping: Shopping) -> None:
    answer = await shopper.post(
        f"{shopping.base}/privacy/consents", data={"purpose": "resale", "granted": "true"}
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["privacy/consents", "preferences", "privacy/close"])
async def test_a_form_of_another_site_changes_nothing(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine, path: str
) -> None:
    answer = await shopper.post(
        f"{shopping.base}/{path}",
        data={"purpose": "marketing", "granted": "true", "sure": "yes"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    with Session(engine) as session:
        assert session.get_one(Member, (shopping.district.id, shopping.member.id)).state == "active"
    assert consents(engine, shopping) == []


@pytest.mark.parametrize("path", ["privacy/consents", "preferences", "preferences/follow", "privacy/close"])
async def test_who_is_not_logged_in_changes_nothing(app: FastAPI, shopping: Shopping, path: str) -> None:
    async with browser(app) as stranger:
        answer = await stranger.post(
            f"{shopping.base}/{path}",
            data={
                "purpose": "marketing",
                "granted": "true",
                "sure": "yes",
                "store_id": str(shopping.store.id),
            },
        )
    assert answer.status_code == 401


async def test_language_and_quiet_hours_are_kept(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    answer = await shopper.post(
        f"{shopping.base}/preferences",
        data={"language": "zh", "quiet_from": "22:30", "quiet_until": "08:00"},
    )
    assert answer.status_code == 303
    with Session(engine) as session:
        member = session.get_one(Member, (shopping.district.id, shopping.member.id))
        assert (member.language, member.quiet_from, member.quiet_until) == ("zh", 1350, 480)


@pytest.mark.parametrize(
    ("quiet_from", "quiet_until"),
    [("22:00", ""), ("", "8:00"), ("25:00", "08:00"), ("x", "y"), ("9:00", "9:00")],
)
async def test_half_or_strange_quiet_hours_are_refused_on_the_page(
    shopper: httpx.AsyncClient, shopping: Shopping, quiet_from: str, quiet_until: str
) -> None:
    answer = await shopper.post(
        f"{shopping.base}/preferences",
        data={"language": "en", "quiet_from": quiet_from, "quiet_until": quiet_until},
    )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


async def test_closing_needs_the_box_and_ends_the_session(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    unsure = await shopper.post(f"{shopping.base}/privacy/close")
    closed = await shopper.post(f"{shopping.base}/privacy/close", data={"sure": "yes"})
    after = await shopper.get(f"{shopping.base}/inbox")
    assert "Tick the box first." in unsure.text
    assert closed.status_code == 200
    assert after.status_code == 401
    with Session(engine) as session:
        assert session.get_one(Member, (shopping.district.id, shopping.member.id)).state == "erased"


async def ask(client: httpx.AsyncClient, shopping: Shopping, engine: Engine, email: str) -> dict[str, str]:
    """Ask for a code; the form that answers it."""
    asked = await client.post(f"{shopping.base}/sign-in", data={"method": "email", "email": email})
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert ticket is not None
    with Session(engine) as session:
        newest = (
            select(OutboxMessage.payload)
            .where(OutboxMessage.district_id == shopping.district.id)
            .order_by(OutboxMessage.id.desc())
        )
        payload = session.scalars(newest).first()
    assert payload is not None
    return {"method": "email", "email": email, "ticket": ticket[1], "code": payload["code"]}


async def test_a_code_opens_a_session_and_a_new_member_sees_what_is_asked(
    app: FastAPI, shopping: Shopping, engine: Engine
) -> None:
    async with browser(app) as client:
        form = await ask(client, shopping, engine, "ada@example.com")
        first = await client.post(f"{shopping.base}/sign-in", data=form)
        inbox = await client.get(f"{shopping.base}/inbox")
        again = await ask(client, shopping, engine, "ada@example.com")
        second = await client.post(
            f"{shopping.base}/sign-in", data=again | {"next": f"{shopping.base}/wallet"}
        )
    assert (first.status_code, first.headers["location"]) == (303, f"{shopping.base}/privacy")
    assert inbox.status_code == 200
    assert second.headers["location"] == f"{shopping.base}/wallet"


async def test_a_wrong_code_is_said_in_the_readers_language(
    app: FastAPI, shopping: Shopping, engine: Engine
) -> None:
    async with browser(app) as client:
        form = await ask(client, shopping, engine, "bo@example.com")
        wrong = "000000" if form["code"] != "000000" else "111111"
        answer = await client.post(f"{shopping.base}/sign-in?lang=zh", data=form | {"code": wrong})
    assert answer.status_code == 401
    assert "验证码不正确，还可以试 4 次。" in answer.text
    assert "set-cookie" not in answer.headers or "district_session" not in answer.headers["set-cookie"]


@pytest.mark.parametrize("phone", ["", "12", "abc", "+358 1"])
async def test_a_bad_number_is_refused_on_the_page(app: FastAPI, shopping: Shopping, phone: str) -> None:
    async with browser(app) as client:
        answer = await client.post(
            f"{shopping.base}/sign-in?lang=zh", data={"method": "phone", "phone": phone}
        )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "goal",
    ["https://evil.example/", "//evil.example/", "/operator", "/d/{slug}/../../login", "/d/{slug}/\\evil"],
)
async def test_logging_in_never_leads_out_of_the_district(
    app: FastAPI, shopping: Shopping, goal: str
) -> None:
    async with browser(app) as client:
        wanted = goal.format(slug=shopping.district.slug)
        answer = await client.get(f"{shopping.base}/sign-in", params={"next": wanted})
    assert f'name="next" value="{shopping.base}/inbox"' in answer.text


async def test_an_unknown_district_is_not_found(app: FastAPI) -> None:
    async with browser(app) as client:
        assert (await client.get("/d/nowhere/inbox")).status_code == 404
        assert (await client.get("/d/nowhere/sign-in")).status_code == 404

"""Links in messages: they lead their member on, let everybody stop, and tell others nothing."""

import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine, text

from district.auth.models import Role
from district.members.models import Consent, ConsentText
from district.members.texts import consent_text
from district.offers import links
from district.offers.links import LinkKind, Links
from district.settings import Settings
from push.consent import Channel, Purpose
from push.identifiers import OfferId
from tests.district.web_member.conftest import Shopping, browser
from tests.factories import Makers

CHOSEN = """
SELECT channel, granted, action, source FROM consent
WHERE member_id = :member AND purpose = 'marketing' ORDER BY id
"""
MUTES = "SELECT merchant_id FROM member_mute WHERE member_id = :member"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret": SecretStr("s" * 32)})


def path(app: FastAPI, shopping: Shopping, kind: LinkKind, channel: Channel = Channel.SMS) -> str:
    made = Links(
        district_id=shopping.district.id,
        origin="http://testserver",
        secret=app.state.settings.secret.get_secret_value(),
    )
    whole = made.to(kind, OfferId(shopping.offer.id), channel)
    assert whole.startswith("http://testserver/")
    return whole.removeprefix("http://testserver")


def agree(makers: Makers, shopping: Shopping, *channels: Channel) -> None:
    words = consent_text(Purpose.MARKETING, Channel.INBOX, "en")
    common = {"district_id": shopping.district.id, "purpose": Purpose.MARKETING}
    shown = ConsentText(
        text_hash=words.hash, language="en", text=words.text, first_shown_at=makers.clock.now(), **common
    )
    makers.session.add(shown)
    for channel in channels:
        row = Consent(
            member_id=shopping.member.id,
            channel=channel,
            granted=True,
            text_hash=words.hash,
            action="box",
            at=makers.clock.now(),
            **common,
        )
        makers.session.add(row)
        makers.session.flush()
    makers.done()


def rows(engine: Engine, shopping: Shopping, sql: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql), {"member": shopping.member.id})]


def test_a_token_is_short_and_says_what_it_is_for() -> None:
    district_id, offer_id = uuid.uuid4(), uuid.uuid4()
    tokens = {
        links.token_of("secret", kind, district_id, offer_id, channel)
        for kind in LinkKind
        for channel in Channel
    }
    assert len(tokens) == len(LinkKind) * len(Channel)
    assert {len(one) for one in tokens} == {30}


def test_codes_and_the_inbox_and_an_installation_without_an_address_have_no_links() -> None:
    offer_id = OfferId(uuid.uuid4())
    whole = Links(district_id=uuid.uuid4(), origin="https://x.example/", secret="s")
    assert whole.to(LinkKind.STOP, offer_id, Channel.SMS).startswith("https://x.example/s/")
    assert whole.to(LinkKind.STOP, offer_id, Channel.INBOX) == ""
    assert whole.to(LinkKind.STOP, None, Channel.SMS) == ""
    nowhere = Links(district_id=uuid.uuid4(), origin="", secret="s")
    assert nowhere.to(LinkKind.OFFER, offer_id, Channel.SMS) == ""


async def test_a_changed_token_leads_nowhere(
    app: FastAPI, client: httpx.AsyncClient, shopping: Shopping
) -> None:
    own = path(app, shopping, LinkKind.STOP)
    letter = "A" if own[-5] != "A" else "B"
    changed = own[:-5] + letter + own[-4:]
    as_offer = own.replace("/s/", "/m/")
    for wrong in (changed, as_offer, own[:-1], own + "A", "/s/" + "A" * 30, "/s/" + "é" * 30):
        assert (await client.get(wrong)).status_code == 404, wrong
        assert (await client.post(wrong, data={"scope": "all"})).status_code in {404, 405}, wrong
    assert (await client.get(own)).status_code == 200


async def test_looking_changes_nothing(
    app: FastAPI,
    client: httpx.AsyncClient,
    shopping: Shopping,
    engine: Engine,
    committed: Makers,
) -> None:
    agree(committed, shopping, Channel.SMS)
    before = rows(engine, shopping, CHOSEN)
    page = await client.get(path(app, shopping, LinkKind.STOP))
    assert page.text.count("<form") >= 3
    assert rows(engine, shopping, CHOSEN) == before
    assert rows(engine, shopping, MUTES) == []


async def test_a_mail_program_stops_its_channel_with_one_request_and_without_cookies(
    app: FastAPI,
    shopping: Shopping,
    engine: Engine,
    committed: Makers,
) -> None:
    agree(committed, shopping, Channel.SMS, Channel.EMAIL)
    own = path(app, shopping, LinkKind.STOP, Channel.EMAIL)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as robot:
        answer = await robot.post(own, data={"List-Unsubscribe": "One-Click"})
        again = await robot.post(own, files={"List-Unsubscribe": (None, "One-Click")})
    assert (answer.status_code, answer.text, again.status_code) == (200, "", 200)
    said = rows(engine, shopping, CHOSEN)
    assert said[2:] == [("email", False, "link", f"link:{shopping.offer.id}")]


async def test_a_mute_is_undone_by_its_link(
    app: FastAPI, client: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    own = path(app, shopping, LinkKind.STOP)
    stopped = await client.post(own, data={"scope": "merchant"})
    assert 'name="undo"' in stopped.text
    assert len(rows(engine, shopping, MUTES)) == 1
    back = await client.post(own, data={"scope": "merchant", "undo": "1"})
    assert "Taken back" in back.text
    assert rows(engine, shopping, MUTES) == []


@pytest.mark.parametrize(
    ("scope", "said", "back"), [("channel", "sms", {"sms"}), ("all", "", {"sms", "inbox"})]
)
async def test_a_stop_and_its_undo_leave_consents_as_they_were(  # noqa: PLR0917
    shopping: Shopping,
    app: FastAPI,
    engine: Engine,
    committed: Makers,
    scope: str,
    said: str,
    back: set[str],
) -> None:
    agree(committed, shopping, Channel.SMS, Channel.INBOX)
    own = path(app, shopping, LinkKind.STOP)
    async with browser(app) as client:
        await client.post(own, data={"scope": scope})
        assert rows(engine, shopping, CHOSEN)[2:] == [(said, False, "link", f"link:{shopping.offer.id}")]
        undone = await client.post(own, data={"scope": scope, "undo": "1"})
    assert "Taken back" in undone.text
    newest = rows(engine, shopping, CHOSEN)[3:]
    assert {row[0] for row in newest} == back
    assert {row[1:3] for row in newest} == {(True, "unlink")}
    unworded = "SELECT count(*) FROM consent WHERE member_id = :member AND granted AND text_hash IS NULL"
    assert rows(engine, shopping, unworded) == [(0,)]


async def test_an_undo_never_grants_what_was_not_agreed_to(
    app: FastAPI,
    client: httpx.AsyncClient,
    shopping: Shopping,
    engine: Engine,
    committed: Makers,
) -> None:
    agree(committed, shopping, Channel.INBOX)
    own = path(app, shopping, LinkKind.STOP, Channel.SMS)
    for scope in ("channel", "all"):
        await client.post(own, data={"scope": scope, "undo": "1"})
    assert [row[:2] for row in rows(engine, shopping, CHOSEN)] == [("inbox", True)]
    await client.post(own, data={"scope": "all"})
    await client.post(own, data={"scope": "all", "undo": "1"})
    granted = {row[0] for row in rows(engine, shopping, CHOSEN) if row[1]}
    assert granted == {"inbox"}


async def test_what_was_said_since_stands_against_an_undo(
    app: FastAPI,
    client: httpx.AsyncClient,
    shopping: Shopping,
    engine: Engine,
    committed: Makers,
) -> None:
    agree(committed, shopping, Channel.SMS)
    sms, mail = (path(app, shopping, LinkKind.STOP, one) for one in (Channel.SMS, Channel.EMAIL))
    await client.post(sms, data={"scope": "channel"})
    await client.post(mail, data={"scope": "all"})
    refused = await client.post(sms, data={"scope": "channel", "undo": "1"})
    assert "cannot be taken back" in refused.text
    assert not any(row[1] for row in rows(engine, shopping, CHOSEN)[1:])


async def test_the_members_own_browser_goes_to_the_coupon_and_opens_the_message_once(
    app: FastAPI,
    shopper: httpx.AsyncClient,
    shopping: Shopping,
    engine: Engine,
    committed: Makers,
) -> None:
    sent = """
    INSERT INTO outbox_message (district_id, id, channel, purpose, member_id, offer_id, payload, due_at, retry_at,
                                created_at, state)
    VALUES (:d, :id, 'sms', 'marketing', :m, :o, '{}', now(), now(), now(), 'accepted')
    """
    names = {"d": shopping.district.id, "m": shopping.member.id, "o": shopping.offer.id}
    committed.session.execute(text(sent), names | {"id": uuid.uuid4()})
    committed.done()
    opened = "SELECT opened_at FROM outbox_message WHERE member_id = :member"
    own = path(app, shopping, LinkKind.OFFER)
    answer = await shopper.get(own)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{shopping.base}/offers/{shopping.offer.id}"
    first = rows(engine, shopping, opened)
    assert first[0][0] is not None
    await shopper.get(own)
    assert rows(engine, shopping, opened) == first


@pytest.mark.parametrize("who", ["nobody", "another member"])
async def test_a_forwarded_link_shows_the_offer_and_nothing_of_its_member(
    app: FastAPI,
    shopping: Shopping,
    committed: Makers,
    engine: Engine,
    who: str,
) -> None:
    other = committed.member(shopping.district, called="Other")
    token = committed.token(shopping.district, Role.SHOPPER, subject_id=other.id)
    names = {"m": shopping.member.id}
    committed.session.execute(
        text("UPDATE member SET called = 'Wang', phone = '+358401234567' WHERE id = :m"), names
    )
    committed.done()
    async with browser(app, token if who == "another member" else "") as client:
        page = await client.get(path(app, shopping, LinkKind.OFFER))
    assert page.status_code == 200
    assert shopping.offer.title["en"] in page.text
    for secret in (shopping.offer.code, "Wang", "401234567", str(shopping.member.id)):
        assert secret not in page.text
    assert ("/sign-in" in page.text) == (who == "nobody")
    unopened = "SELECT opened_at FROM offer WHERE member_id = :member"
    assert rows(engine, shopping, unopened) == [(None,)]


async def test_a_merchant_that_was_muted_is_let_in_again_on_the_settings_page(
    app: FastAPI,
    shopper: httpx.AsyncClient,
    shopping: Shopping,
    engine: Engine,
) -> None:
    await shopper.post(path(app, shopping, LinkKind.STOP), data={"scope": "merchant"})
    [(merchant_id,)] = rows(engine, shopping, MUTES)
    listed = (await shopper.get("/v1/me/mutes")).json()
    assert [one["merchant_id"] for one in listed] == [str(merchant_id)]
    page = await shopper.get(f"{shopping.base}/preferences")
    assert str(merchant_id) in page.text
    back = await shopper.post(f"{shopping.base}/preferences/mute", data={"merchant_id": str(merchant_id)})
    assert f"heard={merchant_id}" in back.headers["location"]
    assert rows(engine, shopping, MUTES) == []
    assert "may write to you again" in (await shopper.get(back.headers["location"])).text
    assert (await shopper.put(f"/v1/me/mutes/{merchant_id}")).status_code == 204
    assert (await shopper.put(f"/v1/me/mutes/{merchant_id}")).status_code == 204
    assert rows(engine, shopping, MUTES) == [(merchant_id,)]
    assert (await shopper.delete(f"/v1/me/mutes/{merchant_id}")).status_code == 204
    assert (await shopper.put(f"/v1/me/mutes/{uuid.uuid4()}")).status_code == 404

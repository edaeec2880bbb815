"""A text message with the code of a page signs that page's browser in, and nobody else's."""

import asyncio
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import LoginSession
from district.channels.models import ChannelProvider
from district.clock import FixedClock
from district.districts.models import District
from district.gateways.models import WifiSession
from district.members import ledger
from district.members.models import Consent, Member
from district.outbox.models import OutboxMessage
from district.portal import text_inbound, text_providers
from district.portal.models import SmsJoin, SmsMessage
from district.portal.text_schemas import NewTextProvider, TextProviderChange
from push.channels import signing
from tests.conftest import refresh
from tests.district.portal.ways import PHONE, Open, Portal, Rows
from tests.factories import Makers

LINK = re.compile(r"sms:(?P<number>[^?]+)\?&amp;body=(?P<keyword>.+?)%20(?P<code>[A-Z0-9-]{9})")


@dataclass
class Provider:
    """Somebody who hands on what people send."""

    slug: str
    secret: str
    client: httpx.AsyncClient
    clock: FixedClock

    async def hand_on(
        self, text: str, *, sender: str = PHONE, message_id: str = "", **changed: Any
    ) -> httpx.Response:
        body = (
            changed.get("body")
            or httpx.Request("POST", "http://x", json={"from": sender, "text": text}).content
        )
        at = self.clock.machine_now() + changed.get("later", timedelta())
        headers = signing.headers(
            [signing.key_of(changed.get("secret", self.secret))],
            message_id=message_id or uuid.uuid4().hex,
            at=at,
            body=changed.get("signed", body),
        )
        return await self.client.post(f"/v1/sms/{self.slug}/inbound", content=body, headers=headers)

    async def outcome(self, text: str, **values: Any) -> str:
        answer = await self.hand_on(text, **values)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])


@pytest.fixture
async def provider(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> Provider:
    new = NewTextProvider(slug=f"sms-{uuid.uuid4().hex[:12]}", number="17123")
    row = text_providers.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    return Provider(slug=row.slug, secret=row.secret, client=client, clock=clock)


@dataclass
class Waiting:
    """A browser at the page that shows a code."""

    browser: httpx.AsyncClient
    address: str
    code: str
    keyword: str

    async def look(self) -> httpx.Response:
        return await self.browser.get(self.address)


async def waits(portal: Portal, provider: Provider, **form: str) -> Waiting:
    browser = portal.browser()
    token = "t" * 32
    sent = await browser.post(
        portal.address(), data={"method": f"sms:{provider.slug}", "form_token": token} | form
    )
    assert sent.status_code == 303, sent.text
    page = await browser.get(sent.headers["location"])
    assert page.status_code == 200, page.text
    assert '<meta http-equiv="refresh"' in page.text
    found = LINK.search(page.text)
    assert found is not None, page.text
    return Waiting(browser, sent.headers["location"], found["code"], found["keyword"])


Begin = Callable[..., Any]


@pytest.fixture
async def portal(opened: Open, provider: Provider) -> Portal:
    return await opened(methods=[f"sms:{provider.slug}"])


async def test_the_message_proves_the_number_and_the_page_that_asked_goes_on_line(
    portal: Portal, provider: Provider, rows: Rows
) -> None:
    waiting = await waits(portal, provider, marketing="yes")
    assert await provider.outcome(f"join {waiting.code.lower()}") == "joined"
    done = await waiting.look()
    assert done.status_code == 303
    (member,), (session,) = rows(Member), rows(WifiSession)
    assert (member.phone, member.verified_at is not None, session.method) == (PHONE, True, "sms")
    assert len(rows(LoginSession)) == 1
    said = {row.purpose: (row.granted, row.proof) for row in rows(Consent)}
    assert said["marketing"] == (True, f"sms:{rows(SmsJoin)[0].id}")


async def test_a_stolen_code_or_address_opens_nothing_elsewhere(
    portal: Portal, provider: Provider, rows: Rows
) -> None:
    waiting = await waits(portal, provider)
    await provider.outcome(f"JOIN {waiting.code}")
    thief = await portal.browser().get(waiting.address)
    other = await waits(portal, provider)
    other.browser.cookies.update({"sign_in_text": other.browser.cookies["sign_in_text"]})
    crossed = await other.browser.get(waiting.address)
    assert (thief.status_code, crossed.status_code) == (410, 410)
    assert rows(WifiSession) == []
    assert (await waiting.look()).status_code == 303


async def test_the_page_looked_at_twice_at_once_is_one_sign_in(
    portal: Portal, provider: Provider, rows: Rows
) -> None:
    waiting = await waits(portal, provider)
    await provider.outcome(f"JOIN {waiting.code}")
    answers = await asyncio.gather(waiting.look(), waiting.look(), waiting.look())
    assert {answer.status_code for answer in answers} == {303}
    assert len(rows(WifiSession)) == len(rows(Member)) == 1


async def test_only_the_first_number_that_sends_a_code_is_proven(
    portal: Portal, provider: Provider, rows: Rows
) -> None:
    waiting = await waits(portal, provider)
    assert await provider.outcome(f"JOIN {waiting.code}") == "joined"
    assert await provider.outcome(f"JOIN {waiting.code}") == "already_joined"
    assert await provider.outcome(f"JOIN {waiting.code}", sender="+358407654321") == "unknown_code"
    await waiting.look()
    assert [row.phone for row in rows(Member)] == [PHONE]


@pytest.mark.parametrize("text", ["WIFI {code}", "JOIN AAAA-AAAA", "hello there", "{code}"])
async def test_without_its_keyword_and_code_a_message_proves_nothing(
    portal: Portal, provider: Provider, text: str, rows: Rows
) -> None:
    waiting = await waits(portal, provider)
    assert await provider.outcome(text.format(code=waiting.code)) in {"unknown_code", "ignored"}
    assert (await waiting.look()).status_code == 200
    assert rows(WifiSession) == []


async def test_a_gateway_s_own_keyword_is_the_one_that_counts(
    opened: Open, provider: Provider, rows: Rows
) -> None:
    portal = await opened(methods=[f"sms:{provider.slug}"], sign_in={"join_keyword": "上网"})
    waiting = await waits(portal, provider)
    assert await provider.outcome(f"JOIN {waiting.code}") == "unknown_code"
    assert await provider.outcome(f"上网{waiting.code}") == "joined"
    assert (await waiting.look()).status_code == 303


async def test_a_code_lives_ten_minutes(portal: Portal, provider: Provider, clock: FixedClock) -> None:
    waiting = await waits(portal, provider)
    clock.advance(timedelta(minutes=10, seconds=1))
    assert await provider.outcome(f"JOIN {waiting.code}") == "unknown_code"
    assert (await waiting.look()).status_code == 410


async def test_numbers_that_cannot_be_used_are_said_on_the_page(portal: Portal, provider: Provider) -> None:
    waiting = await waits(portal, provider)
    for sender in ("+358700123456", "+12025550123", "shop-name"):
        assert await provider.outcome(f"JOIN {waiting.code}", sender=sender) == "unusable_number"
    page = await waiting.look()
    assert page.status_code == 200
    assert "cannot be used here" in page.text
    assert await provider.outcome(f"JOIN {waiting.code}") == "joined"


async def test_a_number_that_tries_codes_is_not_looked_at_any_more(
    portal: Portal, provider: Provider
) -> None:
    tried = [await provider.outcome("JOIN AAAA-AAAA") for _ in range(text_inbound.WRONG_PER_NUMBER_HOUR + 1)]
    assert tried == ["unknown_code"] * text_inbound.WRONG_PER_NUMBER_HOUR + ["limited"]
    waiting = await waits(portal, provider)
    assert await provider.outcome(f"JOIN {waiting.code}") == "limited"
    assert await provider.outcome(f"JOIN {waiting.code}", sender="+358407654321") == "joined"


async def test_a_message_counts_once_and_its_id_is_its_own(
    portal: Portal, provider: Provider, rows: Rows
) -> None:
    waiting = await waits(portal, provider)
    first = await provider.outcome(f"JOIN {waiting.code}", message_id="one")
    again = await provider.outcome(f"JOIN {waiting.code}", message_id="one")
    other = await provider.hand_on("STOP", message_id="one")
    assert (first, again, other.status_code) == ("joined", "joined", 409)
    assert other.json()["type"].endswith("sms-message-reused")
    assert len(rows(SmsMessage)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": signing.secret_from(b"x" * 32)},
        {"later": timedelta(seconds=301)},
        {"later": timedelta(seconds=-301)},
        {"signed": b"another body"},
    ],
    ids=["foreign-secret", "future", "old", "altered"],
)
async def test_what_the_provider_did_not_sign_now_is_refused(
    provider: Provider, changed: dict[str, Any], rows: Rows
) -> None:
    answer = await provider.hand_on("STOP", **changed)
    assert (answer.status_code, rows(SmsMessage)) == (401, [])


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 422), (b"[]", 422), (b'{"from":"+358401234567"}', 422), (b'{"from":1,"text":"x"}', 422),
     (b'{"from":"+358401234567","text":"' + b"x" * 1_601 + b'"}', 422), (b"x" * 20_000, 413)],
    ids=["cut", "list", "no-text", "number", "long", "large"],
)  # fmt: skip
async def test_odd_bodies_get_a_word_and_nothing_is_kept(
    provider: Provider, body: bytes, status: int, rows: Rows
) -> None:
    answer = await provider.hand_on("", body=body)
    assert (answer.status_code, rows(SmsMessage)) == (status, [])


async def test_the_secret_before_works_for_a_day_after_a_change(
    provider: Provider, committed: Makers, district: District, clock: FixedClock
) -> None:
    new = signing.secret_from(b"n" * 32)
    text_providers.change(
        committed.session, committed.info(district), provider.slug,
        TextProviderChange(secret=new), clock=clock,
    )  # fmt: skip
    committed.session.commit()
    assert await provider.outcome("hello") == "ignored"
    assert await provider.outcome("hello", secret=new) == "ignored"
    clock.advance(timedelta(hours=24, seconds=1))
    assert (await provider.hand_on("hello")).status_code == 401
    assert await provider.outcome("hello", secret=new) == "ignored"


async def test_a_stop_word_ends_marketing_at_once_and_is_proof(
    portal: Portal, provider: Provider, committed: Makers, district: District, rows: Rows
) -> None:
    waiting = await waits(portal, provider, marketing="yes")
    await provider.outcome(f"JOIN {waiting.code}")
    await waiting.look()
    states = [await provider.outcome(word) for word in ("ＳＴＯＰ", "退订", "R")]
    assert states == ["stopped"] * 3
    (member,) = rows(Member)
    of_marketing = sorted(
        (row for row in rows(Consent) if row.purpose == "marketing"), key=lambda row: row.id
    )
    assert [(row.granted, row.action) for row in of_marketing] == [(True, "box"), (False, "keyword")]
    assert of_marketing[-1].source == f"sms:{provider.slug}"
    consents = (await waiting.browser.get("/v1/me/consents")).json()["consents"]
    assert {one["purpose"]: one["granted"] for one in consents}["marketing"] is False
    check = ledger.check(ledger.records_of(committed.session, district.id, member.id))
    assert check.faulty == ()


async def test_a_stop_word_is_confirmed_by_one_text_where_the_district_can_send_one(
    portal: Portal, provider: Provider, committed: Makers, district: District, rows: Rows
) -> None:
    now = committed.clock.now()
    carrier = ChannelProvider(
        district_id=district.id, slug="texts", channel="sms", kind="none", name="Texts", options={}, sealed=b"",
        created_at=now, changed_at=now,
    )  # fmt: skip
    committed.session.add(carrier)
    committed.session.commit()
    waiting = await waits(portal, provider, marketing="yes")
    await provider.outcome(f"JOIN {waiting.code}")
    await waiting.look()
    for word in ("STOP", "退订", "STOP"):
        assert await provider.outcome(word) == "stopped"
    (confirmation,) = [row for row in rows(OutboxMessage) if row.purpose == "service"]
    assert (confirmation.channel, confirmation.member_id) == ("sms", rows(Member)[0].id)
    assert "已退订" in confirmation.payload["body"]["zh"]


async def test_a_stop_word_of_a_stranger_is_answered_alike(provider: Provider, rows: Rows) -> None:
    assert await provider.outcome("STOP", sender="+358409999999") == "stopped"
    assert rows(Consent) == []


async def test_another_district_s_provider_joins_nobody_here(
    app: FastAPI, portal: Portal, provider: Provider, committed: Makers, clock: FixedClock
) -> None:
    waiting = await waits(portal, provider)
    elsewhere = committed.district(country="FI")
    new = NewTextProvider(slug=f"sms-{uuid.uuid4().hex[:12]}", number="17124")
    row = text_providers.create(committed.session, committed.info(elsewhere), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    other = Provider(slug=row.slug, secret=row.secret, client=provider.client, clock=clock)
    assert await other.outcome(f"JOIN {waiting.code}") == "unknown_code"
    assert (await provider.client.post("/v1/sms/nobody/inbound", content=b"{}")).status_code == 404

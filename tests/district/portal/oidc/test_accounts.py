"""Signing in through a provider: what it proves, and every way in which it must not."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.districts.models import District
from district.gateways.models import WifiSession
from district.members.models import Consent
from district.portal import oidc_provider
from district.portal.models import MemberIdentity, OidcLogin
from tests.district.portal.oidc.ways import Portal, agree, leave, members, whole_way
from tests.district.portal.provider import CLIENT_ID, Provider
from tests.factories import Makers


async def test_a_provider_s_account_signs_in_with_the_boxes_as_they_were_ticked(
    browser: httpx.AsyncClient, portal: Portal, engine: Engine, district: District
) -> None:
    page = await browser.get(portal.address())
    assert "My Account" in page.text
    done = await whole_way(browser, portal, marketing="yes")
    assert done.status_code == 303
    assert "/welcome?" in done.headers["location"]
    assert "lang=zh" in done.headers["location"]
    (member,) = members(engine, district)
    with Session(engine) as session:
        said = {
            row.purpose: row.granted
            for row in session.scalars(select(Consent).where(Consent.member_id == member.id))
        }
        wifi = session.scalars(select(WifiSession).where(WifiSession.member_id == member.id)).one()
        link = session.scalars(select(MemberIdentity).where(MemberIdentity.member_id == member.id)).one()
    assert said == {"access": True, "marketing": True, "location": False}
    assert (wifi.method, link.subject) == ("oidc:mine", "ada")
    assert (await browser.get("/v1/me")).json()["id"] == str(member.id)


async def test_the_same_account_in_another_browser_is_the_same_member(
    browser: httpx.AsyncClient, portal: Portal, engine: Engine, district: District
) -> None:
    await whole_way(browser, portal)
    async with portal.browser() as other:
        assert (await whole_way(other, portal)).status_code == 303
        mine, others = (await browser.get("/v1/me")).json(), (await other.get("/v1/me")).json()
    assert mine["id"] == others["id"]
    assert len(members(engine, district)) == 1


async def test_another_account_in_the_same_browser_is_another_member(
    browser: httpx.AsyncClient, portal: Portal, provider: Provider, engine: Engine, district: District
) -> None:
    await whole_way(browser, portal)
    provider.person = {"sub": "grace"}
    await whole_way(browser, portal)
    assert len(members(engine, district)) == 2


@pytest.mark.parametrize(
    ("claims", "phone", "email"),
    [
        ({"email": "Ada@Example.com", "email_verified": True}, None, "ada@example.com"),
        ({"email": "ada@example.com", "email_verified": False}, None, None),
        ({"email": "ada@example.com", "email_verified": "true"}, None, None),
        ({"email": "ada@example.com"}, None, None),
        ({"phone_number": "+358 40 1234567", "phone_number_verified": True}, "+358401234567", None),
        ({"phone_number": "+358401234567"}, None, None),
        ({"phone_number": "junk", "phone_number_verified": True}, None, None),
    ],
)
async def test_a_contact_counts_only_when_the_provider_says_that_it_is_verified(  # noqa: PLR0917 pytest calls by name
    browser: httpx.AsyncClient,
    portal: Portal,
    provider: Provider,
    engine: Engine,
    district: District,
    claims: dict[str, Any],
    phone: str | None,
    email: str | None,
) -> None:
    provider.person = {"sub": "ada"} | claims
    assert (await whole_way(browser, portal)).status_code == 303
    (member,) = members(engine, district)
    assert (member.phone, member.email) == (phone, email)


async def test_a_verified_contact_in_userinfo_finds_the_member_who_has_it(  # noqa: PLR0917 pytest calls by name
    browser: httpx.AsyncClient,
    portal: Portal,
    provider: Provider,
    engine: Engine,
    district: District,
    committed: Makers,
) -> None:
    ada = committed.member(district, email="ada@example.com")
    provider.in_userinfo = {"email": "ada@example.com", "email_verified": True}
    await whole_way(browser, portal)
    assert [member.id for member in members(engine, district)] == [ada.id]


async def test_userinfo_about_somebody_else_is_left(
    browser: httpx.AsyncClient, portal: Portal, provider: Provider, engine: Engine, district: District
) -> None:
    provider.in_userinfo = {"sub": "grace", "email": "grace@example.com", "email_verified": True}
    await whole_way(browser, portal)
    assert [member.email for member in members(engine, district)] == [None]


HOUR = timedelta(hours=1)


def seconds(clock: FixedClock, later: timedelta) -> int:
    """As a token says a time."""
    return int((clock.machine_now() + later).timestamp())


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": -HOUR},
        {"exp": None},
        {"iat": -HOUR},
        {"iat": HOUR},
        {"iat": None},
        {"nbf": HOUR},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 300},
        {"sub": 7},
        {"at_hash": "wrong"},
    ],
    ids="-".join,
)
async def test_a_token_with_a_wrong_claim_identifies_nobody(  # noqa: PLR0917 pytest calls by name
    browser: httpx.AsyncClient,
    portal: Portal,
    provider: Provider,
    engine: Engine,
    district: District,
    clock: FixedClock,
    lies: dict[str, Any],
) -> None:
    provider.lies = {
        claim: seconds(clock, lie) if isinstance(lie, timedelta) else lie for claim, lie in lies.items()
    }
    answer = await whole_way(browser, portal)
    assert answer.status_code == 401
    assert "使用该账号登录未成功" in answer.text
    assert members(engine, district) == []


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_that_the_provider_s_private_key_did_not_sign_identifies_nobody(  # noqa: PLR0917 pytest calls by name
    browser: httpx.AsyncClient,
    portal: Portal,
    provider: Provider,
    engine: Engine,
    district: District,
    algorithm: str,
) -> None:
    provider.algorithm = algorithm
    assert (await whole_way(browser, portal)).status_code == 401
    provider.algorithm, provider.shown_key = "RS256", RSAKey.generate_key(2048, {"kid": "one"})
    oidc_provider.forget_all()
    assert (await whole_way(browser, portal)).status_code == 401
    assert members(engine, district) == []


async def test_an_answer_counts_once(
    browser: httpx.AsyncClient, portal: Portal, provider: Provider, engine: Engine, district: District
) -> None:
    back = await agree(await leave(browser, portal))
    first, second = await browser.get(back), await browser.get(back)
    assert (first.status_code, second.status_code) == (303, 400)
    assert provider.tokens == 1
    assert len(members(engine, district)) == 1


async def test_an_answer_counts_only_in_the_browser_that_left(
    browser: httpx.AsyncClient, portal: Portal, provider: Provider, engine: Engine, district: District
) -> None:
    back = await agree(await leave(browser, portal))
    async with portal.browser() as other:
        assert (await other.get(back)).status_code == 400
        await leave(other, portal)
        assert (await other.get(back)).status_code == 400
    assert provider.tokens == 0
    assert (await browser.get(back)).status_code == 303


@pytest.mark.parametrize(("minutes", "status"), [(9.9, 303), (10, 400)])
async def test_an_answer_counts_for_ten_minutes_also_past_the_gateway_s_five(  # noqa: PLR0917 pytest calls by name
    browser: httpx.AsyncClient,
    portal: Portal,
    provider: Provider,
    clock: FixedClock,
    minutes: float,
    status: int,
) -> None:
    provider.lies = {
        "iat": seconds(clock, timedelta(minutes=10)),
        "exp": seconds(clock, timedelta(minutes=20)),
    }
    back = await agree(await leave(browser, portal))
    clock.advance(timedelta(minutes=minutes))
    answer = await browser.get(back)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "change",
    [
        {"state": "x"},
        {"state": ""},
        {"code": "x"},
        {"code": ""},
        {"error": "access_denied"},
        {"iss": "https://evil.example"},
        {"state": "x" * 2_000},
        {"code": "\0"},
    ],
    ids=str,
)
async def test_an_altered_answer_lets_nobody_in(
    browser: httpx.AsyncClient,
    portal: Portal,
    engine: Engine,
    district: District,
    change: dict[str, str],
) -> None:
    parts = urlsplit(await agree(await leave(browser, portal)))
    query = urlencode(dict(parse_qsl(parts.query)) | change)
    answer = await browser.get(f"{parts.path}?{query}")
    assert answer.status_code in {400, 401}
    assert "text/html" in answer.headers["content-type"]
    assert members(engine, district) == []


async def test_after_a_refusal_the_page_offers_every_way_again(
    browser: httpx.AsyncClient, portal: Portal, provider: Provider
) -> None:
    back = await agree(await leave(browser, portal))
    refused = await browser.get(f"{back}&error=access_denied")
    assert refused.status_code == 401
    assert f'action="/portal/{portal.slug}?' in refused.text
    assert 'value="oidc:mine"' in refused.text


async def test_what_leaves_is_bound_and_secret(
    browser: httpx.AsyncClient, portal: Portal, engine: Engine, district: District
) -> None:
    sent = parse_qs(urlsplit(await leave(browser, portal)).query)
    with Session(engine) as session:
        row = session.scalars(select(OidcLogin).where(OidcLogin.district_id == district.id)).one()
    assert sent["code_challenge_method"] == ["S256"]
    assert sent["redirect_uri"] == [f"http://testserver/oidc/{district.slug}/mine/callback"]
    assert len(sent["state"][0]) >= 43
    assert sent["state"][0].encode() not in row.state_hash
    assert row.verifier not in str(sent)

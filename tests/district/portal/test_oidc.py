"""Signing in through a provider: what it proves, and every way in which it must not."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import FixedClock, system
from district.districts.models import District
from district.gateways.models import WifiSession
from district.gateways.vendors.click import redirect_query
from district.members.models import Consent, Member
from district.portal import oidc, oidc_provider
from district.portal.models import MemberIdentity, OidcLogin, OidcProvider
from tests.conftest import refresh
from tests.district.portal.provider import CLIENT_ID, CLIENT_SECRET, Provider, app_of
from tests.factories import Makers
from tests.serving import running

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:99"


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    provider = Provider()
    with running(app_of(provider)) as address:
        provider.issuer = address
        yield provider


@pytest.fixture
def provider(served: Provider) -> Provider:
    """The provider, honest again."""
    served.person, served.in_userinfo, served.lies = {"sub": "ada"}, {}, {}
    served.algorithm, served.shown_key, served.tokens = "RS256", None, 0
    oidc_provider.forget_all()
    return served


@pytest.fixture
def clock() -> FixedClock:
    """Machine time as the provider's, which signs by its own clock."""
    return FixedClock(system.machine_now())


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
def operator(committed: Makers, district: District) -> dict[str, str]:
    return {"authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}


@dataclass
class Portal:
    """A gateway whose page offers the provider."""

    app: FastAPI
    slug: str
    clock: FixedClock

    def address(self, mac: str = MAC) -> str:
        query = redirect_query(
            SECRET,
            mac=mac,
            ap="00:18:0a:13:dd:b0",
            url=f"http://example.com/{uuid.uuid4()}",
            machine_now=self.clock.machine_now(),
        )
        return f"/portal/{self.slug}?{query}&lang=zh"

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://testserver")


@pytest.fixture
async def portal(  # noqa: PLR0917 pytest calls by name
    app: FastAPI,
    client: httpx.AsyncClient,
    district: District,
    provider: Provider,
    operator: dict[str, str],
    clock: FixedClock,
) -> Portal:
    await refresh(app)
    path = f"/v1/districts/{district.slug}"
    made = await client.post(
        f"{path}/oidc-providers",
        headers=operator,
        json={
            "slug": "mine",
            "name": "My Account",
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        },
    )
    assert made.status_code == 201, made.text
    assert "client_secret" not in made.json()
    slug = f"gw-{district.slug}"
    body = {"slug": slug, "vendor": "click", "secret": SECRET, "methods": ["click", "oidc:mine"]}
    gateway = await client.post(f"{path}/gateways", headers=operator, json=body)
    assert gateway.status_code == 201, gateway.text
    await refresh(app)
    return Portal(app=app, slug=slug, clock=clock)


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[httpx.AsyncClient]:
    async with portal.browser() as browser:
        yield browser


async def leave(browser: httpx.AsyncClient, portal: Portal, **form: str) -> str:
    """Press the provider's button: where the browser is sent."""
    gone = await browser.post(portal.address(), data={"method": "oidc:mine", **form})
    assert gone.status_code == 303, gone.text
    return gone.headers["location"]


async def agree(url: str) -> str:
    """The person agrees at the provider: where it sends the browser back to."""
    async with httpx.AsyncClient() as elsewhere:
        answer = await elsewhere.get(url)
    return answer.headers["location"]


async def whole_way(browser: httpx.AsyncClient, portal: Portal, **form: str) -> httpx.Response:
    return await browser.get(await agree(await leave(browser, portal, **form)))


def members(engine: Engine, district: District) -> list[Member]:
    with Session(engine) as session:
        return list(session.scalars(select(Member).where(Member.district_id == district.id)))


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


NOW = int(system.machine_now().timestamp())


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": NOW - 3_600},
        {"exp": None},
        {"iat": NOW - 3_600},
        {"iat": NOW + 3_600},
        {"iat": None},
        {"nbf": NOW + 3_600},
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
    lies: dict[str, Any],
) -> None:
    provider.lies = lies
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
    provider.lies = {"iat": NOW + 600, "exp": NOW + 1_200}
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


async def test_a_provider_that_does_not_answer_is_said_on_the_page(
    app: FastAPI, browser: httpx.AsyncClient, portal: Portal, provider: Provider
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"webhook_allow_private": False})
    oidc_provider.forget_all()
    answer = await browser.post(portal.address(), data={"method": "oidc:mine"})
    assert answer.status_code == 503
    assert "没有响应" in answer.text


@pytest.mark.parametrize(
    "issuer",
    [
        "http://169.254.169.254/latest",
        "https://localhost",
        "https://10.0.0.1",
        "http://example.com",
        "ftp://x.example",
    ],
)
async def test_an_issuer_that_is_not_a_public_https_host_is_refused(
    app: FastAPI,
    client: httpx.AsyncClient,
    district: District,
    operator: dict[str, str],
    issuer: str,
) -> None:
    await refresh(app)
    app.state.settings = app.state.settings.model_copy(update={"webhook_allow_private": False})
    body = {"slug": "x", "name": "X", "issuer": issuer, "client_id": "a", "client_secret": "b"}
    answer = await client.post(f"/v1/districts/{district.slug}/oidc-providers", json=body, headers=operator)
    assert answer.status_code == 422


async def test_another_issuer_is_not_told_the_secret_of_the_first(
    portal: Portal, provider: Provider, district: District, operator: dict[str, str], committed: Makers
) -> None:
    kept = {"name": "Old", "client_id": "old", "client_secret": "secret", "created_at": committed.clock.now()}
    committed.session.add(
        OidcProvider(district_id=district.id, slug="old", issuer="https://old.test", **kept)
    )
    committed.done()
    path = f"/v1/districts/{district.slug}/oidc-providers/old"
    changed = {"issuer": provider.issuer}
    async with portal.browser() as client:
        refused = await client.patch(path, json=changed, headers=operator)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/client_secret"
        assert (await client.get(path, headers=operator)).json()["issuer"] == "https://old.test"
        whole = await client.patch(path, json=changed | {"client_secret": "another"}, headers=operator)
    assert whole.json()["issuer"] == provider.issuer


async def test_providers_are_the_operator_s(
    client: httpx.AsyncClient, portal: Portal, district: District, operator: dict[str, str], committed: Makers
) -> None:
    path = f"/v1/districts/{district.slug}/oidc-providers"
    merchant = {"authorization": f"Bearer {committed.token(district, Role.MERCHANT)}"}
    for method, address in (
        ("GET", path),
        ("POST", path),
        ("GET", f"{path}/mine"),
        ("DELETE", f"{path}/mine"),
    ):
        assert (await client.request(method, address)).status_code == 401
        assert (await client.request(method, address, headers=merchant)).status_code == 403
    changed = await client.patch(f"{path}/mine", json={"name": "New"}, headers=operator)
    assert changed.json()["name"] == "New"
    assert (await client.delete(f"{path}/mine", headers=operator)).status_code == 204
    page = await portal.browser().get(portal.address())
    assert "oidc:mine" not in page.text


async def test_a_provider_that_failed_is_not_asked_again_at_once(
    app: FastAPI, browser: httpx.AsyncClient, portal: Portal, provider: Provider
) -> None:
    settings = app.state.settings
    oidc_provider.forget_all()
    app.state.settings = settings.model_copy(update={"webhook_allow_private": False})
    assert (await browser.post(portal.address(), data={"method": "oidc:mine"})).status_code == 503
    app.state.settings = settings
    assert (await browser.post(portal.address(), data={"method": "oidc:mine"})).status_code == 503
    oidc_provider.forget_all()
    assert (await browser.post(portal.address(), data={"method": "oidc:mine"})).status_code == 303


async def test_a_device_is_sent_off_thirty_times_an_hour_and_another_one_still(
    browser: httpx.AsyncClient, portal: Portal
) -> None:
    address = portal.address()
    for _ in range(oidc.PER_DEVICE_HOUR):
        assert (await browser.post(address, data={"method": "oidc:mine"})).status_code == 303
    assert (await browser.post(address, data={"method": "oidc:mine"})).status_code == 429
    other = portal.address("02:aa:22:33:44:98")
    assert (await browser.post(other, data={"method": "oidc:mine"})).status_code == 303


async def test_who_closes_the_account_is_nobody_to_the_provider_s_account_either(
    browser: httpx.AsyncClient, portal: Portal, engine: Engine, district: District
) -> None:
    await whole_way(browser, portal)
    closed = await browser.delete("/v1/me", headers={"origin": "http://testserver"})
    assert closed.status_code == 204
    with Session(engine) as session:
        links = session.scalars(select(MemberIdentity).where(MemberIdentity.district_id == district.id))
        assert links.all() == []
    async with portal.browser() as other:
        assert (await whole_way(other, portal)).status_code == 303
    assert [member.state for member in members(engine, district)].count("active") == 1

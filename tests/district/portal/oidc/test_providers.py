"""Providers of accounts: registered by operators, asked with care, and forgotten with the account."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.districts.models import District
from district.portal import oidc, oidc_provider
from district.portal.models import MemberIdentity, OidcProvider
from tests.conftest import refresh
from tests.district.portal.oidc.ways import Portal, members, whole_way
from tests.district.portal.provider import Provider
from tests.factories import Makers


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

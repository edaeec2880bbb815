"""A provider on this machine, and a gateway that offers its accounts."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.clock import FixedClock, system
from district.districts.models import District
from district.portal import oidc_provider
from tests.conftest import refresh
from tests.district.portal.oidc.ways import SECRET, Portal
from tests.district.portal.provider import CLIENT_ID, CLIENT_SECRET, Provider, app_of
from tests.factories import Makers
from tests.serving import running


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

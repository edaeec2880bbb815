"""RADIUS clients and providers of accounts changed on the operator's pages."""

import re

import httpx
import pytest
from sqlalchemy import select

from district.database import new_id
from district.districts.models import District
from district.portal.models import OidcProvider
from district.radius.models import RadiusClient
from tests.factories import Makers


@pytest.fixture
def radius_client(committed: Makers, district: District) -> RadiusClient:
    row = RadiusClient(
        district_id=district.id, id=new_id(), name="lobby", address="10.0.0.7", secret="k" * 24,
        nas_identifier="nas-1", coa_port=1700, created_at=committed.clock.now(),
    )  # fmt: skip
    committed.session.add(row)
    committed.done()
    return row


@pytest.fixture
def provider(committed: Makers, district: District) -> OidcProvider:
    row = OidcProvider(
        district_id=district.id, id=new_id(), slug="acme", name="Acme", issuer="https://acme.test",
        client_id="ours", client_secret="kept-secret", scope="openid email", created_at=committed.clock.now(),
    )  # fmt: skip
    committed.session.add(row)
    committed.done()
    return row


FORM = {
    "name": "roof",
    "address": "10.0.1.0/24",
    "nas_identifier": "nas-2",
    "coa_address": "",
    "coa_port": "3799",
}


async def test_a_radius_client_is_changed_and_its_secret_stays(
    operator: httpx.AsyncClient, radius_client: RadiusClient, committed: Makers
) -> None:
    page = "/operator/wifi/radius"
    shown = await operator.get(page, params={"edit": str(radius_client.id)})
    assert re.search(r'name="name"[^>]*value="lobby"', shown.text)
    assert re.search(r'name="coa_port"[^>]*value="1700"', shown.text)
    assert "k" * 24 not in shown.text
    assert (await operator.post(f"{page}/{radius_client.id}", data=FORM)).status_code == 303
    committed.session.refresh(radius_client)
    assert (radius_client.name, radius_client.address, radius_client.coa_port) == (
        "roof",
        "10.0.1.0/24",
        3799,
    )
    assert radius_client.secret == "k" * 24
    await operator.post(f"{page}/{radius_client.id}", data=FORM | {"secret": "n" * 24})
    committed.session.refresh(radius_client)
    assert radius_client.secret == "n" * 24


async def test_what_is_wrong_with_a_changed_client_is_marked_and_kept_out(
    operator: httpx.AsyncClient, radius_client: RadiusClient, committed: Makers, district: District
) -> None:
    other = RadiusClient(
        district_id=district.id, id=new_id(), name="roof", address="10.9.9.9", secret="k" * 24,
        created_at=committed.clock.now(),
    )  # fmt: skip
    committed.session.add(other)
    committed.done()
    address = f"/operator/wifi/radius/{radius_client.id}"
    bad = await operator.post(address, data=FORM | {"address": "nowhere"})
    taken = await operator.post(address, data=FORM)
    assert (bad.status_code, taken.status_code) == (422, 422)
    assert re.search(r'id="f-address"[^>]*aria-invalid="true"', bad.text)
    committed.session.refresh(radius_client)
    assert radius_client.name == "lobby"


async def test_a_provider_is_changed_and_another_issuer_needs_its_own_secret(
    operator: httpx.AsyncClient, provider: OidcProvider, committed: Makers
) -> None:
    page = "/operator/wifi/providers"
    shown = await operator.get(page, params={"edit": "acme"})
    assert re.search(r'name="issuer"[^>]*value="https://acme\.test"', shown.text)
    assert "kept-secret" not in shown.text
    form = {"name": "Acme Ltd", "issuer": "https://acme.test", "client_id": "ours", "scope": "openid phone"}
    assert (await operator.post(f"{page}/acme", data=form)).status_code == 303
    committed.session.refresh(provider)
    assert (provider.name, provider.scope, provider.client_secret) == (
        "Acme Ltd",
        "openid phone",
        "kept-secret",
    )
    elsewhere = await operator.post(f"{page}/acme", data=form | {"issuer": "https://127.0.0.1:9"})
    assert elsewhere.status_code == 422
    committed.session.refresh(provider)
    assert provider.issuer == "https://acme.test"


async def test_another_district_s_rows_are_not_there(
    stranger: httpx.AsyncClient, radius_client: RadiusClient, provider: OidcProvider, committed: Makers
) -> None:
    for path in (f"/operator/wifi/radius/{radius_client.id}", "/operator/wifi/providers/acme"):
        assert (await stranger.post(path, data=FORM)).status_code == 404
    assert (
        await stranger.get("/operator/wifi/radius", params={"edit": str(radius_client.id)})
    ).status_code == 404
    rows = committed.session.scalars(select(RadiusClient.name).where(RadiusClient.id == radius_client.id))
    assert list(rows) == ["lobby"]

"""The Captive Portal API against RFC 8908, and who may ask about whom."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from district.auth import limits
from district.auth.limits import Limit
from district.clock import FixedClock
from district.districts.models import District
from district.gateways import capport
from district.gateways import service as gateways
from district.gateways.models import Gateway, Plan, QueuedGrant, WifiSession
from district.gateways.schemas import NewGateway
from district.members import service as members
from district.portal.capport_routes import PER_NETWORK_MINUTE
from district.problems import NotFound
from district.radius.models import RadiusSession
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "of-this-test-only-5f2e9a71-83bd-c0ffee"
MAC, OTHER_MAC = "02aa22334466", "02aa22334477"
TYPES: dict[str, type] = {
    "captive": bool,
    "user-portal-url": str,
    "venue-info-url": str,
    "can-extend-session": bool,
    "seconds-remaining": int,
    "bytes-remaining": int,
}
"""RFC 8908 §5: the keys and their JSON types; only ``captive`` must be there."""


def assert_conforms(answer: httpx.Response) -> dict[str, Any]:
    """RFC 8908 §4 to §5.1."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/captive+json"
    assert {"private", "no-store"} <= {part.strip() for part in answer.headers["cache-control"].split(",")}
    body: dict[str, Any] = answer.json()
    assert "captive" in body
    assert set(body) <= set(TYPES)
    for name, value in body.items():
        assert type(value) is TYPES[name], f"{name} is {value!r}"
        assert not isinstance(value, str) or value.startswith("https://")
        assert not isinstance(value, int) or value >= 0
    if body["captive"]:
        assert {"seconds-remaining", "bytes-remaining"}.isdisjoint(body)
    return body


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret": SecretStr(SECRET)})


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("10.2.0.182", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="https://wifi.example") as client:
        yield client


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
async def gateway(app: FastAPI, committed: Makers, district: District, clock: FixedClock) -> Gateway:
    new = NewGateway(slug=f"nds-{district.slug}", vendor="opennds")
    row = gateways.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    return row


@pytest.fixture
def sign_in(
    committed: Makers, district: District, gateway: Gateway, clock: FixedClock
) -> Callable[..., WifiSession]:
    def done(*, mac: str = MAC, address: str = "10.2.0.182", **values: Any) -> WifiSession:
        row = WifiSession(
            district_id=district.id,
            gateway_id=gateway.id,
            member_id=committed.member(district).id,
            alias=members.alias_of(committed.info(district), mac),
            method="click",
            granted_at=clock.now(),
            expires_at=clock.now() + timedelta(hours=1),
            grant={"client": address},
            **values,
        )
        committed.session.add(row)
        committed.session.commit()
        return row

    return done


def own(gateway: Gateway, mac: str = MAC) -> str:
    return f"/capport/v1/{capport.client_token(SECRET, gateway.slug, mac)}"


def shared(gateway: Gateway) -> str:
    return f"/capport/v1/{capport.network_token(SECRET, gateway.slug)}"


async def test_a_stranger_is_captive_and_told_where_to_sign_in(
    client: httpx.AsyncClient, gateway: Gateway, district: District
) -> None:
    for address in (own(gateway), shared(gateway)):
        body = assert_conforms(await client.get(address, headers={"Accept": "application/captive+json"}))
        assert body == {
            "captive": True,
            "user-portal-url": f"https://wifi.example/portal/{gateway.slug}/start",
            "venue-info-url": f"https://wifi.example/d/{district.slug}",
            "can-extend-session": False,
        }


async def test_who_signed_in_is_not_and_is_told_his_time(
    client: httpx.AsyncClient, gateway: Gateway, sign_in: Callable[..., WifiSession], clock: FixedClock
) -> None:
    sign_in()
    clock.advance(timedelta(minutes=20))
    body = assert_conforms(await client.get(own(gateway)))
    assert (body["captive"], body["seconds-remaining"]) == (False, 2400)
    assert "bytes-remaining" not in body
    assert assert_conforms(await client.get(own(gateway, OTHER_MAC)))["captive"] is True
    clock.advance(timedelta(minutes=40))
    assert assert_conforms(await client.get(own(gateway)))["captive"] is True


async def test_bytes_are_told_when_radius_counts_them(
    client: httpx.AsyncClient,
    gateway: Gateway,
    committed: Makers,
    sign_in: Callable[..., WifiSession],
    clock: FixedClock,
) -> None:
    plan = Plan(district_id=gateway.district_id, slug="some", volume_kib=10, created_at=clock.now())
    committed.session.add(plan)
    committed.session.flush()
    row = sign_in(plan_id=plan.id)
    counted = RadiusSession(
        district_id=gateway.district_id,
        unique_id=uuid.uuid4().hex,
        wifi_session_id=row.id,
        started_at=clock.now(),
        updated_at=clock.now(),
        up_octets=1000,
        down_octets=2000,
    )
    committed.session.add(counted)
    committed.session.commit()
    assert assert_conforms(await client.get(own(gateway)))["bytes-remaining"] == 10 * 1024 - 3000
    counted.stopped_at = clock.now()
    committed.session.commit()
    assert assert_conforms(await client.get(own(gateway)))["captive"] is True


async def test_a_grant_that_the_gateway_has_not_fetched_leaves_one_captive(
    client: httpx.AsyncClient,
    gateway: Gateway,
    committed: Makers,
    sign_in: Callable[..., WifiSession],
    clock: FixedClock,
) -> None:
    waiting = QueuedGrant(
        district_id=gateway.district_id,
        gateway_id=gateway.id,
        token="0" * 64,
        wifi_session_id=sign_in().id,
        entry="",
        created_at=clock.machine_now(),
    )
    committed.session.add(waiting)
    committed.session.commit()
    assert assert_conforms(await client.get(own(gateway)))["captive"] is True
    waiting.acknowledged_at = clock.machine_now()
    committed.session.commit()
    assert assert_conforms(await client.get(own(gateway)))["captive"] is False


async def test_the_shared_address_knows_a_client_by_an_address_that_nobody_translates(
    client: httpx.AsyncClient, gateway: Gateway, sign_in: Callable[..., WifiSession]
) -> None:
    sign_in()
    assert assert_conforms(await client.get(shared(gateway)))["captive"] is False


async def test_the_shared_address_says_nothing_where_clients_cannot_be_told_apart(
    client: httpx.AsyncClient, gateway: Gateway, sign_in: Callable[..., WifiSession]
) -> None:
    sign_in(address="10.2.0.99")
    answer = await client.get(shared(gateway))
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:shangquan:problem:capport-unknown-client"


@pytest.mark.parametrize(
    "spelled",
    ["02aa22334466", "02-AA-22-33-44-66", "02:aa:22:33:44:66", "2-aa-22-33-44-66", "2:aa:22:33:44:66"],
)
async def test_a_dhcp_server_may_put_the_mac_in_as_it_spells_it(
    client: httpx.AsyncClient, gateway: Gateway, sign_in: Callable[..., WifiSession], spelled: str
) -> None:
    sign_in()
    address = f"/capport/v1/{capport.template(SECRET, gateway.slug)}".replace("{mac}", spelled)
    assert assert_conforms(await client.get(address))["captive"] is False


def guessed(gateway: Gateway, mac: str) -> str:
    """The gateway's own address with a device's MAC in it, as anybody on the network can write it."""
    return f"/capport/v1/{capport.template(SECRET, gateway.slug)}".replace("{mac}", mac)


@pytest.mark.parametrize(
    ("elsewhere", "status"), [("10.2.0.99", 200), ("192.168.7.9", 404)], ids=["neighbour", "behind-a-router"]
)
async def test_others_devices_and_unknown_ones_are_answered_alike(
    client: httpx.AsyncClient,
    gateway: Gateway,
    sign_in: Callable[..., WifiSession],
    elsewhere: str,
    status: int,
) -> None:
    sign_in(address=elsewhere)
    others, unknown = await client.get(guessed(gateway, MAC)), await client.get(guessed(gateway, OTHER_MAC))
    assert others.status_code == unknown.status_code == status
    assert others.json() | {"instance": ""} == unknown.json() | {"instance": ""}
    sign_in(mac=OTHER_MAC)
    assert (await client.get(guessed(gateway, OTHER_MAC))).json()["captive"] is False
    assert (await client.get(guessed(gateway, MAC))).json()["captive"] is True
    assert (await client.get(own(gateway))).json()["captive"] is False


async def test_the_address_that_accounting_tells_is_the_device_s_own(
    client: httpx.AsyncClient,
    gateway: Gateway,
    committed: Makers,
    sign_in: Callable[..., WifiSession],
    clock: FixedClock,
) -> None:
    row = sign_in(address="")
    committed.session.add(
        RadiusSession(
            district_id=gateway.district_id,
            unique_id=uuid.uuid4().hex,
            wifi_session_id=row.id,
            framed_address="10.2.0.182",
            started_at=clock.now(),
            updated_at=clock.now(),
        )
    )
    committed.session.commit()
    assert (await client.get(guessed(gateway, MAC))).json()["captive"] is False


async def test_who_tries_many_macs_is_stopped_and_a_signed_client_is_not(
    client: httpx.AsyncClient, gateway: Gateway, committed: Makers, clock: FixedClock
) -> None:
    used = Limit(
        subject="capport:10.2.0.182", period=timedelta(minutes=1), most=10**6, amount=PER_NETWORK_MINUTE
    )
    limits.take(committed.session, gateway.district_id, used, clock=clock)
    committed.session.commit()
    guessed = capport.template(SECRET, gateway.slug).replace("{mac}", OTHER_MAC)
    answer = await client.get(f"/capport/v1/{guessed}")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert_conforms(await client.get(own(gateway)))


@pytest.mark.parametrize(
    "forge",
    [
        lambda slug: slug,
        lambda slug: f"{slug}.{'A' * 22}",
        lambda slug: capport.client_token(SECRET, slug, MAC).replace(MAC, OTHER_MAC),
        lambda slug: capport.client_token("another-secret", slug, MAC),
        lambda slug: capport.template(SECRET, slug),
        lambda slug: capport.network_token(SECRET, "another"),
        lambda slug: f"{slug}.{MAC}.{MAC}.{'A' * 22}",
        lambda slug: "é" * 20,
    ],
    ids=[
        "bare",
        "invented",
        "another mac",
        "another secret",
        "not filled in",
        "unknown gateway",
        "long",
        "letters",
    ],
)
async def test_what_we_did_not_sign_is_not_found(
    client: httpx.AsyncClient, gateway: Gateway, forge: Callable[[str], str]
) -> None:
    assert (await client.get(f"/capport/v1/{forge(gateway.slug)}")).status_code == 404


def test_a_token_names_whom_it_is_about() -> None:
    asked = capport.read(SECRET, capport.client_token(SECRET, "west", MAC))
    assert (asked.gateway, asked.mac, asked.is_own) == ("west", MAC, True)
    with pytest.raises(NotFound):
        capport.read(SECRET, "west." + "x" * 200)


async def test_without_tls_it_is_off_and_says_so(app: FastAPI, gateway: Gateway) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://wifi.example") as plain:
        answer = await plain.get(own(gateway))
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:shangquan:problem:capport-needs-tls"
    assert "DISTRICT_TLS_CERT" in answer.json()["detail"]

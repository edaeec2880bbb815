"""Where the portal sends a browser: the gateway or our own page, whatever the redirect says."""

import base64
import uuid
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from district.clock import FixedClock
from district.database import make_sessions
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.models import WifiSession
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.gateways.vendors.opennds import token
from district.members.models import DeviceAlias, Member
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:66"
HID = "26a24fba70941c0250cfaa2c79b903f3aa3be62ea75665f9cb3e1ad57d051933"
EVIL = (
    "http://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "http://evil.example#testserver",
    "javascript:alert(1)",
    "\r\nLocation: http://evil.example",
    "http://evil.example\r\nSet-Cookie: a=b",
    "%0d%0aLocation:%20http://evil.example",
    "\u2044\u2044evil.example",
    "http://xn--evil",
)


@pytest.fixture
async def district(app: FastAPI, committed: Makers, clock: FixedClock) -> District:
    row = committed.district()
    for vendor in ("click", "opennds"):
        new = NewGateway.model_validate({"slug": f"{vendor}-{row.slug}", "vendor": vendor, "secret": SECRET})
        gateways.create(committed.session, committed.info(row), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    return row


def opennds(district: District, **fields: str) -> str:
    given = {"hid": HID, "clientmac": MAC, "gatewayaddress": "10.2.0.1:2050"} | fields
    packed = base64.b64encode(", ".join(f"{name}={value}" for name, value in given.items()).encode())
    return f"/portal/opennds-{district.slug}?fas={packed.decode()}"


@pytest.mark.parametrize("url", EVIL)
async def test_click_leads_only_to_our_own_page(
    client: httpx.AsyncClient, district: District, clock: FixedClock, url: str
) -> None:
    query = redirect_query(SECRET, mac=MAC, ap="", url=url, machine_now=clock.machine_now())
    answer = await client.post(f"/portal/click-{district.slug}?{query}", data={"method": "click"})
    place = urlsplit(answer.headers["location"])
    assert answer.status_code == 303
    assert (place.scheme, place.netloc, place.path) == (
        "http",
        "testserver",
        f"/portal/click-{district.slug}/welcome",
    )
    page = await client.get(answer.headers["location"])
    assert page.status_code == 200
    assert f'href="{url}"' not in page.text


@pytest.mark.parametrize("url", EVIL)
async def test_opennds_leads_only_to_the_gateway_and_then_to_our_own_page(
    client: httpx.AsyncClient, district: District, url: str
) -> None:
    quoted = str(httpx.QueryParams({"u": url}))[2:]
    answer = await client.post(opennds(district, originurl=quoted), data={"method": "click"})
    place = urlsplit(answer.headers["location"])
    asked = parse_qs(place.query)
    assert (place.scheme, place.netloc, place.path) == ("http", "10.2.0.1:2050", "/opennds_auth/")
    assert asked["tok"] == [token(HID, SECRET)]
    assert urlsplit(asked["redir"][0]).netloc == "testserver"


async def test_a_redirect_that_points_elsewhere_opens_nothing(
    client: httpx.AsyncClient, district: District, engine: Engine
) -> None:
    answer = await client.post(opennds(district, gatewayaddress="203.0.113.9:80"), data={"method": "click"})
    assert answer.status_code == 400
    with make_sessions(engine)() as session:
        assert session.scalars(select(Member).where(Member.district_id == district.id)).all() == []
        assert session.scalars(select(WifiSession).where(WifiSession.district_id == district.id)).all() == []


async def test_a_claim_of_somebody_else_s_device_does_not_take_it(
    app: FastAPI, client: httpx.AsyncClient, district: District, engine: Engine, clock: FixedClock
) -> None:
    query = redirect_query(SECRET, mac=MAC, ap="", url="", machine_now=clock.machine_now())
    await client.post(f"/portal/click-{district.slug}?{query}", data={"method": "click"})
    own = {"clientmac": "02:bb:22:33:44:66", "hid": uuid.uuid4().hex}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as thief:
        await thief.post(opennds(district, **own), data={"method": "click"})
        assert "district_session" in thief.cookies
        answer = await thief.post(opennds(district), data={"method": "click"})
    assert answer.status_code == 303
    with make_sessions(engine)() as session:
        first = session.scalars(
            select(Member).where(Member.district_id == district.id).order_by(Member.id)
        ).first()
        rows = session.scalars(select(DeviceAlias).where(DeviceAlias.district_id == district.id)).all()
    assert first is not None
    assert sorted(row.member_id == first.id for row in rows) == [False, True]


@pytest.mark.parametrize("path", ["/portal/nowhere", "/portal/%00", "/portal/" + "a" * 3000])
async def test_an_unknown_gateway_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404

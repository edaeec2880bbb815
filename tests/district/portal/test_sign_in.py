"""The sign-in page as a shopper's browser meets it."""

import re
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import make_sessions
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.models import WifiSession
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.members.models import Consent, ConsentText, DeviceAlias, Member
from district.members.texts import consent_text
from district.outbox.models import OutboxMessage
from district.settings import Settings
from push.consent import Purpose
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:66"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
async def portal(
    app: FastAPI, committed: Makers, district: District, clock: FixedClock
) -> Callable[..., str]:
    slug = f"gw-{district.slug}"
    new = NewGateway(slug=slug, vendor="click", secret=SECRET, methods=["click", "phone", "email"])
    gateways.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)

    def address(mac: str = MAC, url: str = "http://example.com/") -> str:
        query = redirect_query(
            SECRET, mac=mac, ap="00:18:0a:13:dd:b0", url=url, machine_now=clock.machine_now()
        )
        return f"/portal/{slug}?{query}"

    return address


def members(engine: Engine, district: District) -> list[Member]:
    with make_sessions(engine)() as session:
        return list(session.scalars(select(Member).where(Member.district_id == district.id)))


async def test_page_is_one_small_request_without_script(
    client: httpx.AsyncClient, portal: Callable[..., str]
) -> None:
    answer = await client.get(portal())
    assert answer.status_code == 200
    assert len(answer.content) <= 14 * 1024
    assert "<script" not in answer.text
    assert not re.search(r'(src|href)="(?!data:|#|/portal|\?)[^"]*\.(css|js|png|svg)', answer.text)


async def test_first_login_registers_a_member_and_the_next_one_recognises_it(
    client: httpx.AsyncClient,
    portal: Callable[..., str],
    engine: Engine,
    district: District,
    clock: FixedClock,
) -> None:
    first = await client.post(portal(), data={"method": "click", "marketing": "yes"})
    second = await client.post(portal(url="http://example.com/again"), data={"method": "click"})
    assert (first.status_code, second.status_code) == (303, 303)
    assert "/welcome?" in first.headers["location"]
    found = members(engine, district)
    assert len(found) == 1
    with make_sessions(engine)() as session:
        assert (
            len(session.scalars(select(WifiSession).where(WifiSession.member_id == found[0].id)).all()) == 2
        )


async def test_consent_is_recorded_per_purpose_with_the_hash_of_the_text_shown(
    client: httpx.AsyncClient, portal: Callable[..., str], engine: Engine, district: District
) -> None:
    await client.post(portal() + "&lang=zh", data={"method": "click", "marketing": "yes"})
    with make_sessions(engine)() as session:
        rows = session.scalars(select(Consent).where(Consent.district_id == district.id)).all()
        said = {row.purpose: row.granted for row in rows}
        texts = session.scalars(select(ConsentText.text).where(ConsentText.district_id == district.id)).all()
    assert said == {"access": True, "marketing": True, "location": False}
    assert {row.text_hash for row in rows} == {
        consent_text(Purpose(row.purpose), None, "zh").hash for row in rows
    }
    assert consent_text(Purpose.MARKETING, None, "zh").text in texts


async def test_access_does_not_depend_on_marketing_consent(
    client: httpx.AsyncClient, portal: Callable[..., str]
) -> None:
    answer = await client.post(portal(), data={"method": "click"})
    assert answer.status_code == 303


@pytest.mark.parametrize("change", ["mac=02", "url=http%3A%2F%2Fevil", "t=1", "sig=0"])
async def test_an_altered_redirect_gives_a_page_and_never_a_session(
    client: httpx.AsyncClient, portal: Callable[..., str], engine: Engine, district: District, change: str
) -> None:
    name, _, value = change.partition("=")
    altered = re.sub(rf"(?<=[?&]){name}=[^&]*", f"{name}={value}", portal())
    shown = await client.get(altered)
    posted = await client.post(altered, data={"method": "click"})
    assert (shown.status_code, posted.status_code) == (400, 400)
    assert "text/html" in posted.headers["content-type"]
    assert members(engine, district) == []


async def test_a_redirect_used_by_another_browser_is_refused(
    app: FastAPI, client: httpx.AsyncClient, portal: Callable[..., str]
) -> None:
    address = portal()
    await client.post(address, data={"method": "click"})
    stranger = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://testserver")
    answer = await stranger.post(address, data={"method": "click"})
    await stranger.aclose()
    assert answer.status_code == 400


async def test_a_copied_device_address_opens_no_member_page(
    app: FastAPI, client: httpx.AsyncClient, portal: Callable[..., str]
) -> None:
    await client.post(portal(), data={"method": "click"})
    stranger = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://testserver")
    answer = await stranger.post(portal(url="http://example.com/b"), data={"method": "click"})
    me = await stranger.get("/v1/me")
    await stranger.aclose()
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
    assert me.status_code == 401


def code_of(engine: Engine, district: District) -> str:
    with Session(engine) as session:
        payload = session.scalars(
            select(OutboxMessage.payload)
            .where(OutboxMessage.district_id == district.id)
            .order_by(OutboxMessage.created_at.desc(), OutboxMessage.id.desc())
        ).first()
    assert payload is not None
    return str(payload["code"])


async def test_phone_code_proves_a_member(
    client: httpx.AsyncClient, portal: Callable[..., str], engine: Engine, district: District
) -> None:
    address = portal()
    asked = await client.post(address, data={"method": "phone", "phone": "０４０ 123 4567"})
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert ticket is not None
    form = {
        "method": "phone",
        "phone": "+358401234567",
        "ticket": ticket[1],
        "code": code_of(engine, district),
    }
    wrong = await client.post(
        address, data=form | {"code": "000000" if form["code"] != "000000" else "111111"}
    )
    right = await client.post(address, data=form)
    assert wrong.status_code == 401
    assert right.status_code == 303
    assert [member.phone for member in members(engine, district)] == ["+358401234567"]
    me = await client.get("/v1/me")
    assert me.json()["phone"] == "+358401234567"


async def test_five_wrong_codes_end_a_code(
    client: httpx.AsyncClient, portal: Callable[..., str], engine: Engine, district: District
) -> None:
    address = portal()
    asked = await client.post(address, data={"method": "email", "email": "Ada@Example.com"})
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert ticket is not None
    code = code_of(engine, district)
    form = {"method": "email", "email": "ada@example.com", "ticket": ticket[1]}
    for _ in range(5):
        await client.post(address, data=form | {"code": "999999" if code != "999999" else "888888"})
    answer = await client.post(address, data=form | {"code": code})
    assert answer.status_code == 401
    assert members(engine, district) == []


async def test_device_is_kept_only_as_a_pseudonym(
    client: httpx.AsyncClient, portal: Callable[..., str], engine: Engine, district: District
) -> None:
    await client.post(portal(), data={"method": "click"})
    with make_sessions(engine)() as session:
        aliases = session.scalars(select(DeviceAlias).where(DeviceAlias.district_id == district.id)).all()
    assert [row.randomised for row in aliases] == [True]
    assert MAC.replace(":", "") not in {row.alias.hex() for row in aliases}

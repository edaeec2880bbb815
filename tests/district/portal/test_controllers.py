"""From a controller's redirect to the landing page: believed when the controller says yes, and nothing lost when it does not."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.clock import FixedClock
from district.districts.models import District
from district.gateways import sessions
from district.gateways.models import Gateway, RedirectEvent, WifiSession
from district.members import service as members
from district.members.models import DeviceAlias
from district.outbox.models import OutboxMessage
from district.settings import Settings
from tests.conftest import refresh
from tests.controllers import omada, ruckus, unifi
from tests.factories import Makers
from tests.serving import running

MAC = "1c:71:23:45:67:89"
DASHED = "1C-71-23-45-67-89"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"controller_allow_loopback": True, "demo_console_codes": True})


@dataclass(kw_only=True)
class Venue:
    """A controller, how the gateway in front of it is registered, and its redirect."""

    vendor: str
    options: dict[str, Any]
    query: Callable[[FixedClock], str]
    state: Any
    is_in: Callable[[], bool]


def _unifi(address: str, console: unifi.Console) -> Venue:
    return Venue(
        vendor="unifi",
        options={
            "controller_url": address,
            "site": console.site,
            "username": console.username,
            "password": console.password,
        },
        query=lambda clock: urlencode(
            {
                "ap": "94:2a:01:02:03:04",
                "id": MAC,
                "t": int(clock.machine_now().timestamp()),
                "url": "http://example.com/",
                "ssid": "Mall",
            }
        ),
        state=console,
        is_in=lambda: MAC in console.guests,
    )


def _omada(address: str, state: omada.OmadaState) -> Venue:
    return Venue(
        vendor="omada",
        options={
            "controller_url": address,
            "controller_id": state.controller_id,
            "username": state.username,
            "password": state.password,
        },
        query=lambda clock: urlencode(
            {
                "clientMac": DASHED,
                "apMac": "AA-BB-CC-DD-EE-01",
                "ssidName": "Mall",
                "t": int(clock.machine_now().timestamp()),
                "radioId": 0,
                "site": state.site,
                "redirectUrl": "http://example.com/",
            }
        ),
        state=state,
        is_in=lambda: DASHED in state.guests,
    )


def _ruckus(address: str, state: ruckus.SmartZone) -> Venue:
    return Venue(
        vendor="ruckus",
        options={"controller_url": address, "password": state.password},
        query=lambda _clock: urlencode({"client_mac": MAC, "uip": "10.0.0.9", "url": "http://example.com/"}),
        state=state,
        is_in=lambda: MAC in state.on_line,
    )


@pytest.fixture(params=["unifi", "omada", "ruckus"])
def venue(request: pytest.FixtureRequest) -> Iterator[Venue]:
    if request.param == "unifi":
        console = unifi.Console(site=f"s{uuid.uuid4().hex[:10]}")
        with running(unifi.app_of(console)) as address:
            yield _unifi(address, console)
    elif request.param == "omada":
        state = omada.OmadaState()
        with running(omada.app_of(state)) as address:
            yield _omada(address, state)
    else:
        zone = ruckus.SmartZone(devices={MAC})
        with running(ruckus.app_of(zone)) as address:
            yield _ruckus(address, zone)


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
async def slug(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, district: District, venue: Venue
) -> str:
    """The gateway, registered by an operator through the interface."""
    token = committed.token(district, Role.OPERATOR)
    await refresh(app)
    slug = f"gw-{uuid.uuid4().hex[:10]}"
    body = {"slug": slug, "vendor": venue.vendor, "options": venue.options, "methods": ["click", "phone"]}
    answer = await client.post(
        f"/v1/districts/{district.slug}/gateways",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201, answer.text
    assert "password" not in answer.json()["options"]
    await refresh(app)
    return slug


def sessions_of(committed: Makers, district: District) -> list[WifiSession]:
    committed.session.expire_all()
    found = select(WifiSession).where(WifiSession.district_id == district.id).order_by(WifiSession.id)
    return list(committed.session.scalars(found))


def token_of(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


async def test_a_shopper_is_let_in_when_the_controller_says_yes(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    venue: Venue,
    slug: str,
    clock: FixedClock,
) -> None:
    address = f"/portal/{slug}?{venue.query(clock)}"
    page = await client.get(address)
    assert page.status_code == 200
    assert not venue.is_in()
    answer = await client.post(address, data={"method": "click", "form_token": token_of(page.text)})
    assert answer.status_code == 303
    assert f"/portal/{slug}/welcome" in answer.headers["location"]
    assert COOKIE in answer.cookies
    assert venue.is_in()
    (row,) = sessions_of(committed, district)
    assert (row.confirmed_by, row.confirmed_at) == ("controller", clock.now())
    landing = await client.get(answer.headers["location"])
    assert landing.status_code == 200
    assert "http://example.com/" in landing.text


async def test_a_controller_that_is_down_loses_nothing(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    venue: Venue,
    slug: str,
    clock: FixedClock,
) -> None:
    address = f"/portal/{slug}?{venue.query(clock)}"
    form = {
        "method": "click",
        "marketing": "yes",
        "form_token": token_of((await client.get(address)).text),
    }
    venue.state.is_broken = True
    refused = await client.post(address + "&lang=zh", data=form)
    assert refused.status_code == 503
    assert "请稍后再按一次" in refused.text
    assert token_of(refused.text) == form["form_token"]
    (row,) = sessions_of(committed, district)
    assert (row.confirmed_at, row.confirmed_by) == (None, "")
    event = committed.session.scalars(
        select(RedirectEvent).where(
            RedirectEvent.district_id == district.id, RedirectEvent.outcome == "failed"
        )
    ).one()
    assert event.detail
    assert MAC not in event.shown
    venue.state.is_broken = False
    again = await client.post(address, data=form)
    assert again.status_code == 303
    assert COOKIE in again.cookies
    assert venue.is_in()
    (row,) = sessions_of(committed, district)
    assert row.confirmed_by == "controller"


async def test_after_an_outage_the_same_redirect_works_from_a_new_page(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    venue: Venue,
    slug: str,
    clock: FixedClock,
) -> None:
    address = f"/portal/{slug}?{venue.query(clock)}"
    venue.state.is_broken = True
    first = {"method": "click", "form_token": "first-page-" + "a" * 20}
    assert (await client.post(address, data=first)).status_code == 503
    venue.state.is_broken = False
    second = {"method": "click", "form_token": "second-page-" + "b" * 20}
    assert (await client.post(address, data=second)).status_code == 303
    assert venue.is_in()
    rows = sessions_of(committed, district)
    assert len({row.member_id for row in rows}) == 1
    third = {"method": "click", "form_token": "third-page-" + "c" * 20}
    client.cookies.clear()
    assert (await client.post(address, data=third)).status_code == 400


async def test_a_claim_takes_no_device_from_a_member_until_the_controller_agrees(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    venue: Venue,
    slug: str,
    clock: FixedClock,
) -> None:
    owner = committed.member(district, phone="+358401234567")
    info = committed.info(district)
    mac = MAC.replace(":", "")
    members.see_device(committed.session, info, owner, mac=mac, clock=clock)
    committed.done()
    newcomer = committed.member(district, phone="+358401234568")
    token = committed.token(district, Role.SHOPPER, subject_id=newcomer.id)
    client.cookies.set(COOKIE, token)
    address = f"/portal/{slug}?{venue.query(clock)}"

    async def press() -> int:
        answer = await client.post(
            address,
            data={"method": "click", "form_token": "x" * 24},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        return answer.status_code

    def holder() -> uuid.UUID:
        committed.session.expire_all()
        return committed.session.get_one(DeviceAlias, (district.id, members.alias_of(info, mac))).member_id

    venue.state.is_broken = True
    assert await press() == 503
    assert holder() == owner.id
    venue.state.is_broken = False
    assert await press() == 303
    assert holder() == newcomer.id


@pytest.mark.parametrize("venue", ["unifi"], indirect=True)
async def test_unifis_own_address_leads_to_the_gateway_of_its_site(  # noqa: PLR0917 pytest calls by name
    app: FastAPI,
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    venue: Venue,
    slug: str,
    clock: FixedClock,
) -> None:
    site, query = venue.options["site"], venue.query(clock)
    host = f"{uuid.uuid4().hex[:12]}.example"
    elsewhere = committed.district()

    async def asked(path: str = f"/guest/s/{site}/") -> httpx.Response:
        return await client.get(f"{path}?{query}", headers={"host": host})

    def unifi(district_id: uuid.UUID, public_url: str = "") -> Gateway:
        made = Gateway(
            district_id=district_id,
            slug=f"twin-{uuid.uuid4().hex[:8]}",
            vendor="unifi",
            secret="another-secret",
            options=venue.options,
            public_url=public_url,
            created_at=clock.now(),
        )
        committed.session.add(made)
        committed.session.commit()
        return made

    stranger = unifi(elsewhere.id)
    await refresh(app)
    lost = await asked()
    assert lost.status_code == 409
    assert "does not tell which district" in lost.text
    own = committed.session.scalars(select(Gateway).where(Gateway.slug == slug)).one()
    own.public_url = f"http://{host}/portal/{slug}"
    committed.session.commit()
    for path in (f"/guest/s/{site}/", f"/guest/s/{site}"):
        answer = await asked(path)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/portal/{slug}?{query}"
    assert (await asked("/guest/s/unknown-site/")).status_code == 404
    twin = unifi(district.id, f"http://{host}/portal/twin")
    page = await asked()
    assert page.status_code == 409
    assert "2 UniFi gateways serve the site" in page.text
    twin.public_url = "http://another.example/portal/twin"
    committed.session.commit()
    assert (await asked()).headers["location"] == f"/portal/{slug}?{query}"
    stranger.public_url = f"http://{host}/portal/stranger"
    committed.session.commit()
    assert (await asked()).status_code == 409, "two districts say that the host is theirs"


@pytest.mark.parametrize("venue", ["unifi"], indirect=True)
async def test_a_code_that_was_typed_while_the_controller_was_down_is_not_lost(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    venue: Venue,
    slug: str,
    clock: FixedClock,
) -> None:
    address = f"/portal/{slug}?{venue.query(clock)}"
    asked = await client.post(address, data={"method": "phone", "phone": "+358401234567"})
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert ticket is not None
    payload = committed.session.scalars(
        select(OutboxMessage.payload).where(OutboxMessage.district_id == district.id)
    ).one()
    form = {
        "method": "phone",
        "phone": "+358401234567",
        "ticket": ticket[1],
        "code": str(payload["code"]),
        "form_token": token_of(asked.text),
    }
    client.cookies.clear()
    venue.state.is_broken = True
    refused = await client.post(address, data=form)
    assert refused.status_code == 503
    assert ticket[1] in refused.text
    venue.state.is_broken = False
    again = await client.post(address, data=form | {"form_token": token_of(refused.text)})
    assert again.status_code == 303
    assert venue.is_in()
    me = await client.get("/v1/me", headers={"Authorization": f"Bearer {again.cookies[COOKIE]}"})
    assert me.json()["phone"] == "+358401234567"


async def test_who_was_sent_off_does_not_come_back_by_pressing_the_old_form(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    venue: Venue,
    slug: str,
    clock: FixedClock,
) -> None:
    address = f"/portal/{slug}?{venue.query(clock)}"
    form = {"method": "click", "form_token": "one-page-" + "a" * 20}
    assert (await client.post(address, data=form)).status_code == 303
    (row,) = sessions_of(committed, district)
    sessions.finish(row, "banned", at=clock.now())
    committed.session.commit()
    client.cookies.clear()
    assert (await client.post(address, data=form)).status_code == 400

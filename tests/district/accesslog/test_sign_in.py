"""A sign-in and its record are one commit; names and outer addresses only where the law asks for them."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.accesslog import service
from district.accesslog.models import AccessRecord
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.models import WifiSession
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.outbox.models import OutboxMessage
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
MAC, AP = "02:aa:22:33:44:66", "00:18:0a:13:dd:b0"
Portal = Callable[[], str]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


@pytest.fixture
async def district(app: FastAPI, committed: Makers) -> District:
    row = committed.district(country="FI")
    await refresh(app)
    return row


async def portal(app: FastAPI, makers: Makers, district: District, *, is_real_name: bool) -> Portal:
    slug = f"gw-{uuid.uuid4().hex[:10]}"
    new = NewGateway(slug=slug, vendor="click", secret=SECRET, methods=["click", "phone"])
    row = gateways.create(makers.session, makers.info(district), new, clock=makers.clock)
    row.is_real_name = is_real_name
    makers.done()
    await refresh(app)

    def address() -> str:
        makers.clock.advance(timedelta(seconds=1))
        query = redirect_query(
            SECRET, mac=MAC, ap=AP, url="http://example.com/", machine_now=makers.clock.machine_now()
        )
        return f"/portal/{slug}?{query}"

    return address


def records(makers: Makers, district: District) -> list[AccessRecord]:
    makers.session.expire_all()
    found = select(AccessRecord).where(AccessRecord.district_id == district.id)
    return list(makers.session.scalars(found.order_by(AccessRecord.number)))


async def test_a_tap_is_on_with_its_device_and_access_point_and_no_name(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    address = await portal(app, committed, district, is_real_name=False)
    assert (await client.post(address(), data={"method": "click"})).status_code == 303
    [on] = records(committed, district)
    row = committed.session.scalars(select(WifiSession).where(WifiSession.district_id == district.id)).one()
    assert (on.event, on.session, on.member_id) == ("on", str(row.id), row.member_id)
    assert (on.mac, on.access_point_mac, on.method) == ("02aa22334466", "00180a13ddb0", "click")
    assert (on.identity, on.outer_address, on.detail) == ("", "", "")
    assert service.verify(committed.session, district.id).fault is None


async def test_where_the_law_asks_for_names_the_number_and_the_outer_address_are_kept(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    address = await portal(app, committed, district, is_real_name=True)
    page = await client.post(address(), data={"method": "phone", "phone": "040 123 4567"})
    [ticket] = re.findall(r'name="ticket" value="([^"]+)"', page.text)
    message = committed.session.scalars(
        select(OutboxMessage).where(OutboxMessage.district_id == district.id)
    ).one()
    data = {"method": "phone", "phone": "040 123 4567", "ticket": ticket, "code": message.payload["code"]}
    assert (await client.post(address(), data=data)).status_code == 303
    [on] = records(committed, district)
    assert (on.identity, on.outer_address, on.method) == ("+358401234567", "127.0.0.1", "phone")


async def test_a_sign_in_that_fails_leaves_no_record(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    address = await portal(app, committed, district, is_real_name=True)
    assert (await client.post(address(), data={"method": "click"})).status_code == 422
    assert records(committed, district) == []

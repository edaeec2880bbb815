"""Sessions, bans, plans, access codes, RADIUS clients, providers and alarms on the operator's pages."""

import re
import uuid
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.gateways import service
from district.gateways.models import Ban, Gateway, Plan, SessionEnding, WifiSession
from district.gateways.schemas import NewGateway
from district.members.models import Alarm
from district.radius.models import RadiusClient, RadiusSession
from district.zones.models import AccessPoint
from tests.conftest import refresh
from tests.factories import Makers

PAGES = (
    "/operator/wifi/sessions",
    "/operator/wifi/bans",
    "/operator/wifi/plans",
    "/operator/access-codes",
    "/operator/wifi/radius",
    "/operator/wifi/providers",
    "/operator/wifi/texting",
    "/operator/alarms",
)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_has_an_empty_state_and_no_inline_code(
    operator: httpx.AsyncClient, path: str, lang: str
) -> None:
    answer = await operator.get(path, params={"lang": lang})
    assert answer.status_code == 200
    assert "empty-state" in answer.text
    assert not any(part in answer.text for part in (" style=", " onclick=", "hx-on", "javascript:"))


@pytest.mark.parametrize("path", PAGES)
async def test_only_operators_see_them(
    client: httpx.AsyncClient, merchant: httpx.AsyncClient, path: str
) -> None:
    for browser in (client, merchant):
        assert (await browser.get(path)).headers["location"].startswith("/login?role=operator")


@pytest.fixture
async def gateway(committed: Makers, district: District, app: FastAPI) -> Gateway:
    new = NewGateway(slug=f"gw-{district.slug}", vendor="click")
    row = service.create(committed.session, committed.info(district), new, clock=committed.clock)
    committed.done()
    await refresh(app)
    return row


def on_line(committed: Makers, district: District, gateway: Gateway) -> WifiSession:
    row = WifiSession(
        district_id=district.id,
        id=new_id(),
        gateway_id=gateway.id,
        member_id=committed.member(district).id,
        alias=uuid.uuid4().bytes,
        method="click",
        granted_at=committed.clock.now(),
    )
    committed.session.add(row)
    committed.done()
    return row


async def test_a_session_shows_its_volume_and_is_ended_once(
    operator: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    committed: Makers,
    district: District,
    gateway: Gateway,
) -> None:
    row = on_line(committed, district, gateway)
    now = committed.clock.now()
    told = RadiusSession(
        district_id=district.id,
        unique_id="u",
        wifi_session_id=row.id,
        started_at=now,
        updated_at=now,
        up_octets=1_048_576,
        down_octets=2_621_440,
    )
    committed.session.add(told)
    committed.done()
    page = (await operator.get("/operator/wifi/sessions")).text
    assert "3.5 MiB" in page
    assert row.alias[:4].hex() in page
    assert row.alias.hex() not in page
    path = f"/operator/wifi/sessions/{row.id}/end"
    assert (await stranger.post(path)).status_code == 404
    for _ in range(2):
        assert (await operator.post(path)).status_code == 303
    asked = select(SessionEnding).where(SessionEnding.wifi_session_id == row.id)
    assert len(committed.session.scalars(asked).all()) == 1
    after = (await operator.get("/operator/wifi/sessions")).text
    assert "Is being ended" in after
    assert f"{row.id}/end" not in after


async def test_a_ban_ends_the_session_and_is_lifted(
    operator: httpx.AsyncClient, committed: Makers, district: District, gateway: Gateway
) -> None:
    row = on_line(committed, district, gateway)
    page = (await operator.get("/operator/wifi/bans", params={"session": str(row.id)})).text
    assert f'value="{row.id}"' in page
    form = {"wifi_session_id": str(row.id), "reason": "<threats>", "until": "2026-05-02T12:00"}
    assert (await operator.post("/operator/wifi/bans", data=form)).status_code == 303
    ban = committed.session.scalars(select(Ban).where(Ban.district_id == district.id)).one()
    assert (ban.alias, ban.member_id) == (row.alias, row.member_id)
    assert ban.until == committed.clock.now() + timedelta(days=1)
    asked = select(SessionEnding).where(SessionEnding.wifi_session_id == row.id)
    assert committed.session.scalars(asked).one().reason == "banned"
    assert "&lt;threats&gt;" in (await operator.get("/operator/wifi/bans")).text
    assert (await operator.post(f"/operator/wifi/bans/{ban.id}/lift")).status_code == 303
    committed.session.expire_all()
    assert committed.session.scalars(select(Ban).where(Ban.district_id == district.id)).all() == []


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ({"mac": "nonsense"}, "f-mac"),
        ({"mac": "02:aa:22:33:44:66", "until": "2026-04-01T12:00"}, "f-until"),
        ({"mac": "02:aa:22:33:44:66", "until": "soon"}, "f-until"),
    ],
)
async def test_a_wrong_ban_is_told_at_its_field(
    operator: httpx.AsyncClient, form: dict[str, str], place: str
) -> None:
    answer = await operator.post("/operator/wifi/bans", data=form)
    assert answer.status_code == 422
    assert "field-error" in answer.text[answer.text.index(f'id="{place}"') :][:600]


async def test_a_plan_is_made_changed_and_removed_in_peoples_units(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    form = {
        "slug": "half-day",
        "name": "Half a day",
        "session_s": "240",
        "down_kbps": "2,5",
        "volume_kib": "512",
    }
    assert (await operator.post("/operator/wifi/plans", data=form)).status_code == 303
    row = committed.session.scalars(select(Plan).where(Plan.district_id == district.id)).one()
    assert (row.session_s, row.down_kbps, row.volume_kib, row.devices) == (14_400, 2_500, 524_288, None)
    page = (await operator.get("/operator/wifi/plans", params={"edit": "half-day"})).text
    assert 'value="2.5"' in page
    changed = {"edited": "half-day", "name": "Half", "session_s": "", "devices": "3"}
    assert (await operator.post("/operator/wifi/plans", data=changed)).status_code == 303
    committed.session.expire_all()
    assert (row.name, row.session_s, row.down_kbps, row.devices) == ("Half", None, None, 3)
    wrong = await operator.post("/operator/wifi/plans", data=form | {"slug": "x", "session_s": "soon"})
    assert wrong.status_code == 422
    assert "Give a whole number" in wrong.text
    assert (await operator.post("/operator/wifi/plans", data={"slug": "half-day"})).status_code == 422
    assert (await operator.post("/operator/wifi/plans/half-day/remove")).status_code == 303


async def test_a_batch_is_made_printed_and_ended(operator: httpx.AsyncClient) -> None:
    form = {"name": "Desk", "count": "3", "uses": "1", "valid_until": "2026-06-01T18:00"}
    assert (await operator.post("/operator/access-codes", data=form)).status_code == 303
    page = (await operator.get("/operator/access-codes")).text
    assert "0 of 3" in page
    batch = re.search(r"/operator/access-codes/([0-9a-f-]{36})/sheet", page)
    assert batch is not None
    table = await operator.get(f"/operator/access-codes/{batch[1]}.csv")
    assert len(table.text.splitlines()) == 4
    assert (await operator.get(f"/operator/access-codes/{batch[1]}/sheet")).status_code == 200
    assert (await operator.post(f"/operator/access-codes/{batch[1]}/revoke")).status_code == 303
    assert "ended" in (await operator.get("/operator/access-codes")).text
    wrong = await operator.post("/operator/access-codes", data=form | {"count": "9000"})
    assert wrong.status_code == 422
    assert "too large" in wrong.text


async def test_a_radius_clients_secret_is_shown_once(
    operator: httpx.AsyncClient, committed: Makers, district: District, gateway: Gateway
) -> None:
    form = {"name": "AP east", "address": "10.0.5.0/24", "gateway": gateway.slug}
    made = await operator.post("/operator/wifi/radius", data=form)
    row = committed.session.scalars(select(RadiusClient).where(RadiusClient.district_id == district.id)).one()
    assert row.gateway_id == gateway.id
    assert row.secret in made.text
    again = (await operator.get("/operator/wifi/radius")).text
    assert "AP east" in again
    assert row.secret not in again
    wrong = await operator.post("/operator/wifi/radius", data=form | {"name": "other", "address": "nowhere"})
    assert wrong.status_code == 422
    assert "field-error" in wrong.text
    assert (await operator.post(f"/operator/wifi/radius/{row.id}/remove")).status_code == 303


async def test_an_issuer_that_does_not_answer_is_told_at_its_field(operator: httpx.AsyncClient) -> None:
    form = {
        "slug": "own",
        "name": "Own",
        "issuer": "http://127.0.0.1:9",
        "client_id": "id",
        "client_secret": "very-secret",
    }
    answer = await operator.post("/operator/wifi/providers", data=form)
    assert answer.status_code == 422
    assert "field-error" in answer.text[answer.text.index('id="f-issuer"') :][:600]
    assert "very-secret" not in answer.text


async def test_an_alarm_is_counted_in_the_menu_until_it_is_seen(
    operator: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    committed: Makers,
    district: District,
    clock: FixedClock,
) -> None:
    alarm = Alarm(
        district_id=district.id,
        id=new_id(),
        kind="session_not_ended",
        subject="x",
        detail={"gateway": "gw", "answer": "<no>", "attempts": 10},
        at=clock.now(),
        last_at=clock.now(),
        times=3,
    )
    committed.session.add(alarm)
    committed.done()
    for path in ("/operator/alarms", "/operator"):
        assert ">1</span>" in (await operator.get(path)).text
    page = (await operator.get("/operator/alarms")).text
    assert "A session could not be ended" in page
    assert "&lt;no&gt;" in page
    assert (await stranger.post(f"/operator/alarms/{alarm.id}/seen")).status_code == 404
    assert (await operator.post(f"/operator/alarms/{alarm.id}/seen")).status_code == 303
    assert ">1</span>" not in (await operator.get("/operator")).text


async def test_access_points_are_tried_and_imported_on_a_page(
    operator: httpx.AsyncClient, stranger: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    path = "/operator/access-points/import"
    content = b"mac,name\n02:00:5e:10:00:01,<North>\nnonsense,South\n"
    mine = select(AccessPoint).where(AccessPoint.district_id == district.id)
    tried = await operator.post(path, files={"file": ("a.csv", content)}, data={"keep": ""})
    assert "What would happen" in tried.text
    assert "nonsense" in tried.text
    assert committed.session.scalars(mine).all() == []
    large = b"mac\n" + b"02:00:5e:10:00:02\n" * 100_000
    assert "more than 10000 rows" in (await operator.post(path, files={"file": ("b.csv", large)})).text
    kept = await operator.post(path, files={"file": ("a.csv", content)}, data={"keep": "yes"})
    assert "What was done" in kept.text
    assert [row.name for row in committed.session.scalars(mine)] == ["<North>"]
    assert (await operator.post(path)).status_code == 422
    foreign = {"sec-fetch-site": "cross-site"}
    refused = await operator.post(path, files={"file": ("a.csv", content)}, headers=foreign)
    assert refused.status_code == 403
    assert (await stranger.get(path)).status_code == 200

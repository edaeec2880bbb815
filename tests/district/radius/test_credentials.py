"""Members' own names for 802.1X, and the page that gives them."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.gateways.models import Ban, SessionEnding
from district.members.models import Consent, Member
from district.privacy import service as privacy
from district.radius import credentials, eap
from district.radius.credentials import MOST_A_DAY, MOST_AT_ONCE
from district.radius.models import RadiusCredential, RadiusProfileDelivery, RadiusSession
from tests.district.radius.conftest import World, body

REALM = "old-town.wifi.example"
OWN = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A member in his browser."""

    world: World
    member: Member
    token: str

    @property
    def page(self) -> str:
        """His page's path."""
        return f"/d/{self.world.district.slug}/wifi"

    async def get(self, path: str = "") -> httpx.Response:
        """Look."""
        return await self.world.client.get(self.page + path, headers=self._headers({}))

    async def post(self, path: str = "", **form: str) -> httpx.Response:
        """Press a button of the page."""
        return await self.world.client.post(self.page + path, data=form, headers=self._headers(OWN))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Cookie": f"district_session={self.token}", **more}

    def rows(self) -> list[RadiusCredential]:
        """His names, revoked ones as well."""
        found = select(RadiusCredential).where(RadiusCredential.member_id == self.member.id)
        self.world.makers.session.expire_all()
        return list(self.world.makers.session.scalars(found.order_by(RadiusCredential.created_at)))

    async def name(self) -> str:
        """Make a name."""
        assert (await self.post()).status_code == 303
        return self.rows()[-1].username


def visitor_of(world: World, member: Member | None = None) -> Visitor:
    """A member who agreed to access."""
    who = member or world.member()
    token = world.makers.token(world.district, Role.SHOPPER, subject_id=who.id)
    return Visitor(world=world, member=who, token=token)


def set_up(world: World, *, ssid: str = "") -> eap.Identity:
    """What `district radius render` leaves behind."""
    found = eap.prepare(
        world.makers.session,
        world.makers.info(world.district),
        eap.Wanted(ssid=ssid),
        kept=None,
        public_url=None,
        now=world.makers.clock.machine_now(),
    )
    world.makers.done()
    return found


@pytest.fixture
def visitor(world: World) -> Visitor:
    """In a district with 802.1X."""
    set_up(world, ssid="Members")
    return visitor_of(world)


async def test_nobody_is_led_to_the_sign_in(world: World) -> None:
    set_up(world)
    stranger = f"/m{'0' * 16}@{REALM}"
    page = f"/d/{world.district.slug}/wifi"
    for path in ("", f"{stranger}/apple.mobileconfig", f"{stranger}/passpoint", "/authority.cer"):
        assert (await world.client.get(page + path)).status_code == 401
    for path in ("", f"{stranger}/revoke", f"{stranger}/read"):
        assert (await world.client.post(page + path, headers=OWN)).status_code == 401


async def test_another_sites_form_makes_nothing(visitor: Visitor) -> None:
    cookie = {"Cookie": f"district_session={visitor.token}", "Sec-Fetch-Site": "cross-site"}
    assert (await visitor.world.client.post(visitor.page, headers=cookie)).status_code == 403
    assert visitor.rows() == []


async def test_a_district_without_it_says_so(world: World) -> None:
    visitor = visitor_of(world)
    assert "Not here yet" in (await visitor.get()).text
    assert (await visitor.post()).status_code == 503


async def test_a_name_is_random_and_lives_a_year(visitor: Visitor) -> None:
    await visitor.name()
    (row,) = visitor.rows()
    network = credentials.network_of(visitor.world.makers.session, visitor.world.district.id)
    assert network is not None
    assert row.username.partition("@")[2] == network.realm == f"{visitor.world.district.slug}.wifi.internal"
    assert len(set(row.password)) > 5
    assert len(row.password) * 4.95 > 128  # log2 of 31 letters
    assert row.expires_at - row.created_at == timedelta(days=365)
    assert str(visitor.member.id) not in row.username


async def test_a_name_opens_the_network_under_the_members_plan(visitor: Visitor) -> None:
    visitor.world.plan(session_s=1234)
    visitor.world.session(visitor.member)
    said = (await visitor.world.post("authorize", body(await visitor.name()))).json()
    assert said["control:Cleartext-Password"]["value"] == [visitor.rows()[0].password]
    assert said["reply:Session-Timeout"]["value"] == [1234]


async def test_a_member_has_only_so_many_at_once(visitor: Visitor) -> None:
    for _ in range(MOST_AT_ONCE):
        await visitor.name()
    refused = await visitor.post()
    assert refused.status_code == 409
    assert "remove one first" in refused.text
    first = visitor.rows()[0].username
    assert (await visitor.post(f"/{first}/revoke")).status_code == 303
    assert (await visitor.post()).status_code == 303


async def test_a_member_makes_only_so_many_a_day(visitor: Visitor, clock: FixedClock) -> None:
    for _ in range(MOST_A_DAY):
        assert (await visitor.post(f"/{await visitor.name()}/revoke")).status_code == 303
    assert (await visitor.post()).status_code == 429
    clock.advance(timedelta(days=2))
    late = visitor_of(visitor.world, visitor.member)
    assert (await late.post()).status_code == 303
    assert len(late.rows()) == 1, "what has been over for a day is gone"


async def test_who_has_not_agreed_to_access_agrees_under_its_words(world: World) -> None:
    set_up(world)
    visitor = visitor_of(world, world.makers.member(world.district))
    assert (await visitor.post()).status_code == 200
    assert visitor.rows() == []
    assert (await visitor.post(agreed="yes")).status_code == 303
    said = world.makers.session.scalars(
        select(Consent).where(Consent.member_id == visitor.member.id, Consent.purpose == "access")
    ).one()
    assert said.granted
    assert (said.source, said.text_hash is not None) == ("page:wifi", True)
    assert (await world.post("authorize", body(visitor.rows()[0].username))).status_code == 200


async def test_newer_terms_are_accepted_on_the_page_and_names_work_again(visitor: Visitor) -> None:
    username, world = await visitor.name(), visitor.world
    world.says(visitor.member, granted=True, text_hash=b"\1" * 32)
    assert (await world.post("authorize", body(username))).status_code == 401
    page = await visitor.get()
    assert f'action="{visitor.page}/terms"' in page.text
    assert "Make a profile" not in page.text
    world.makers.clock.advance(timedelta(seconds=1))
    assert (await visitor.post("/terms")).status_code == 303
    assert (await world.post("authorize", body(username))).status_code == 200
    assert f'action="{visitor.page}/terms"' not in (await visitor.get()).text


async def test_every_delivery_is_recorded_and_kept_by_nobody(visitor: Visitor) -> None:
    name = await visitor.name()
    apple, passpoint = (
        await visitor.get(f"/{name}/apple.mobileconfig"),
        await visitor.get(f"/{name}/passpoint"),
    )
    shown = await visitor.post(f"/{name}/read")
    assert [answer.status_code for answer in (apple, passpoint, shown)] == [200] * 3
    assert {answer.headers["cache-control"] for answer in (apple, passpoint, shown)} == {"no-store"}
    assert apple.headers["content-type"] == "application/x-apple-aspen-config"
    assert passpoint.headers["content-type"] == "application/x-wifi-config"
    assert passpoint.headers["content-transfer-encoding"] == "base64"
    assert "content-disposition" not in passpoint.headers, "Chrome would save it instead of installing it"
    assert visitor.rows()[0].password in shown.text
    forms = select(RadiusProfileDelivery.form).where(RadiusProfileDelivery.username == name)
    assert sorted(visitor.world.makers.session.scalars(forms)) == ["apple", "passpoint", "read"]
    assert "Given out 3 times" in (await visitor.get()).text


async def test_a_password_is_on_no_page_that_was_not_asked_for(visitor: Visitor) -> None:
    await visitor.name()
    assert visitor.rows()[0].password not in (await visitor.get()).text


async def test_another_members_name_does_not_exist(visitor: Visitor) -> None:
    name = await visitor.name()
    other = visitor_of(visitor.world)
    for path in (f"/{name}/apple.mobileconfig", f"/{name}/passpoint"):
        assert (await other.get(path)).status_code == 404
    for path in (f"/{name}/revoke", f"/{name}/read"):
        assert (await other.post(path)).status_code == 404
    assert visitor.rows()[0].revoked_at is None


@pytest.mark.parametrize("name", ["x", "m1@a", "%00", "m" + "0" * 400 + "@a.b"])
async def test_what_is_no_name_is_refused(visitor: Visitor, name: str) -> None:
    assert (await visitor.get(f"/{name}/passpoint")).status_code in {404, 422}


async def test_a_revoked_name_opens_nothing_and_its_sessions_end(visitor: Visitor) -> None:
    name = await visitor.name()
    world = visitor.world
    signed_in = world.session(visitor.member)
    world.session(visitor.member, mac="02aa22334477", method="802.1x")
    assert (await visitor.post(f"/{name}/revoke")).status_code == 303
    assert (await world.post("authorize", body(name))).status_code == 401
    assert (await visitor.get(f"/{name}/passpoint")).status_code == 404
    endings = world.makers.session.scalars(
        select(SessionEnding).where(SessionEnding.district_id == world.district.id)
    ).all()
    assert [ending.reason for ending in endings] == ["credential_revoked"]
    assert endings[0].wifi_session_id != signed_in.id


async def test_a_member_who_leaves_takes_names_and_deliveries_along(visitor: Visitor) -> None:
    name = await visitor.name()
    await visitor.get(f"/{name}/passpoint")
    world = visitor.world
    info = world.makers.info(world.district)
    privacy.erase(world.makers.session, info, visitor.member, clock=world.makers.clock)
    world.makers.done()
    assert visitor.rows() == []
    left = (
        select(func.count()).select_from(RadiusProfileDelivery).where(RadiusProfileDelivery.username == name)
    )
    assert world.makers.session.scalar(left) == 0
    assert (await world.post("authorize", body(name))).status_code == 401


async def test_bans_hold_for_names_as_well(visitor: Visitor) -> None:
    name = await visitor.name()
    world = visitor.world
    assert (await world.post("authorize", body(name))).status_code == 200
    row = Ban(
        district_id=world.district.id,
        id=new_id(),
        member_id=visitor.member.id,
        created_at=world.makers.clock.now(),
    )
    world.add(row)
    said = await world.post("authorize", body(name))
    assert said.status_code == 401
    assert "information desk" in said.text


async def test_limits_of_devices_and_quotas_hold_for_names_as_well(visitor: Visitor) -> None:
    world = visitor.world
    world.plan(devices=1, daily_s=3600)
    world.session(visitor.member)
    name = await visitor.name()
    now = world.makers.clock.now()
    world.add(
        RadiusSession(
            district_id=world.district.id,
            unique_id=uuid.uuid4().hex,
            member_id=visitor.member.id,
            alias=b"another device!!",
            started_at=now - timedelta(minutes=50),
            updated_at=world.makers.clock.machine_now(),
            session_s=3000,
            interim_s=300,
        )
    )
    assert "places are in use" in (await world.post("authorize", body(name))).text
    world.makers.session.execute(
        update(RadiusSession)
        .where(RadiusSession.district_id == world.district.id)
        .values(stopped_at=now, terminate_cause="User-Request")
    )
    world.makers.done()
    said = (await world.post("authorize", body(name))).json()
    assert said["reply:Session-Timeout"]["value"] == [600]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_speaks_both_languages(visitor: Visitor, language: str) -> None:
    await visitor.name()
    page = await visitor.get(f"?lang={language}")
    assert page.status_code == 200
    assert ("免认证上网" if language == "zh" else "Wi-Fi without signing in") in page.text

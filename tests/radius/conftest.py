"""A product and a FreeRADIUS in front of it, with a district, a gateway and a registered NAS."""

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from district.auth.models import Role
from district.clock import system
from district.database import new_id
from district.districts.models import District
from district.gateways.models import Gateway, Plan, WifiSession
from district.members import service as members
from district.members.models import Member
from district.radius.models import RadiusClient, RadiusToken
from district.radius.rendering import RenderedClient
from push.consent import Purpose
from tests.factories import Makers
from tests.product import Product
from tests.radius.gate import Gate
from tests.radius.server import MISSING, WHY_NOT, FreeRadius

SECRET = "a-secret-of-this-one-nas-0123"
MAC = "02aa22334466"
ACCESS_POINT = "0211223344aa"


def spelled(mac: str) -> str:
    """As NASes write it."""
    return "-".join(mac[at : at + 2] for at in range(0, 12, 2)).upper()


@dataclass(frozen=True, kw_only=True)
class Login:
    """A log-in that waits for its RADIUS request."""

    username: str
    password: str
    session_id: uuid.UUID
    member_id: uuid.UUID
    mac: str = MAC

    @property
    def lines(self) -> str:
        """The attributes that every request of it carries."""
        return request_lines(self.username, self.mac)


def request_lines(username: str, mac: str = MAC, *, nas: str = "10.0.0.1") -> str:
    """The attributes of a request."""
    return "\n".join(
        (
            f'User-Name = "{username}"',
            f"NAS-IP-Address = {nas}",
            'NAS-Identifier = "nas-1"',
            f'Calling-Station-Id = "{spelled(mac)}"',
            f'Called-Station-Id = "{spelled(ACCESS_POINT)}:Free Wi-Fi"',
            "NAS-Port-Type = Wireless-802.11",
        )
    )


class Venue:
    """One district with a gateway, behind the product."""

    def __init__(self, product: Product) -> None:
        self.product = product
        with product.makers() as makers:
            self.district: District = makers.district(slug=f"radius-{uuid.uuid4().hex[:8]}")
            self.info = makers.info(self.district)
            plan = Plan(
                district_id=self.district.id,
                id=new_id(),
                slug="visitor",
                session_s=3600,
                idle_s=600,
                down_kbps=5000,
                up_kbps=1000,
                volume_kib=6 << 20,
                created_at=makers.clock.now(),
            )
            makers.session.add(plan)
            makers.done()
            self.plan_id = plan.id
            self.gateway_id = self._gateway(makers, "lobby")
            self.other_gateway_id = self._gateway(makers, "roof")
            client = RadiusClient(
                district_id=self.district.id,
                id=new_id(),
                name="lobby",
                address="127.0.0.1",
                secret=SECRET,
                gateway_id=self.gateway_id,
                nas_identifier="",
                created_at=makers.clock.now(),
            )
            makers.session.add(client)
            makers.access_point(self.district, mac=ACCESS_POINT)
            self.key = makers.key(self.district, Role.RADIUS)
            makers.done()
        self.client = RenderedClient(
            id=str(client.id), name="lobby", address="127.0.0.1", secret=SECRET, fail_open=False
        )

    def _gateway(self, makers: Makers, name: str) -> uuid.UUID:
        row = Gateway(
            district_id=self.district.id,
            id=new_id(),
            slug=f"{name}-{uuid.uuid4().hex[:8]}",
            vendor="click",
            secret="x" * 16,
            plan_id=self.plan_id,
            created_at=makers.clock.now(),
        )
        makers.session.add(row)
        makers.done()
        return row.id

    def member(self, makers: Makers, *, language: str = "en") -> Member:
        """A member who agreed to access, with his device."""
        member = makers.member(self.district, language=language)
        members.decide(
            makers.session,
            self.info,
            member,
            purpose=Purpose.ACCESS,
            channel=None,
            granted=True,
            language=language,
            action="button",
            source="lobby",
            at=makers.clock.now(),
        )
        makers.done()
        return member

    def log_in(
        self,
        *,
        mac: str = MAC,
        language: str = "en",
        gateway_id: uuid.UUID | None = None,
        age: timedelta = timedelta(),
        password: str = "",
    ) -> Login:
        """What the sign-in page leaves behind: a session that is a claim, and its one-time token."""
        with self.product.makers() as makers:
            member = self.member(makers, language=language)
            now = makers.clock.now()
            session = WifiSession(
                district_id=self.district.id,
                id=new_id(),
                gateway_id=gateway_id or self.gateway_id,
                member_id=member.id,
                alias=members.alias_of(self.info, mac),
                method="click",
                granted_at=now,
                device_mac=mac,
                plan_id=self.plan_id,
                expires_at=now + timedelta(hours=1),
            )
            made = system.machine_now() - age
            token = RadiusToken(
                district_id=self.district.id,
                username=f"w{uuid.uuid4().hex}",
                password=password or secrets.token_urlsafe(18),
                gateway_id=session.gateway_id,
                mac=mac,
                member_id=member.id,
                wifi_session_id=session.id,
                created_at=made,
                expires_at=made + timedelta(seconds=120),
            )
            makers.session.add_all([session, token])
            makers.done()
        return Login(
            username=token.username,
            password=token.password,
            session_id=session.id,
            member_id=member.id,
            mac=mac,
        )


@pytest.fixture(scope="session")
def has_freeradius() -> None:
    """Skips where there is none."""
    if MISSING:
        pytest.skip(WHY_NOT)


@pytest.fixture(scope="module")
def venue(has_freeradius: None) -> Iterator[Venue]:
    """A product with one district: it ends with its module, as it is not idle when nobody asks."""
    with Product() as product:
        found = Venue(product)
        product.start(roles=("web", "worker"))
        yield found


@pytest.fixture(scope="module")
def gate(venue: Venue) -> Iterator[Gate]:
    """The way from FreeRADIUS to the portal."""
    found = Gate(venue.product.address)
    yield found
    found.shut()


@pytest.fixture(scope="module")
def radius(venue: Venue, gate: Gate) -> Iterator[FreeRadius]:
    """FreeRADIUS in front of it."""
    with FreeRadius(gate.url, venue.key, [venue.client]) as server:
        yield server

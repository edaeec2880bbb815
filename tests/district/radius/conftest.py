"""A district with a gateway, a registered NAS and members who agreed to access."""

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.database import new_id
from district.districts.models import District
from district.gateways.models import Gateway, Plan, WifiSession
from district.members import service as members
from district.members.models import Consent, DeviceAlias, Member
from district.members.texts import consent_text
from district.radius.models import RadiusClient, RadiusToken
from push.consent import Purpose
from tests.conftest import refresh
from tests.factories import Makers

MAC = "02aa22334466"
OTHER_MAC = "02aa22334477"


def spelled(mac: str) -> str:
    """As NASes write it."""
    return "-".join(mac[at : at + 2] for at in range(0, 12, 2)).upper()


def body(username: str, *, mac: str = MAC, **attributes: Any) -> dict[str, Any]:
    """A request as rlm_rest writes it."""
    given = {
        "User-Name": username,
        "Calling-Station-Id": spelled(mac),
        "NAS-IP-Address": "10.0.0.1",
        "NAS-Identifier": "nas-1",
    }
    given |= {name.replace("_", "-"): value for name, value in attributes.items()}
    return {name: {"type": "string", "value": [value]} for name, value in given.items()}


@dataclass(kw_only=True)
class World:
    """Rows, and the interface that reads them."""

    makers: Makers
    client: httpx.AsyncClient
    app: FastAPI
    district: District
    gateway: Gateway
    key: str
    operator: str
    members: list[Member] = field(default_factory=list)

    async def post(self, path: str, document: Any, *, key: str | None = None) -> httpx.Response:
        """What FreeRADIUS does."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return await self.client.post(f"/v1/radius/{path}", json=document, headers=headers)

    def add(self, *rows: Any) -> None:
        """Commit rows."""
        self.makers.session.add_all(rows)
        self.makers.done()

    def plan(self, **limits: Any) -> Plan:
        """A plan, from now on the gateway's."""
        row = Plan(
            district_id=self.district.id,
            id=new_id(),
            slug=f"p-{uuid.uuid4().hex[:8]}",
            created_at=self.makers.clock.now(),
            **limits,
        )
        self.add(row)
        self.gateway.plan_id = row.id
        self.makers.done()
        return row

    def member(self, **values: Any) -> Member:
        """A member who agreed to access."""
        member = self.makers.member(self.district, **values)
        self.says(member, granted=True)
        return member

    def says(self, member: Member, *, granted: bool, text_hash: bytes | None = None) -> None:
        """A word on access, later than any before."""
        self.makers.clock.advance(timedelta(seconds=1))
        self.add(
            Consent(
                district_id=self.district.id,
                id=new_id(),
                member_id=member.id,
                purpose="access",
                granted=granted,
                text_hash=text_hash or consent_text(Purpose.ACCESS, None, "en").hash,
                action="button",
                at=self.makers.clock.now(),
            )
        )

    def session(self, member: Member, *, mac: str = MAC, **values: Any) -> WifiSession:
        """A Wi-Fi session, confirmed unless the test says otherwise."""
        now = self.makers.clock.now()
        given: dict[str, Any] = {
            "gateway_id": self.gateway.id,
            "method": "click",
            "granted_at": now,
            "device_mac": mac,
            "plan_id": self.gateway.plan_id,
            "expires_at": now + timedelta(hours=1),
            "confirmed_at": now,
            "confirmed_by": "radius",
        }
        row = WifiSession(
            district_id=self.district.id,
            id=new_id(),
            member_id=member.id,
            alias=members.alias_of(self.makers.info(self.district), mac),
            **(given | values),
        )
        self.add(row)
        return row

    def device(self, member: Member, *, mac: str = MAC, age: timedelta = timedelta()) -> None:
        """A device that was the member's a while ago."""
        seen = self.makers.clock.now() - age
        self.add(
            DeviceAlias(
                district_id=self.district.id,
                alias=members.alias_of(self.makers.info(self.district), mac),
                member_id=member.id,
                randomised=True,
                first_seen_at=seen,
                last_seen_at=seen,
            )
        )

    def token(self, member: Member, *, mac: str = MAC, **values: Any) -> RadiusToken:
        """A one-time token and the session behind it."""
        session = self.session(member, mac=mac, confirmed_at=None, confirmed_by="")
        machine_now = self.makers.clock.machine_now()
        given: dict[str, Any] = {
            "username": f"w{uuid.uuid4().hex}",
            "password": secrets.token_urlsafe(18),
            "gateway_id": self.gateway.id,
            "created_at": machine_now,
            "expires_at": machine_now + timedelta(seconds=120),
        }
        row = RadiusToken(
            district_id=self.district.id,
            mac=mac,
            member_id=member.id,
            wifi_session_id=session.id,
            **(given | values),
        )
        self.add(row)
        return row


@pytest.fixture
async def world(committed: Makers, app: FastAPI, client: httpx.AsyncClient) -> World:
    """A district of its own."""
    district = committed.district()
    gateway = Gateway(
        district_id=district.id,
        id=new_id(),
        slug=f"g-{uuid.uuid4().hex[:8]}",
        vendor="click",
        secret="x" * 16,
        created_at=committed.clock.now(),
    )
    committed.session.add(gateway)
    committed.done()
    committed.session.add(
        RadiusClient(
            district_id=district.id,
            id=new_id(),
            name="lobby",
            address="10.0.0.0/24",
            secret="x" * 24,
            gateway_id=gateway.id,
            created_at=committed.clock.now(),
        )
    )
    committed.done()
    found = World(
        makers=committed,
        client=client,
        app=app,
        district=district,
        gateway=gateway,
        key=committed.key(district, Role.RADIUS),
        operator=committed.token(district, Role.OPERATOR),
    )
    await refresh(app)
    return found

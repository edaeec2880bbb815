"""Somebody on line behind a NAS, as the portal and accounting have recorded it."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.gateways.models import Gateway, WifiSession
from district.members import service as members
from district.members.models import Member
from district.radius.models import RadiusClient, RadiusSession
from tests.district.radius.nas import SECRET
from tests.factories import Makers

MAC = "02aa22334466"


@dataclass(frozen=True, kw_only=True)
class OnLine:
    """Rows of one session."""

    district: District
    gateway: Gateway
    member: Member
    wifi: WifiSession
    session_id: str


def gateway_row(makers: Makers, district: District, clock: FixedClock, **values: Any) -> Gateway:
    """A gateway without a server of its own."""
    given: dict[str, Any] = {
        "id": new_id(),
        "slug": f"gw-{uuid.uuid4().hex[:10]}",
        "vendor": "coovachilli",
        "secret": "a-secret-of-the-gateway",
        "created_at": clock.now(),
    }
    row = Gateway(district_id=district.id, **(given | values))
    makers.session.add(row)
    makers.done()
    return row


def nas_of(makers: Makers, district: District, gateway: Gateway, *, port: int, clock: FixedClock) -> None:
    """The gateway as a RADIUS client on this machine."""
    makers.session.add(
        RadiusClient(
            district_id=district.id,
            id=new_id(),
            name=gateway.slug,
            address="127.0.0.1/32",
            secret=SECRET,
            gateway_id=gateway.id,
            coa_port=port,
            created_at=clock.now(),
        )
    )
    makers.done()


def wifi_row(
    makers: Makers,
    district: District,
    gateway: Gateway,
    member: Member,
    clock: FixedClock,
    *,
    mac: str = MAC,
    **values: Any,
) -> WifiSession:
    """A session that the portal opened."""
    given: dict[str, Any] = {
        "id": new_id(),
        "alias": members.alias_of(makers.info(district), mac),
        "method": "click",
        "granted_at": clock.now(),
        "expires_at": clock.now() + timedelta(hours=8),
        "device_mac": mac,
        "grant": {},
    }
    row = WifiSession(district_id=district.id, gateway_id=gateway.id, member_id=member.id, **(given | values))
    makers.session.add(row)
    makers.done()
    return row


def told_by_accounting(
    makers: Makers,
    district: District,
    clock: FixedClock,
    *,
    session_id: str,
    wifi: WifiSession | None = None,
    member: Member | None = None,
    gateway: Gateway | None = None,
) -> RadiusSession:
    """The same session as its NAS tells it."""
    row = RadiusSession(
        district_id=district.id,
        unique_id=uuid.uuid4().hex,
        session_id=session_id,
        username="w1",
        nas_address="127.0.0.1",
        nas_identifier="mall-east",
        gateway_id=gateway.id if gateway else None,
        wifi_session_id=wifi.id if wifi else None,
        member_id=member.id if member else None,
        alias=wifi.alias if wifi else None,
        calling_station="02-AA-22-33-44-66",
        started_at=clock.now(),
        updated_at=clock.machine_now(),
    )
    makers.session.add(row)
    makers.done()
    return row


def on_line(makers: Makers, clock: FixedClock, *, port: int) -> OnLine:
    """A member on line behind the NAS that listens at a port of this machine."""
    district = makers.district(country="FI")
    gateway = gateway_row(makers, district, clock)
    nas_of(makers, district, gateway, port=port, clock=clock)
    member = makers.member(district)
    wifi = wifi_row(makers, district, gateway, member, clock)
    session_id = uuid.uuid4().hex[:12]
    told_by_accounting(
        makers, district, clock, session_id=session_id, wifi=wifi, member=member, gateway=gateway
    )
    return OnLine(district=district, gateway=gateway, member=member, wifi=wifi, session_id=session_id)

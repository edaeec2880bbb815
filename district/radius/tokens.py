"""One-time tokens: the password of one login, for RADIUS to check."""

import secrets
import uuid
from datetime import timedelta

from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways.dialect import Arrival
from district.gateways.models import Gateway, WifiSession
from district.radius.models import RadiusToken

LIFE = timedelta(seconds=120)
TOKEN_BYTES = 18
"""144 bits."""


def issue(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    row: WifiSession,
    *,
    clock: Clock,
) -> tuple[str, str]:
    """A user name and password for this one login, bound to its device and gateway."""
    now = clock.machine_now()
    username, password = f"w{uuid.uuid4().hex}", secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        RadiusToken(
            district_id=district.id,
            username=username,
            password=password,
            gateway_id=gateway.id,
            mac=arrival.mac,
            member_id=row.member_id,
            wifi_session_id=row.id,
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    return username, password

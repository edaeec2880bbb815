"""Vendors' servers in threads of their own, and how the product's side is pointed at them."""

import uuid
from collections.abc import Mapping
from typing import Any

from district.gateways.caller import Caller
from district.gateways.controllers import caller_for
from district.gateways.dialect import GatewayInfo, Login, PlanInfo
from district.gateways.options import checked

PLAN = PlanInfo(session_s=3_601, idle_s=900, down_kbps=5_000, up_kbps=2_000, volume_kib=1_500_000)


def gateway_of(vendor: str, options: Mapping[str, Any], **values: Any) -> GatewayInfo:
    """A registered gateway, its options checked as at its registration."""
    given: dict[str, Any] = {
        "slug": "gw",
        "vendor": vendor,
        "secret": "a-secret-of-the-gateway",
        "public_url": "",
        "options": checked(vendor, options),
    }
    return GatewayInfo(**(given | values))


def calling(gateway: GatewayInfo) -> Caller:
    """A conversation with a server on this machine."""
    return caller_for(gateway, allows_loopback=True)


def login_of(plan: PlanInfo = PLAN) -> Login:
    """Somebody who may go on line."""
    return Login(
        session_id=uuid.uuid4(),
        username="w1",
        password="a-one-time-token",
        plan=plan,
        landing_url="http://portal.example/welcome",
    )

"""Asking a vendor's server to let somebody in, and what remains when it does not."""

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from district.clock import Clock
from district.gateways import redirect_events
from district.gateways.controllers import caller_for
from district.gateways.dialect import Arrival, GatewayInfo, Login
from district.gateways.models import Gateway, RedirectUse
from district.gateways.redirect_events import Outcome
from district.gateways.vendors import CONTROLLERS
from district.problems import DistrictError, Unavailable

log = structlog.get_logger()


class NotAdmitted(Unavailable):
    """The vendor's server has not let the person in. Nothing is lost: the same button works again."""

    slug, title = "not-admitted", "The Wi-Fi did not answer"

    def __init__(self) -> None:
        super().__init__(
            "The Wi-Fi did not answer just now. Press the button again in a moment: nothing was lost.",
            detail_zh="无线网络暂时没有响应。请稍后再按一次按钮，您填写的内容都已保留。",
        )


def admit(gateway: GatewayInfo, arrival: Arrival, login: Login, *, allows_loopback: bool) -> None:
    """Ask the vendor's server, outside any transaction. Raises: ControllerRefused, ControllerUnavailable."""
    with caller_for(gateway, allows_loopback=allows_loopback) as caller:
        CONTROLLERS[gateway.vendor].admit(gateway, arrival.mac, arrival.grant, login, caller)


def give_back(
    session: Session,
    gateway: Gateway,
    arrival: Arrival,
    error: DistrictError,
    *,
    clock: Clock,
    raw_query: bytes = b"",
) -> None:
    """Let the redirect be used again, and tell the operator what the server said."""
    session.execute(
        update(RedirectUse)
        .where(
            RedirectUse.district_id == gateway.district_id,
            RedirectUse.gateway_id == gateway.id,
            RedirectUse.fingerprint == arrival.fingerprint,
        )
        .values(released_at=clock.machine_now())
    )
    redirect_events.note(
        session, gateway, Outcome.FAILED, clock=clock, raw_query=raw_query, detail=error.detail
    )
    log.warning("gateway.not_admitted", gateway=gateway.slug, error=error.slug)


def keep(session: Session, gateway: Gateway, arrival: Arrival) -> None:
    """The person is in: the redirect is used up for good."""
    session.execute(
        update(RedirectUse)
        .where(
            RedirectUse.district_id == gateway.district_id,
            RedirectUse.gateway_id == gateway.id,
            RedirectUse.fingerprint == arrival.fingerprint,
        )
        .values(released_at=None)
    )

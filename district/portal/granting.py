"""From a sign-in to its gateway: what the gateway needs, what it fetches, and what it confirmed."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import plans
from district.gateways import service as gateways
from district.gateways import sessions as sessions_of_wifi
from district.gateways.dialect import Arrival, BadRedirect, Confirmation, Login, Queue
from district.gateways.models import Gateway, QueuedGrant, WifiSession
from district.portal.choice import SignedIn
from district.radius import tokens


def login_of(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    done: SignedIn,
    *,
    landing_url: str,
    clock: Clock,
) -> Login:
    """What the gateway needs to let the person in. Raises: BadRedirect when the login is gone."""
    row = done.wifi_session
    if row is None or row.ended_at is not None:
        raise BadRedirect("The redirect was used before: connect to the Wi-Fi again.")
    username = password = ""
    if gateways.DIALECTS[gateway.vendor].needs_login:
        username, password = tokens.issue(session, district, gateway, arrival, row, clock=clock)
    return Login(
        session_id=row.id,
        username=username,
        password=password,
        plan=plans.plan_of(session, district.id, row.plan_id),
        landing_url=landing_url,
    )


def enqueue(session: Session, gateway: Gateway, step: Queue, login: Login, *, clock: Clock) -> None:
    """Leave a grant for its gateway to fetch; the same login twice is one, a later login of the device replaces it."""
    values = {
        "district_id": gateway.district_id,
        "gateway_id": gateway.id,
        "token": step.token,
        "wifi_session_id": login.session_id,
        "entry": step.entry,
        "router": step.router,
        "created_at": clock.machine_now(),
        "sent_at": None,
        "acknowledged_at": None,
    }
    statement = insert(QueuedGrant).values(values)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[QueuedGrant.district_id, QueuedGrant.gateway_id, QueuedGrant.token],
            set_=values,
            where=QueuedGrant.wifi_session_id != statement.excluded.wifi_session_id,
        )
    )


def confirm(session: Session, district: DistrictInfo, login: Login, *, clock: Clock) -> None:
    """The vendor's server let the device in: it is real."""
    row = session.get(WifiSession, (district.id, login.session_id))
    if row is not None:
        sessions_of_wifi.confirm(session, district, row, Confirmation.CONTROLLER, clock=clock)

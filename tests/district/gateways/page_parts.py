"""What tests of the sign-in page share: where a vendor's redirect leads, and what a login left behind."""

from sqlalchemy import Engine, select

from district.clock import FixedClock
from district.database import make_sessions
from district.districts.models import District
from district.gateways.models import WifiSession
from district.radius.models import RadiusToken
from tests.district.gateways.redirect_makers import query, slug_of

CLICK = {"method": "click"}


def address(form: str, district: District, clock: FixedClock, **changed: str) -> str:
    slug = slug_of(form, district)
    return f"/portal/{slug}?{query(form, slug, clock.machine_now(), changed)}"


def token_of(engine: Engine, district: District) -> RadiusToken:
    with make_sessions(engine)() as session:
        found = select(RadiusToken).where(RadiusToken.district_id == district.id)
        return session.scalars(found.order_by(RadiusToken.created_at.desc())).first()  # type: ignore[return-value]


def sessions_of(engine: Engine, district: District) -> list[WifiSession]:
    with make_sessions(engine)() as session:
        found = select(WifiSession).where(WifiSession.district_id == district.id)
        return list(session.scalars(found.order_by(WifiSession.id)))

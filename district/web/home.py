"""The front door: what the product is, and in a demo a way in for every kind of person."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.auth import service as auth
from district.auth.models import Account, Role
from district.auth.principals import Anyone
from district.auth.service import IssuedToken
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.districts.service import DistrictInfo, Registry, RegistryDep
from district.problems import NotFound
from district.stores.book import DistrictStores, Found
from district.web.formats import number
from district.web.language import Language, Tongue, negotiate, speaking
from district.web.language import gettext as _
from district.web.login import home_of
from district.web.security import require_own_form
from district.web.session_cookie import remember
from district.web.shells import shell_of
from district.web.templating import Shell, environment, render
from district.zones.picture import draw
from geo.coordinates import LonLat
from geo.nearest import Wishes

router = APIRouter()
DOORS = (Role.SHOPPER, Role.MERCHANT, Role.OPERATOR)
PINS = 6
FIGURES_SQL = """
SELECT (SELECT count(*) FROM campaign WHERE district_id = :district_id AND state = 'live'),
       (SELECT count(*) FROM member WHERE district_id = :district_id AND state = 'active')
"""


def demo_district(registry: Registry, slug: str = "") -> DistrictInfo:
    """The demo district that is named, else the first one. A real district is none. Raises: NotFound."""
    labelled = [info for info in registry.by_slug.values() if info.label]
    if slug:
        labelled = [info for info in labelled if info.slug == slug]
    if not labelled:
        raise NotFound("There is no such demo district here.")
    return labelled[0]


def shown_district(registry: Registry, slug: str) -> DistrictInfo | None:
    """The district of the front door: the one that is named, else a demo, else the first."""
    if slug in registry.by_slug:
        return registry.by_slug[slug]
    infos = sorted(registry.by_slug.values(), key=lambda info: not info.label)
    return infos[0] if infos else None


@router.get("/")
def home(
    request: Request,
    registry: RegistryDep,
    session: DbSession,
    clock: ClockDep,
    principal: Anyone,
    district: str = "",
) -> Response:
    """What this is, with doors."""
    found = shown_district(registry, district)
    return render(
        request,
        "home.html",
        shell=shell_of(request, found, principal) if found else Shell(),
        now=clock.now(),
        picture=_picture(request, session, found, clock) if found else "",
        figures=_figures(request, session, found) if found else [],
        portal_address=_first_step(found),
        log_ins=_log_ins(session, found) if found else {},
    )


def _first_step(district: DistrictInfo | None) -> str:
    if district is None:
        return "/login"
    return f"/demo/join?district={district.slug}" if district.label else f"/d/{district.slug}"


def _log_ins(session: Session, district: DistrictInfo) -> dict[str, str]:
    """The demo's user names by role; none in a real district."""
    if not district.label:
        return {}
    names = {demo_name(role, district): role.value for role in DOORS}
    known = session.scalars(select(Account.username).where(Account.username.in_(names)))
    return {names[name]: name for name in known}


def demo_name(role: Role, district: DistrictInfo) -> str:
    """The user name that the demo's loader gives to a role."""
    return f"{role}.{district.slug}"


def _figures(request: Request, session: Session, district: DistrictInfo) -> list[dict[str, str]]:
    campaigns, members = session.execute(text(FIGURES_SQL), {"district_id": district.id}).one()
    book: DistrictStores | None = request.app.state.store_book.value.by_district.get(district.id)
    with speaking(Tongue(language=negotiate(request))):
        shown = (
            (len(book.stores) if book else 0, _("places")),
            (campaigns, _("live campaigns")),
            (members, _("members")),
        )
        return [{"value": number(count), "label": label} for count, label in shown if count]


def _picture(request: Request, session: Session, district: DistrictInfo, clock: Clock) -> Markup:
    """The middle of the district with a few stores that have an offer."""
    language = negotiate(request)
    picture = draw(
        session,
        district,
        district.center,
        [found.facts.position for found in near_offers(request, district, clock)],
        is_chinese=language is Language.ZH,
    )
    if picture is None:
        return Markup()
    return Markup(  # noqa: S704 our own template, which escapes
        environment().get_template("demo/picture.html").render(picture=picture, district=district)
    )


def near_offers(
    request: Request, district: DistrictInfo, clock: Clock, *, around: LonLat | None = None
) -> list[Found]:
    """The stores with an offer that are nearest to a place, by default the centre."""
    book: DistrictStores | None = request.app.state.store_book.value.by_district.get(district.id)
    if book is None:
        return []
    wishes = Wishes(has_offer=True)
    return book.nearest(around or district.center, now=clock.now(), limit=PINS, wishes=wishes)


@router.post("/login/demo", dependencies=[Depends(require_own_form)])
def enter(
    request: Request,
    registry: RegistryDep,
    session: DbSession,
    clock: ClockDep,
    role: Annotated[str, Form(max_length=20)] = "",
    district: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """One click into a demo: a session of the demo's own account of this role."""
    found = demo_district(registry, district)
    wanted = Role(role) if role in DOORS else None
    if wanted is None:
        raise NotFound("There is no such door.")
    token = _open(session, found, wanted, clock)
    target = f"/d/{found.slug}" if wanted is Role.SHOPPER else home_of(wanted)
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    remember(request, response, token)
    return response


def _open(session: Session, district: DistrictInfo, role: Role, clock: Clock) -> IssuedToken:
    """A session as a log-in with the password gives it. Raises: NotFound."""
    account = session.scalar(
        select(Account).where(
            Account.username == demo_name(role, district), Account.district_id == district.id
        )
    )
    if account is None:
        raise NotFound("This demo has no such account.")
    is_shopper = role is Role.SHOPPER
    return auth.open_session(
        session,
        role=role,
        district_id=district.id,
        district_slug=district.slug,
        subject_id=account.scope_id if is_shopper and account.scope_id else account.id,
        scope_id=None if is_shopper else account.scope_id,
        clock=clock,
    )

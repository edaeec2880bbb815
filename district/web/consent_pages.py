"""Who may advertise in whose building: for properties, and for the operator on their behalf."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns import consents, finding
from district.campaigns.consents import NewConsent, Withdrawal
from district.campaigns.schemas import CampaignOut
from district.campaigns.shared_models import TerritoryConsent
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.merchants.models import Merchant
from district.problems import Conflict, Invalid, NotFound
from district.stores.models import Property
from district.web.explained import explained
from district.web.language import negotiate
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
PropertyStaff = Annotated[Staff, Depends(staff(Role.PROPERTY))]
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_CHOICES = 500


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A property that somebody speaks for, and at which address."""

    here: Staff
    place_id: uuid.UUID
    base: str
    layout: str


def own_desk(here: PropertyStaff) -> Desk:
    """The property's own."""
    if here.principal.scope_id is None:
        raise NotFound("This account belongs to no property.")
    return Desk(here=here, place_id=here.principal.scope_id, base="/property", layout="layouts/property.html")


def operators_desk(property_id: uuid.UUID, here: Operator) -> Desk:
    """The operator on a property's behalf."""
    base = f"/operator/properties/{property_id}"
    return Desk(here=here, place_id=property_id, base=base, layout="layouts/operator.html")


@router.get("/operator/properties")
def list_properties(request: Request, here: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """The district's properties, and how many consents stand."""
    standing = (
        select(func.count())
        .where(
            TerritoryConsent.district_id == Property.district_id,
            TerritoryConsent.property_id == Property.id,
            TerritoryConsent.withdrawn_at.is_(None),
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(Property, standing)
        .where(Property.district_id == here.district.id)
        .order_by(Property.name, Property.id)
        .limit(MOST_CHOICES)
    ).all()
    shell = here.shell(request, badges=waiting(session, here.district.id))
    return render(request, "operator/properties.html", shell=shell, now=clock.now(), properties=rows)


def _page(
    request: Request, desk: Desk, session: Session, clock: Clock, *, said: str = "", error: str = ""
) -> HTMLResponse:
    principal, district_id = desk.here.principal, desk.here.district.id
    place = consents.of_property(session, principal, desk.place_id)
    others = select(Property.id, Property.name).where(
        Property.district_id == district_id, Property.id != place.id
    )
    merchants = select(Merchant.id, Merchant.name).where(Merchant.district_id == district_id)
    campaigns: list[CampaignOut] = []
    if principal.role is Role.PROPERTY:
        campaigns, _following = finding.page(session, district_id, principal, limit=100)
    badges = waiting(session, district_id) if principal.role is Role.OPERATOR else {}
    return render(
        request,
        "staff/consents.html",
        shell=desk.here.shell(request, badges=badges),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        layout=desk.layout,
        base=desk.base,
        place=place,
        consents=consents.of(session, place),
        merchants=session.execute(merchants.order_by(Merchant.name).limit(MOST_CHOICES)).all(),
        properties=session.execute(others.order_by(Property.name).limit(MOST_CHOICES)).all(),
        campaigns=campaigns,
        said=said if said == "granted" or (said.isascii() and said.isdigit()) else "",
        error=error,
    )


def _grant(
    request: Request, desk: Desk, session: Session, clock: Clock, *, grantee: str, note: str
) -> Response:
    kind, _, id_ = grantee.partition(" ")
    place = consents.of_property(session, desk.here.principal, desk.place_id)
    try:
        new = NewConsent.model_validate({"kind": kind, "id": id_ or None, "note": note})
        consents.grant(session, desk.here.principal, place, new, clock=clock)
    except ValidationError:
        wrong = Invalid("Choose who may.", detail_zh="请选择对象。")
        return _page(request, desk, session, clock, error=explained(wrong, negotiate(request)))
    except Invalid as refused:
        return _page(request, desk, session, clock, error=explained(refused, negotiate(request)))
    return RedirectResponse(f"{desk.base}?said=granted", HTTPStatus.SEE_OTHER)


def _withdraw(
    request: Request, desk: Desk, session: Session, clock: Clock, *, consent_id: uuid.UUID, reason: str
) -> Response:
    principal = desk.here.principal
    place = consents.of_property(session, principal, desk.place_id)
    try:
        done = consents.withdraw(
            session, principal, place, consent_id, Withdrawal(reason=reason), clock=clock
        )
    except Conflict as refused:
        return _page(request, desk, session, clock, error=explained(refused, negotiate(request)))
    return RedirectResponse(f"{desk.base}?said={len(done.paused)}", HTTPStatus.SEE_OTHER)


def _serve(base: str, desk_of: Callable[..., Desk]) -> None:
    """The same three pages at the property's address and at the operator's."""
    desk_type: Any = Annotated[Desk, Depends(desk_of)]

    def page(
        request: Request, desk: desk_type, session: DbSession, clock: ClockDep, said: str = ""
    ) -> HTMLResponse:
        return _page(request, desk, session, clock, said=said[:20])

    def grant(
        request: Request,
        desk: desk_type,
        session: DbSession,
        clock: ClockDep,
        grantee: Annotated[str, Form(max_length=80)],
        note: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        return _grant(request, desk, session, clock, grantee=grantee, note=note)

    def withdraw(
        consent_id: uuid.UUID,
        request: Request,
        desk: desk_type,
        session: DbSession,
        clock: ClockDep,
        reason: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        return _withdraw(request, desk, session, clock, consent_id=consent_id, reason=reason)

    own = [Depends(require_own_form)]
    router.add_api_route(base, page, methods=["GET"])
    router.add_api_route(f"{base}/consents", grant, methods=["POST"], dependencies=own)
    router.add_api_route(
        f"{base}/consents/{{consent_id}}/withdraw", withdraw, methods=["POST"], dependencies=own
    )


_serve("/property", own_desk)
_serve("/operator/properties/{property_id}", operators_desk)

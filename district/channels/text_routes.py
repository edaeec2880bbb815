"""Operators' interface to texts on file."""

import uuid
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.principals import Operator
from district.channels import text_service
from district.channels.models import TextTemplate
from district.channels.text_schemas import NewTextTemplate, TextTemplateChange, TextTemplateView
from district.clock import ClockDep
from district.database import DbSession
from district.districts import paging
from district.districts.paging import Page, PlaceDep
from district.districts.service import DistrictDep

router = APIRouter(tags=["channels"])
TEXTS = "/v1/districts/{d}/text-templates"


@router.post(TEXTS, status_code=HTTPStatus.CREATED, response_model=TextTemplateView)
def create(
    new: NewTextTemplate,
    request: Request,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Enter a text that is on file, or shall be."""
    once = idempotency.Request(principal=operator, path=request.url.path, key=key, body=new)
    return idempotency.once(
        session,
        once,
        lambda: text_service.view(session, text_service.make(session, district, new, clock=clock)),
        machine_now=clock.machine_now(),
    )


@router.get(TEXTS)
def list_(
    operator: Operator, district: DistrictDep, session: DbSession, at: PlaceDep
) -> Page[TextTemplateView]:
    """The district's texts."""
    wanted = select(TextTemplate).where(TextTemplate.district_id == district.id)
    return paging.read(session, wanted, TextTemplate.id, at, lambda row: text_service.view(session, row))


@router.get(TEXTS + "/{template_id}")
def get(
    template_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession
) -> TextTemplateView:
    """One text."""
    return text_service.view(session, text_service.find(session, district.id, template_id))


@router.patch(TEXTS + "/{template_id}")
def change(
    template_id: uuid.UUID,
    changed: TextTemplateChange,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> TextTemplateView:
    """Change a text or how its filings stand; workers have it within seconds."""
    row = text_service.find(session, district.id, template_id)
    return text_service.view(session, text_service.change(session, row, changed, clock=clock))


@router.delete(TEXTS + "/{template_id}", status_code=HTTPStatus.NO_CONTENT)
def remove(template_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession) -> Response:
    """Forget a text; it is used no more."""
    paging.delete(session, text_service.find(session, district.id, template_id), "text")
    return Response(status_code=HTTPStatus.NO_CONTENT)

"""Texts on file with gateways: what is entered there, how their filing stands with each carrier, where receipts go."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.channels import text_service
from district.channels.kinds import KINDS
from district.channels.models import ChannelProvider
from district.channels.text_schemas import NewTextTemplate, TextTemplateChange, TextTemplateView
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.deliveries.receipt_routes import building_for
from district.districts.paging import delete
from district.problems import Conflict, Invalid, NotFound, Unavailable
from district.web.filing_words import carrier_words, filing_words, gap_words
from district.web.language import negotiate
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from push.channels.filed_texts import MOST_GAP, Carrier, Filing
from push.consent import Channel

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE: Final = "/operator/text-templates"
OWN_FORM: Final = [Depends(require_own_form)]
REFUSALS: Final = (ValidationError, Invalid, Conflict, NotFound)
SAMPLE: Final = "{store}：{title}，{until}前有效，详情 {link} 拒收请回复R"


@router.get(PAGE)
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    edit: uuid.UUID | None = None,
) -> HTMLResponse:
    """Every text, and the form: of a new one, or of the one to change."""
    filled = Sent(values={"text": (SAMPLE,), "purpose": ("marketing",), "language": ("zh",)})
    if edit is not None:
        row = text_service.find(session, operator.district.id, edit)
        filled = _filled(text_service.view(session, row))
    return _page(request, operator, session, clock, filled=filled, edited=str(edit or ""))


@router.post(PAGE, dependencies=OWN_FORM)
def save(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Enter a text, or change one and its filings."""
    edited = sent.one("edited")[:40]
    try:
        if edited:
            row = text_service.find(session, operator.district.id, _id(edited))
            changed = TextTemplateChange.model_validate(_document(sent))
            text_service.change(session, row, changed, clock=clock)
        else:
            names = ("provider", "purpose", "language")
            values = _document(sent) | {name: sent.one(name) for name in names}
            new = NewTextTemplate.model_validate(values)
            text_service.make(session, operator.district, new, clock=clock)
    except REFUSALS as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, operator, session, clock, filled=sent, edited=edited, wrong=wrong)
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/{{template_id}}/remove", dependencies=OWN_FORM)
def remove(template_id: uuid.UUID, operator: Operator, session: DbSession) -> Response:
    """Forget a text; it is used no more."""
    delete(session, text_service.find(session, operator.district.id, template_id), "text")
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound("No such text.") from None


def _document(sent: Sent) -> dict[str, Any]:
    """The fields that a new text and a changed one share. A text is one line, as carriers file it."""
    filings = {
        one.value: {"state": sent.one(f"state-{one}"), "note": sent.one(f"note-{one}")}
        for one in Carrier
        if sent.one(f"state-{one}")
    }
    return {
        "number": sent.one("number"),
        "signature": sent.one("signature").strip("【】"),
        "text": " ".join(sent.one("text").split()),
        "filings": filings,
    }


def _filled(view: TextTemplateView) -> Sent:
    values: dict[str, tuple[str, ...]] = {
        name: (str(getattr(view, name)),)
        for name in ("provider", "number", "signature", "purpose", "language", "text")
    }
    for carrier, filing in view.filings.items():
        values |= {f"state-{carrier}": (filing.state.value,), f"note-{carrier}": (filing.note,)}
    return Sent(values=values)


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    edited: str = "",
    wrong: Wrong = RIGHT,
) -> HTMLResponse:
    district_id = operator.district.id
    providers = list(
        session.scalars(
            select(ChannelProvider)
            .where(ChannelProvider.district_id == district_id, ChannelProvider.channel == Channel.SMS.value)
            .order_by(ChannelProvider.id)
        )
    )
    return render(
        request,
        "operator/text_templates.html",
        shell=operator.shell(request, badges=waiting(session, district_id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        texts=[text_service.view(session, row) for row in text_service.listed(session, district_id)],
        providers=providers,
        addresses=_addresses(request, operator, providers, clock),
        filled=filled,
        edited=edited,
        wrong=wrong,
        carriers=carrier_words,
        states=filing_words,
        gaps=gap_words,
        most_gap=MOST_GAP,
        state_values=[one.value for one in Filing],
    )


def _addresses(
    request: Request, operator: Staff, providers: list[ChannelProvider], clock: Clock
) -> Mapping[str, str]:
    """Where each provider is told to post, by its slug; nothing for one whose credentials cannot be opened."""
    found: dict[str, str] = {}
    for row in providers:
        kind = KINDS.get(row.kind)
        if kind is None or kind.callback is None:
            continue
        try:
            address = kind.callback(building_for(request, operator.district, row, clock))
        except Unavailable:
            continue
        if address:
            found[row.slug] = address
    return found

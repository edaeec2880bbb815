"""By whom messages go out: providers by channel, a form for each kind, a trial, and the order of channels."""

from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.channels import service
from district.channels.kinds import KINDS
from district.channels.kinds.kind import Beside, DnsRecord
from district.channels.models import ChannelPolicy, ChannelProvider
from district.channels.routes import secret_of
from district.channels.schemas import ChannelOrder, NewProvider, ProviderChange
from district.channels.texts import filed_with
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.deliveries import story_routes, trial_texts
from district.deliveries.story_schemas import Trial, TrialView
from district.districts.paging import delete
from district.problems import Conflict, Invalid, Unavailable
from district.web.channel_words import channel_word, dns_words
from district.web.language import negotiate
from district.web.operator_channel_form import MICRO, document, fields_of, limits, shown
from district.web.operator_forms import RIGHT, Sent, SentForm, Wrong, wrong_of
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from push.consent import RINGING, Channel
from push.routing import DEFAULT_ORDER, MAINLAND_ORDER
from push.wording import Language

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE: Final = "/operator/channels"
PARTS: Final = (*DEFAULT_ORDER, *Beside)
OWN_FORM: Final = [Depends(require_own_form)]
REFUSALS: Final = (ValidationError, Invalid, Conflict, Unavailable)


@router.get(PAGE)
def page(
    request: Request,
    operator: Operator,
    session: DbSession,
    clock: ClockDep,
    edit: str = "",
    kind: str = "",
) -> HTMLResponse:
    """Providers by channel, the order, and a form: of a new provider of a kind, or of the one to change."""
    filled = Sent(values={"is_on": ("on",), "weight": ("1",), "in_flight": ("16",)})
    if edit:
        row = service.find(session, operator.district.id, edit[:60])
        kind, filled = row.kind, _filled(row)
    return _page(request, operator, session, clock, filled=filled, edited=edit[:60], kind=kind)


def _filled(row: ChannelProvider) -> Sent:
    cost = f"{row.cost_micro / MICRO:.6f}".rstrip("0").rstrip(".")
    values = {
        "slug": (row.slug,),
        "name": (row.name,),
        "weight": (str(row.weight),),
        "in_flight": (str(row.in_flight),),
        "per_s": ("" if row.per_s is None else f"{row.per_s:g}",),
        "cost": (cost,),
    }
    return Sent(values=values | shown(row.options) | ({"is_on": ("on",)} if row.is_on else {}))


@router.post(PAGE, dependencies=OWN_FORM)
def save(
    request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Make a provider, or change one; secrets that were left empty stay as they are."""
    edited, kind = sent.one("edited")[:60], sent.one("kind")[:40]
    try:
        _save(session, operator, sent, edited=edited, secret=secret_of(request), clock=clock)
    except REFUSALS as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(
            request, operator, session, clock, filled=sent, edited=edited, kind=kind, wrong=_dotted(wrong)
        )
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


def _save(session: Session, operator: Staff, sent: Sent, *, edited: str, secret: str, clock: Clock) -> None:
    row = service.find(session, operator.district.id, edited) if edited else None
    kind = KINDS.get(row.kind if row else sent.one("kind"))
    fields = fields_of(kind) if kind else []
    options, secrets = document("options", fields, sent), document("secrets", fields, sent)
    if row is not None:
        whole = {**service.secrets_of(row, secret), **secrets}  # what was left empty stays
        values = limits(sent) | {"options": options} | ({"secrets": whole} if secrets else {})
        changed = ProviderChange.model_validate(values)
        service.change(session, row, changed, secret=secret, clock=clock)
        return
    values = limits(sent) | {"slug": sent.one("slug"), "kind": sent.one("kind")}
    new = NewProvider.model_validate(values | {"options": options, "secrets": secrets})
    service.make(session, operator.district, new, secret=secret, clock=clock)


def _dotted(wrong: Wrong) -> Wrong:
    """Places as the form names them: ``options/url`` is the field ``options.url``."""
    return Wrong(
        places={place.replace("/", "."): words for place, words in wrong.places.items()}, whole=wrong.whole
    )


@router.post(f"{PAGE}/order", dependencies=OWN_FORM)
def order(operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm) -> Response:
    """Move a channel up or down, take it out or in, or take one of the presets."""
    wanted = _ordered(service.order_of(session, operator.district).order, sent)
    service.set_order(session, operator.district, ChannelOrder(order=wanted), clock=clock)
    return RedirectResponse(f"{PAGE}#order", HTTPStatus.SEE_OTHER)


def _ordered(order: list[Channel] | None, sent: Sent) -> list[Channel] | None:
    presets = {"default": None, "mainland": list(MAINLAND_ORDER), "own": list(order or DEFAULT_ORDER)}
    if sent.one("preset") in presets:
        return presets[sent.one("preset")]
    found = list(order if order is not None else DEFAULT_ORDER)
    act, _, name = sent.one("move").partition(":")
    if name not in {one.value for one in RINGING - {Channel.WEBHOOK}}:
        return found
    channel = Channel(name)
    if act == "in" and channel not in found:
        return [*found, channel]
    if channel not in found:
        return found
    place = found.index(channel)
    found.pop(place)
    if act == "out":
        return found
    found.insert(max(0, place + (-1 if act == "up" else 1)), channel)
    return found


@router.post(f"{PAGE}/{{slug}}/again", dependencies=OWN_FORM)
def use_again(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep
) -> Response:
    """End a pause."""
    row = service.find(session, operator.district.id, slug)
    service.change(session, row, ProviderChange(), secret=secret_of(request), clock=clock)
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/{{slug}}/remove", dependencies=OWN_FORM)
def remove(slug: str, operator: Operator, session: DbSession) -> Response:
    """Forget one; what waits for it goes by the others, or waits."""
    delete(session, service.find(session, operator.district.id, slug), "provider")
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/{{slug}}/test", dependencies=OWN_FORM)
def test(slug: str, request: Request, operator: Operator, clock: ClockDep, sent: SentForm) -> Response:
    """Send one message to an address of one's own, and say what came of it."""
    wrong, tried = RIGHT, None
    try:
        language = Language(negotiate(request).value)
        asked = Trial(to=sent.one("to"), language=language, template=sent.one("template"))
        tried = (slug, story_routes.try_out(request, operator.district, slug, asked, clock=clock))
    except REFUSALS as error:
        wrong = wrong_of(error, negotiate(request))
    with request.app.state.sessions() as session:  # opened once the provider has answered
        return _page(request, operator, session, clock, filled=Sent(), wrong=wrong, tried=tried)


def _records(rows: Sequence[ChannelProvider], secret: str) -> dict[str, Sequence[DnsRecord]]:
    """What the DNS must know, by provider; a provider whose settings no longer hold has none."""
    found: dict[str, Sequence[DnsRecord]] = {}
    for row in rows:
        with suppress(Unavailable):
            found[row.slug] = service.records_of(row, secret)
    return found


def _filed(session: Session, rows: Sequence[ChannelProvider]) -> dict[str, Sequence[trial_texts.Choice]]:
    """What those that send nothing but texts on file can be tried with."""
    wanted = [row for row in rows if trial_texts.needs_filing(row)]
    return {
        row.slug: trial_texts.choices(row, filed_with(session, row.district_id, row.id)) for row in wanted
    }


def _page(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    *,
    filled: Sent,
    edited: str = "",
    kind: str = "",
    wrong: Wrong = RIGHT,
    tried: tuple[str, TrialView] | None = None,
) -> HTMLResponse:
    district = operator.district
    rows = session.scalars(
        select(ChannelProvider)
        .where(ChannelProvider.district_id == district.id)
        .order_by(ChannelProvider.channel, ChannelProvider.slug)
    ).all()
    policy = session.get(ChannelPolicy, district.id)
    chosen = KINDS.get(kind)
    return render(
        request,
        "operator/channels.html",
        shell=operator.shell(request, badges=waiting(session, district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        machine_now=clock.machine_now(),
        has_address=bool(request.app.state.settings.public_url),
        providers={one: found for one in PARTS if (found := [row for row in rows if row.channel == one])},
        order=service.order_of(session, district).order,
        has_own_order=policy is not None,
        all_channels=DEFAULT_ORDER,
        kinds=sorted(KINDS.values(), key=lambda one: (PARTS.index(one.channel), one.title)),
        kind=chosen,
        fields=fields_of(chosen) if chosen else [],
        filled=filled,
        edited=edited,
        wrong=wrong,
        tried=tried,
        channel_word=channel_word,
        dns_words=dns_words,
        records=_records(rows, secret_of(request)),
        filed=_filed(session, rows),
        micro=MICRO,
    )

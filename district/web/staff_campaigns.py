"""Campaigns and what they caused, for the operator (all) and for properties (their own and their tenants')."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.campaigns import history, owners
from district.campaigns import service as campaigns
from district.campaigns.answers import compared
from district.campaigns.models import Campaign
from district.campaigns.service import StepRefused, VersionStale
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.problems import Invalid, NotAllowed, NotFound
from district.reports import files
from district.reports import service as reports
from district.reports.schemas import ReportOut, Window
from district.reports.service import Asked
from district.stores import service as stores
from district.stores.models import Store
from district.web import campaign_words, rule_words
from district.web.campaign_desks import OWN_ACTIONS, CampaignDesk, operators_desk, propertys_desk
from district.web.campaign_queries import FIGURES_SQL
from district.web.explained import explained
from district.web.language import Language, negotiate
from district.web.security import require_own_form
from push import campaign_document
from push.campaign_life import CampaignAction, CampaignState
from push.problems import DocumentRefused
from push.rule import CampaignRule
from push.wording import Language as Words

router = APIRouter()
LISTED = 25
MOST_IN_FILE = 2_000
REMEMBERED = 30
FILE_HEAD = (
    "campaign_id",
    "campaign",
    "owner",
    "state",
    "starts_at",
    "ends_at",
    "stock",
    "issued",
    "opened",
    "redeemed",
)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A campaign in a list."""

    row: Campaign
    merchant: str
    property: str
    stock: int | None
    issued: int
    opened: int
    redeemed: int


def _seen(desk: CampaignDesk, state: CampaignState | None) -> Any:
    wanted = select(Campaign).where(
        Campaign.district_id == desk.here.district.id, owners.seen_by(desk.here.principal)
    )
    return wanted if state is None else wanted.where(Campaign.state == state)


def _with_figures(
    session: Session, desk: CampaignDesk, rows: Sequence[Campaign], language: Language
) -> list[Listed]:
    values = {
        "district_id": desk.here.district.id,
        "ids": [row.id for row in rows],
        "is_chinese": language is Language.ZH,
    }
    found = {one.id: one for one in session.execute(text(FIGURES_SQL), values)}
    return [
        Listed(
            row=row,
            merchant=found[row.id].merchant or "",
            property=found[row.id].property or "",
            stock=found[row.id].quota,
            issued=found[row.id].issued,
            opened=found[row.id].opened,
            redeemed=found[row.id].redeemed,
        )
        for row in rows
    ]


def _list_page(
    request: Request,
    desk: CampaignDesk,
    session: Session,
    clock: Clock,
    *,
    state: CampaignState | None,
    before: uuid.UUID | None,
) -> Response:
    wanted = _seen(desk, state)
    if before is not None:
        wanted = wanted.where(Campaign.id < before)
    rows = list(session.scalars(wanted.order_by(Campaign.id.desc()).limit(LISTED + 1)))
    return desk.show(
        request,
        clock,
        "staff/campaigns.html",
        session=session,
        campaigns=_with_figures(session, desk, rows[:LISTED], negotiate(request)),
        older=rows[LISTED - 1].id if len(rows) > LISTED else None,
        state=state,
        states=tuple(CampaignState),
    )


def _list_file(
    request: Request, desk: CampaignDesk, session: Session, state: CampaignState | None
) -> Response:
    rows = list(session.scalars(_seen(desk, state).order_by(Campaign.id.desc()).limit(MOST_IN_FILE)))
    lines: list[Sequence[object]] = [FILE_HEAD]
    for one in _with_figures(session, desk, rows, negotiate(request)):
        row = one.row
        lines.append(
            (
                row.id,
                row.name,
                one.merchant or one.property,
                row.state,
                row.starts_at.isoformat() if row.starts_at else "",
                row.ends_at.isoformat() if row.ends_at else "",
                "" if one.stock is None else one.stock,
                one.issued,
                one.opened,
                one.redeemed,
            )
        )
    return csv_answer(lines, "campaigns.csv")


def _report(
    request: Request,
    desk: CampaignDesk,
    session: Session,
    clock: Clock,
    campaign_id: uuid.UUID,
    within: Window = Window.DAY,
) -> ReportOut:
    asked = Asked(now=clock.now(), within=within, language=Words(negotiate(request)))
    return reports.report(session, desk.here.district, desk.here.principal, campaign_id, asked)


def _readable(document: dict[str, Any]) -> CampaignRule | None:
    try:
        return campaign_document.parse_rule(document)
    except DocumentRefused:
        return None


def _one_page(
    request: Request,
    desk: CampaignDesk,
    session: Session,
    clock: Clock,
    campaign_id: uuid.UUID,
    *,
    within: Window = Window.DAY,
    said: str = "",
    error: str = "",
) -> Response:
    row, campaign = desk.campaign(session, campaign_id)
    named = select(Store).where(Store.district_id == row.district_id, Store.id.in_(campaign.store_ids))
    views = stores.views(session, desk.here.district, list(session.scalars(named)))
    return desk.show(
        request,
        clock,
        "staff/campaign.html",
        session=session,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        campaign=campaign,
        listed=_with_figures(session, desk, [row], negotiate(request))[0],
        stores=sorted(views, key=lambda view: (view.name.casefold(), view.ref)),
        rule=_readable(campaign.rule),
        rule_words=rule_words,
        plain_words=campaign_words.in_words,
        report=_report(request, desk, session, clock, campaign_id, within),
        windows=tuple(Window),
        events=history.newest(session, desk.here.principal, row, most=REMEMBERED),
        differences=compared(session, row).differences if campaign.pending else (),
        may_change=owners.may_change(desk.here.principal, row),
        is_joint=row.holds_until is not None,
        keeper=str(desk.here.principal.subject_id),
        said=said,
        error=error,
    )


def _step(
    request: Request,
    desk: CampaignDesk,
    session: Session,
    clock: Clock,
    campaign_id: uuid.UUID,
    action: CampaignAction,
    version: int | None,
) -> Response:
    if action not in OWN_ACTIONS:
        raise NotFound("No such step here.")
    here = desk.here
    try:
        with session.begin_nested():
            campaigns.step(
                session, here.district.id, here.principal, campaign_id, action, clock=clock, version=version
            )
    except (Invalid, StepRefused, VersionStale, NotAllowed) as refused:
        words = explained(refused, negotiate(request))
        return _one_page(request, desk, session, clock, campaign_id, error=words)
    address = f"{desk.base}/campaigns/{campaign_id}?said={action.value}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _serve(desk_of: Callable[..., CampaignDesk], base: str) -> None:
    """The list, a campaign's page, its report and its steps at the addresses of one console."""
    desk_type: Any = Annotated[CampaignDesk, Depends(desk_of)]
    one = f"{base}/campaigns/{{campaign_id}}"

    def every(
        request: Request,
        desk: desk_type,
        session: DbSession,
        clock: ClockDep,
        state: CampaignState | None = None,
        before: uuid.UUID | None = None,
    ) -> Response:
        return _list_page(request, desk, session, clock, state=state, before=before)

    def every_as_file(
        request: Request, desk: desk_type, session: DbSession, state: CampaignState | None = None
    ) -> Response:
        return _list_file(request, desk, session, state)

    def page(
        campaign_id: uuid.UUID,
        request: Request,
        desk: desk_type,
        session: DbSession,
        clock: ClockDep,
        within_h: Window = Window.DAY,
        said: str = "",
    ) -> Response:
        return _one_page(request, desk, session, clock, campaign_id, within=within_h, said=said[:20])

    def effect(
        campaign_id: uuid.UUID, request: Request, desk: desk_type, session: DbSession, clock: ClockDep
    ) -> Response:
        report = _report(request, desk, session, clock, campaign_id)
        found: Response = desk.show(request, clock, "staff/effect_cell.html", report=report)
        return found

    def report_file(
        campaign_id: uuid.UUID,
        request: Request,
        desk: desk_type,
        session: DbSession,
        clock: ClockDep,
        within_h: Window = Window.DAY,
    ) -> Response:
        found = _report(request, desk, session, clock, campaign_id, within_h)
        return csv_answer([files.HEAD, *files.lines(found)], f"report-{campaign_id}.csv")

    def step(
        campaign_id: uuid.UUID,
        request: Request,
        desk: desk_type,
        session: DbSession,
        clock: ClockDep,
        action: Annotated[CampaignAction, Form()],
        version: Annotated[int | None, Form()] = None,
    ) -> Response:
        return _step(request, desk, session, clock, campaign_id, action, version)

    router.add_api_route(f"{base}/campaigns", every, methods=["GET"])
    router.add_api_route(f"{base}/campaigns.csv", every_as_file, methods=["GET"])
    router.add_api_route(one, page, methods=["GET"])
    router.add_api_route(f"{one}/effect", effect, methods=["GET"])
    router.add_api_route(f"{one}/report.csv", report_file, methods=["GET"])
    router.add_api_route(f"{one}/steps", step, methods=["POST"], dependencies=[Depends(require_own_form)])


_serve(propertys_desk, "/property")
_serve(operators_desk, "/operator")

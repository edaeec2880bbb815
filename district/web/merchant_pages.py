"""A merchant's overview, campaigns and their results."""

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns import finding, history
from district.campaigns import service as campaigns
from district.campaigns.answers import compared, shown
from district.campaigns.models import Campaign
from district.campaigns.schemas import CampaignChange, CampaignOut
from district.campaigns.service import StepRefused, VersionStale
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.problems import Conflict, Invalid, NotFound
from district.reports import files
from district.reports import service as reports
from district.reports.schemas import ReportOut
from district.reports.service import Asked
from district.stores import service as stores
from district.stores.schemas import StoreView
from district.web import campaign_words, merchant_results
from district.web.campaign_desks import OWN_ACTIONS, TONES
from district.web.explained import explained
from district.web.language import Language, negotiate
from district.web.reasons import in_words
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render
from district.web.worth import worth
from push.campaign_life import FINAL, CampaignAction
from push.wording import Language as Words

router = APIRouter()
LISTED = 50
MerchantStaff = Annotated[Staff, Depends(staff(Role.MERCHANT))]
REMEMBERED = 30
"""Events of a campaign's history that its page shows."""


def show(
    request: Request, here: Staff, clock: Clock, template: str, *, status: int = HTTPStatus.OK, **values: Any
) -> HTMLResponse:
    """A page of the merchants' console."""
    return render(
        request,
        template,
        shell=here.shell(request),
        now=clock.now(),
        status_code=status,
        tones=TONES,
        worth=worth,
        reason_words=in_words,
        own_actions=OWN_ACTIONS,
        **values,
    )


def own_stores(session: Session, here: Staff) -> list[StoreView]:
    """The merchant's open stores."""
    rows = session.scalars(stores.seen_by(here.principal, here.district).limit(500))
    views = stores.views(session, here.district, [row for row in rows if row.closed_at is None])
    return sorted(views, key=lambda view: (view.name.casefold(), view.ref))


def one_campaign(session: Session, here: Staff, campaign_id: uuid.UUID) -> CampaignOut:
    """The merchant's campaign. Raises: NotFound, for another's too."""
    row = finding.find(session, here.district.id, here.principal, campaign_id)
    return shown(session, here.principal, [row])[0]


def not_found(request: Request, here: Staff, clock: Clock) -> HTMLResponse:
    """For what is another merchant's, or nobody's."""
    return show(request, here, clock, "merchant/not_found.html", status=HTTPStatus.NOT_FOUND)


@router.get("/merchant")
def overview(request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep) -> Response:
    """Own shops, campaigns and what they brought in four weeks."""
    results = merchant_results.results_of(session, here.district, here.principal, now=clock.now())
    return show(
        request,
        here,
        clock,
        "merchant/overview.html",
        results=results,
        stores=own_stores(session, here),
        csv="/merchant/results.csv",
    )


@router.get("/merchant/results.csv")
def results_csv(
    here: MerchantStaff, session: DbSession, clock: ClockDep, campaign: uuid.UUID | None = None
) -> Response:
    """The results of the overview, or of one campaign."""
    found = merchant_results.results_of(
        session, here.district, here.principal, now=clock.now(), campaign_id=campaign
    )
    return Response(
        merchant_results.as_csv(found),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="results.csv"', "Cache-Control": "no-store"},
    )


@router.get("/merchant/campaigns")
def list_campaigns(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    before: uuid.UUID | None = None,
) -> Response:
    """Campaigns, the newest first, with their states and what may be done next."""
    mine = select(Campaign).where(
        Campaign.district_id == here.district.id, Campaign.merchant_id == here.principal.merchant_id
    )
    if before is not None:
        mine = mine.where(Campaign.id < before)
    rows = list(session.scalars(mine.order_by(Campaign.id.desc()).limit(LISTED + 1)))
    return show(
        request,
        here,
        clock,
        "merchant/campaigns.html",
        campaigns=shown(session, here.principal, rows[:LISTED]),
        older=rows[LISTED - 1].id if len(rows) > LISTED else None,
    )


@router.get("/merchant/campaigns/{campaign_id}")
def show_campaign(
    campaign_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    said: str = "",
) -> Response:
    """One campaign: its state, its offer, its fence and its results."""
    try:
        return _campaign_page(request, here, session, clock, campaign_id, said=said[:20])
    except NotFound:
        return not_found(request, here, clock)


def _campaign_page(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    campaign_id: uuid.UUID,
    *,
    said: str = "",
    error: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    row = finding.find(session, here.district.id, here.principal, campaign_id)
    campaign = shown(session, here.principal, [row])[0]
    names = {store.id: store for store in own_stores(session, here)}
    return show(
        request,
        here,
        clock,
        "merchant/campaign.html",
        status=status,
        campaign=campaign,
        stores=[names[one] for one in campaign.store_ids if one in names],
        results=merchant_results.results_of(
            session, here.district, here.principal, now=clock.now(), campaign_id=campaign_id
        ),
        report=_report(request, here, session, clock, campaign_id),
        corner=_corner(campaign.fence),
        plain_words=campaign_words.in_words,
        events=history.newest(session, here.principal, row, most=REMEMBERED),
        differences=compared(session, row).differences if campaign.pending else (),
        is_over=campaign.state in FINAL,
        said=said,
        error=error,
        keeper=str(here.principal.subject_id),
    )


def _corner(fence: Mapping[str, Any]) -> Sequence[float] | None:
    """A point of the ground; None where the campaign has none of its own."""
    found: Any = fence["coordinates"]
    while found and isinstance(found[0], list):
        found = found[0]
    return found or None


def _report(
    request: Request, here: Staff, session: Session, clock: Clock, campaign_id: uuid.UUID
) -> ReportOut:
    asked = Asked(now=clock.now(), language=Words(negotiate(request)))
    return reports.report(session, here.district, here.principal, campaign_id, asked)


@router.get("/merchant/campaigns/{campaign_id}/report.csv")
def report_csv(
    campaign_id: uuid.UUID, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep
) -> Response:
    """Every figure of what a campaign caused."""
    try:
        found = _report(request, here, session, clock, campaign_id)
    except NotFound:
        return not_found(request, here, clock)
    return csv_answer([files.HEAD, *files.lines(found)], f"report-{campaign_id}.csv")


@router.post("/merchant/campaigns/{campaign_id}/stock", dependencies=[Depends(require_own_form)])
def change_stock(
    campaign_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    version: Annotated[int, Form()],
    stock: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Change how many offers a campaign may give; it goes on meanwhile."""
    digits = stock.strip()
    if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= 8):
        return _refused(
            request,
            here,
            session,
            clock,
            campaign_id,
            Invalid("Write a whole number.", detail_zh="请填写整数。"),
        )
    wanted = CampaignChange(version=version, stock=int(digits) if digits else None)
    try:
        with session.begin_nested():
            campaigns.change(session, here.district, here.principal, campaign_id, wanted, clock=clock)
    except NotFound:
        return not_found(request, here, clock)
    except (Invalid, StepRefused, VersionStale) as refused:
        return _refused(request, here, session, clock, campaign_id, refused)
    return _to(campaign_id, "saved")


def _refused(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    campaign_id: uuid.UUID,
    error: Invalid | Conflict,
) -> Response:
    language = negotiate(request)
    first = next(iter(error.members.get("errors", ())), None)
    words = explained(error, language)
    if first is not None:
        words = str(first.get("detail_zh" if language is Language.ZH else "detail") or first["detail"])
    return _campaign_page(request, here, session, clock, campaign_id, error=words, status=error.status)


def _to(campaign_id: uuid.UUID, said: str) -> Response:
    return RedirectResponse(f"/merchant/campaigns/{campaign_id}?said={said}", HTTPStatus.SEE_OTHER)


@router.post("/merchant/campaigns/{campaign_id}/steps", dependencies=[Depends(require_own_form)])
def take_step(
    campaign_id: uuid.UUID,
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    action: Annotated[CampaignAction, Form()],
    version: Annotated[int | None, Form()] = None,
) -> Response:
    """Submit, pause, resume or end a campaign."""
    if action not in OWN_ACTIONS:
        return not_found(request, here, clock)
    try:
        campaigns.step(
            session, here.district.id, here.principal, campaign_id, action, clock=clock, version=version
        )
    except NotFound:
        return not_found(request, here, clock)
    except (Invalid, StepRefused, VersionStale) as refused:
        return _refused(request, here, session, clock, campaign_id, refused)
    return _to(campaign_id, action)

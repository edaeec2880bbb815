"""The report of a campaign, as JSON and CSV."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from district.auth.principals import CampaignStaff
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.footfall.routes import csv_answer
from district.reports import files, service
from district.reports.schemas import ReportOut, Window
from district.reports.service import Asked
from push.wording import Language

router = APIRouter(prefix="/v1/districts/{d}/campaigns/{campaign_id}", tags=["campaigns"])


def read(
    campaign_id: uuid.UUID,
    principal: CampaignStaff,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
    within_h: Annotated[
        Window, Query(description="Hours after an exposure in which what a member does is counted")
    ] = Window.DAY,
    lang: Language = Language.EN,
) -> ReportOut:
    """Every figure is defined in docs/metrics.md; what would tell of fewer than k people is null."""
    asked = Asked(now=clock.now(), within=within_h, language=lang)
    return service.report(session, district, principal, campaign_id, asked)


Answer = Annotated[ReportOut, Depends(read)]


@router.get("/report")
def read_report(answer: Answer) -> ReportOut:
    """What became of the campaign, and what it caused beside what would have happened anyway."""
    return answer


@router.get("/report.csv", response_class=Response)
def read_report_csv(answer: Answer) -> Response:
    """The same figures, one a line."""
    return csv_answer([files.HEAD, *files.lines(answer)], f"report-{answer.campaign_id}.csv")

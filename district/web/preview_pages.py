"""A campaign's dry run on a page: at once the question, the figures as soon as they are reckoned."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import ClockDep
from district.database import DbPool, DbSession, session_scope
from district.districts.service import DistrictInfo
from district.footfall.routes import csv_answer
from district.offers.preview import PreviewTooLong, PreviewUnreadable, dry_run
from district.offers.preview_answer import MICRO, answer
from district.offers.preview_routes import take_turn
from district.offers.preview_schemas import PreviewOut
from district.problems import TooMany
from district.stores import service as stores
from district.stores.models import Store
from district.web.campaign_desks import CampaignDesk, merchants_desk, operators_desk, propertys_desk
from district.web.channel_words import channel_word
from district.web.explained import explained
from district.web.filing_words import carrier_words
from district.web.fragments import is_fragment
from district.web.language import Tongue, negotiate, speaking
from district.web.preview_words import people, reasons
from district.web.preview_words import rows as csv_rows

router = APIRouter()
NAMES_SQL = "SELECT id, name FROM campaign WHERE district_id = %(district_id)s AND id = ANY(%(ids)s)"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A dry run that may start, or why it may not."""

    desk: CampaignDesk
    campaign_id: uuid.UUID
    name: str
    stores: Mapping[uuid.UUID, str]
    worth_type: str
    """What kind of worth the offer has: a percentage's cost hangs on the bills."""
    refused: str = ""


def _asked(request: Request, desk: CampaignDesk, campaign_id: uuid.UUID, clock: ClockDep) -> Asked:
    """Take one of the hour's turns, as the interface does. Raises: NotFound."""
    district, refused = desk.here.district, ""
    with session_scope(request.app.state.sessions) as session:
        _row, campaign = desk.campaign(session, campaign_id)
        names = _store_names(session, district, campaign.store_ids)
    try:
        with session_scope(request.app.state.sessions) as session:
            take_turn(session, district, desk.here.principal, campaign_id, clock=clock)
    except TooMany as error:
        refused = explained(error, negotiate(request))
    return Asked(
        desk=desk,
        campaign_id=campaign_id,
        name=campaign.name,
        stores=names,
        worth_type=str(campaign.offer.get("value", {}).get("type", "none")),
        refused=refused,
    )


def _store_names(session: Session, district: DistrictInfo, ids: list[uuid.UUID]) -> dict[uuid.UUID, str]:
    rows = session.scalars(select(Store).where(Store.district_id == district.id, Store.id.in_(ids)))
    return {view.id: view.name or view.ref for view in stores.views(session, district, list(rows))}


async def _run(
    request: Request, asked: Asked, pool: DbPool, clock: ClockDep
) -> tuple[PreviewOut | None, str]:
    """The figures, or why there are none."""
    if asked.refused:
        return None, asked.refused
    district = asked.desk.here.district
    settings = request.app.state.settings
    try:
        run = await dry_run(
            pool,
            district,
            asked.campaign_id,
            now=clock.now(),
            fresh_for=settings.fresh_for,
            origin=settings.public_url or "",
        )
    except (PreviewTooLong, PreviewUnreadable) as error:
        return None, explained(error, negotiate(request))
    return answer(run, district), ""


async def _names(pool: DbPool, district: DistrictInfo, seen: PreviewOut | None) -> dict[uuid.UUID, str]:
    """What the overlapping campaigns are called that the dry run named."""
    ids = [one.campaign_id for one in seen.overlap if one.campaign_id is not None] if seen else []
    if not ids:
        return {}
    async with pool.connection() as connection:
        cursor = await connection.execute(NAMES_SQL, {"district_id": district.id, "ids": ids})
        return dict(await cursor.fetchall())


def _serve(desk_of: Callable[..., CampaignDesk], base: str) -> None:
    """The page, its figures and their CSV at the addresses of one console."""
    desk_type: Any = Annotated[CampaignDesk, Depends(desk_of)]
    path = f"{base}/campaigns/{{campaign_id}}/preview"

    def page(
        campaign_id: uuid.UUID, request: Request, desk: desk_type, session: DbSession, clock: ClockDep
    ) -> Response:
        _row, campaign = desk.campaign(session, campaign_id)
        response: Response = desk.show(
            request,
            clock,
            "staff/preview.html",
            session=session,
            name=campaign.name,
            id=campaign_id,
            seen=None,
            refused="",
        )
        return response

    def turn(campaign_id: uuid.UUID, request: Request, desk: desk_type, clock: ClockDep) -> Asked:
        return _asked(request, desk, campaign_id, clock)

    turn_type: Any = Annotated[Asked, Depends(turn)]

    async def figures(request: Request, asked: turn_type, pool: DbPool, clock: ClockDep) -> Response:
        seen, refused = await _run(request, asked, pool, clock)
        response: Response = asked.desk.show(
            request,
            clock,
            "staff/preview_figures.html" if is_fragment(request) else "staff/preview.html",
            name=asked.name,
            id=asked.campaign_id,
            stores=asked.stores,
            worth_type=asked.worth_type,
            seen=seen,
            refused=refused,
            names=await _names(pool, asked.desk.here.district, seen),
            people=people,
            reasons=reasons,
            channel=channel_word,
            district=asked.desk.here.district.title(negotiate(request).value),
            currency=asked.desk.here.district.currency,
            micro=MICRO,
            carriers=carrier_words,
        )
        return response

    async def as_csv(request: Request, asked: turn_type, pool: DbPool, clock: ClockDep) -> Response:
        seen, refused = await _run(request, asked, pool, clock)
        district = asked.desk.here.district
        with speaking(Tongue(language=negotiate(request), zone=district.zone, currency=district.currency)):
            lines = csv_rows(seen) if seen is not None else [[refused]]
        return csv_answer(lines, f"preview-{asked.campaign_id}.csv")

    router.add_api_route(path, page, methods=["GET"])
    router.add_api_route(f"{path}/figures", figures, methods=["GET"])
    router.add_api_route(f"{path}.csv", as_csv, methods=["GET"])


_serve(merchants_desk, "/merchant")
_serve(propertys_desk, "/property")
_serve(operators_desk, "/operator")

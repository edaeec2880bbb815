"""A merchant's tags: made, given to whoever redeemed at his tills, taken back."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.audiences import ownership, tags
from district.audiences.models import Tag
from district.audiences.schemas import MOST_NAMED, NewSet, Someone, Tagging, TaggingOut
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.problems import Conflict, NotFound
from district.web.audience_shared import PAGE, kept_apart, names_taken, own_sets, removed_of
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff, not_found, show
from district.web.operator_forms import RIGHT, SentForm, Wrong, wrong_of
from district.web.security import require_own_form
from district.web.staff import Staff
from push.audience_terms import LabelKind

router = APIRouter()
OWN_FORM = [Depends(require_own_form)]
TAGS = f"{PAGE}/tags"
RECENT = 30
RECENT_SQL = """
SELECT redemption.id, redemption.redeemed_at AS at, campaign.name AS campaign,
       EXISTS (SELECT FROM member_tag WHERE member_tag.district_id = redemption.district_id
               AND member_tag.tag_id = :tag_id AND member_tag.member_id = offer.member_id) AS has_it
FROM redemption
JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
JOIN campaign ON campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
WHERE redemption.district_id = :district_id AND store.merchant_id = :merchant_id AND redemption.reversed_at IS NULL
ORDER BY redemption.redeemed_at DESC, redemption.id LIMIT :most
"""


@dataclass(frozen=True, kw_only=True)
class Recent:
    """Somebody who redeemed at the merchant's tills, by what he redeemed."""

    id: uuid.UUID
    at: datetime
    campaign: str
    has_it: bool


@router.get(TAGS)
def page(
    request: Request,
    here: MerchantStaff,
    session: DbSession,
    clock: ClockDep,
    said: str = "",
    kind: str = "",
    row: str = "",
) -> Response:
    """The tags, and the form of a new one."""
    return _page(request, here, session, clock, said=said[:10], removed=removed_of(kind, row))


@router.get(f"{PAGE}/tags.csv")
def as_file(here: MerchantStaff, session: DbSession) -> Response:
    """The tags and to how many each was given."""
    lines: list[tuple[object, ...]] = [("name", "title", "members", "created_at")]
    every = tags.shown(session, own_sets(session, here, Tag))
    lines += [(one.name, one.title, one.members, one.created_at.isoformat()) for one in every]
    return csv_answer(lines, "tags.csv")


@router.post(TAGS, dependencies=OWN_FORM)
def create(
    request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Make a tag."""
    title = sent.one("title")
    taken = names_taken(session, Tag, here)
    try:
        wanted = NewSet.model_validate({"name": kept_apart(title, taken), "title": title})
        tags.create(session, here.district, here.principal, wanted, clock=clock)
    except (ValidationError, Conflict) as error:
        wrong = wrong_of(error, negotiate(request))
        return _page(request, here, session, clock, wrong=wrong, title=title)
    return RedirectResponse(f"{TAGS}/{wanted.name}?said=made", HTTPStatus.SEE_OTHER)


@router.get(f"{TAGS}/{{name}}")
def one(
    name: str, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, said: str = ""
) -> Response:
    """One tag, and who redeemed of late."""
    try:
        row = ownership.find(session, Tag, here.district.id, here.principal, name)
    except NotFound:
        return not_found(request, here, clock)
    return _one(request, here, session, clock, row, said=said[:10])


@router.post(f"{TAGS}/{{name}}", dependencies=OWN_FORM)
def give(
    name: str, request: Request, here: MerchantStaff, session: DbSession, clock: ClockDep, sent: SentForm
) -> Response:
    """Give it to those who were ticked or whose redemptions were listed, or take it from them."""
    try:
        row = ownership.find(session, Tag, here.district.id, here.principal, name)
    except NotFound:
        return not_found(request, here, clock)
    named, unread = _named([*sent.all("redemption"), *sent.one("redemptions").split()])
    wanted = Tagging(remove=named) if sent.one("then") == "take" else Tagging(add=named)
    result = tags.give(session, here.district, here.principal, name, wanted, clock=clock)
    return _one(request, here, session, clock, row, result=result, unread=unread)


def _named(typed: list[str]) -> tuple[list[Someone], int]:
    """Each once, a thousand at most; and how many of what was typed are no ids."""
    found: dict[uuid.UUID, Someone] = {}
    unread = 0
    for text_ in typed[:MOST_NAMED]:
        try:
            id_ = uuid.UUID(text_.strip(",;"))
        except ValueError:
            unread += 1
            continue
        found[id_] = Someone(redemption_id=id_)
    return list(found.values()), unread + max(0, len(typed) - MOST_NAMED)


def _one(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    row: Tag,
    *,
    said: str = "",
    result: TaggingOut | None = None,
    unread: int = 0,
) -> Response:
    values = {
        "district_id": here.district.id,
        "merchant_id": here.principal.merchant_id,
        "tag_id": row.id,
        "most": RECENT,
    }
    recent = [Recent(**found) for found in session.execute(text(RECENT_SQL), values).mappings()]
    owner = ownership.owner_of(here.principal)
    return show(
        request,
        here,
        clock,
        "merchant/audience_tag.html",
        tag=tags.shown(session, [row])[0],
        used=ownership.uses(session, here.district.id, owner, LabelKind.TAG, row.name),
        recent=recent,
        result=result,
        unread=unread,
        said=said,
    )


def _page(
    request: Request,
    here: Staff,
    session: Session,
    clock: Clock,
    *,
    title: str = "",
    wrong: Wrong = RIGHT,
    **values: object,
) -> Response:
    return show(
        request,
        here,
        clock,
        "merchant/audience_tags.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        rows=tags.shown(session, own_sets(session, here, Tag)),
        title=title,
        wrong=wrong,
        **{"said": "", "removed": None, **values},
    )

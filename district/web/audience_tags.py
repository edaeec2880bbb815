"""The tags of a merchant or a property: made, given to whoever redeemed at his tills or its own offers, taken back."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Depends, Response
from pydantic import ValidationError
from sqlalchemy import text

from district.audiences import tags
from district.audiences.models import Tag
from district.audiences.schemas import MOST_NAMED, NewSet, Someone, Tagging, TaggingOut
from district.footfall.routes import csv_answer
from district.problems import Conflict, NotFound
from district.web.audience_desk import AtDesk, SetsDesk, in_both_consoles
from district.web.audience_shared import kept_apart, removed_of
from district.web.operator_forms import RIGHT, SentForm, Wrong
from district.web.security import require_own_form
from push.audience_terms import LabelKind

pages = APIRouter()
OWN_FORM = [Depends(require_own_form)]
RECENT = 30
RECENT_SQL = """
SELECT redemption.id, redemption.redeemed_at AS at, campaign.name AS campaign,
       EXISTS (SELECT FROM member_tag WHERE member_tag.district_id = redemption.district_id
               AND member_tag.tag_id = :tag_id AND member_tag.member_id = offer.member_id) AS has_it
FROM redemption
JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
JOIN campaign ON campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
WHERE redemption.district_id = :district_id AND redemption.reversed_at IS NULL
  AND (store.merchant_id = CAST(:merchant_id AS uuid) OR campaign.property_id = CAST(:property_id AS uuid))
ORDER BY redemption.redeemed_at DESC, redemption.id LIMIT :most
"""


@dataclass(frozen=True, kw_only=True)
class Recent:
    """Somebody whom the owner may name, by what he redeemed."""

    id: uuid.UUID
    at: datetime
    campaign: str
    has_it: bool


@pages.get("/tags")
def page(at: AtDesk, said: str = "", kind: str = "", row: str = "") -> Response:
    """The tags, and the form of a new one."""
    return _page(at, said=said[:10], removed=removed_of(kind, row))


@pages.get("/tags.csv")
def as_file(at: AtDesk) -> Response:
    """The tags and to how many each was given."""
    lines: list[tuple[object, ...]] = [("name", "title", "members", "created_at")]
    every = tags.shown(at.session, at.own(Tag))
    lines += [(one.name, one.title, one.members, one.created_at.isoformat()) for one in every]
    return csv_answer(lines, "tags.csv")


@pages.post("/tags", dependencies=OWN_FORM)
def create(at: AtDesk, sent: SentForm) -> Response:
    """Make a tag."""
    title = sent.one("title")
    try:
        wanted = NewSet.model_validate({"name": kept_apart(title, at.names(Tag)), "title": title})
        tags.create(at.session, at.district, at.principal, wanted, clock=at.clock)
    except (ValidationError, Conflict) as error:
        return _page(at, wrong=at.wrong(error), title=title)
    return at.to(f"/tags/{wanted.name}?said=made")


@pages.get("/tags/{name}")
def one(at: AtDesk, name: str, said: str = "") -> Response:
    """One tag, and who redeemed of late."""
    try:
        row = at.find(Tag, name)
    except NotFound:
        return at.not_found()
    return _one(at, row, said=said[:10])


@pages.post("/tags/{name}", dependencies=OWN_FORM)
def give(at: AtDesk, name: str, sent: SentForm) -> Response:
    """Give it to those who were ticked or whose redemptions were listed, or take it from them."""
    try:
        row = at.find(Tag, name)
    except NotFound:
        return at.not_found()
    named, unread = _named([*sent.all("redemption"), *sent.one("redemptions").split()])
    wanted = Tagging(remove=named) if sent.one("then") == "take" else Tagging(add=named)
    result = tags.give(at.session, at.district, at.principal, name, wanted, clock=at.clock)
    return _one(at, row, result=result, unread=unread)


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
    at: SetsDesk, row: Tag, *, said: str = "", result: TaggingOut | None = None, unread: int = 0
) -> Response:
    values = {
        "district_id": at.district.id,
        "merchant_id": at.owner.merchant_id,
        "property_id": at.owner.property_id,
        "tag_id": row.id,
        "most": RECENT,
    }
    recent = [Recent(**found) for found in at.session.execute(text(RECENT_SQL), values).mappings()]
    return at.show(
        "audience/tag.html",
        tag=tags.shown(at.session, [row])[0],
        used=at.uses(LabelKind.TAG, row.name),
        recent=recent,
        result=result,
        unread=unread,
        said=said,
    )


def _page(at: SetsDesk, *, title: str = "", wrong: Wrong = RIGHT, **values: object) -> Response:
    return at.show(
        "audience/tags.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        rows=tags.shown(at.session, at.own(Tag)),
        title=title,
        wrong=wrong,
        **{"said": "", "removed": None, **values},
    )


router = in_both_consoles(pages)

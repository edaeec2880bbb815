"""What a visitor to a demo sees beside his pin: who he is, which stores near it have an offer, and what has arrived."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from markupsafe import Markup

from district.auth.models import Role
from district.auth.principals import Anyone
from district.auth.service import Principal
from district.clock import Clock
from district.database import DbPool
from district.deliveries import inbox
from district.deliveries.schemas import InboxItemOut
from district.districts.service import DistrictInfo, RegistryDep
from district.offers import wallet
from district.offers.schemas import OfferOut, ShownState
from district.problems import NotFound
from district.stores.book import Found
from district.web import pin as pins
from district.web.language import negotiate
from push.wording import Language

ARRIVALS = 6
# An audience by attributes asks for a past, which a visitor who has just joined has not.
OCCASIONS_SQL = """
SELECT cs.store_id,
       CASE WHEN jsonb_typeof(c.rule->'who') = 'object' THEN 'returning' ELSE c.rule->>'who' END AS who,
       (SELECT min((given->>'min_s')::int) FROM jsonb_array_elements(c.rule->'trigger'->'any') AS given
        WHERE given->>'on' = 'fence.dwell') AS stay_s
FROM campaign c JOIN campaign_store cs ON cs.district_id = c.district_id AND cs.campaign_id = c.id
WHERE c.district_id = %(district_id)s AND c.state = 'live' AND cs.store_id = ANY(%(store_ids)s)
"""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """When a store near the pin gives its offer, so that a visitor knows what to try."""

    place: Found
    stay_s: int
    """How long one must stay; 0 when walking up is enough."""
    who: str


async def occasions(pool: DbPool, district: DistrictInfo, near: Sequence[Found]) -> list[Occasion]:
    """The stores near the pin, those first that ask for the least."""
    values = {"district_id": district.id, "store_ids": [found.facts.id for found in near]}
    async with pool.connection() as connection:
        rows = await (await connection.execute(OCCASIONS_SQL, values)).fetchall()
    rules = {row[0]: (row[2] or 0, row[1]) for row in rows}
    found = [
        Occasion(place=place, stay_s=rules[place.facts.id][0], who=rules[place.facts.id][1])
        for place in near
        if place.facts.id in rules
    ]
    return sorted(found, key=lambda one: (one.who == "returning", one.stay_s))


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who drags: a member of a demo district with a pin."""

    district: DistrictInfo
    principal: Principal
    pin: pins.Pin


def read_visitor(request: Request, registry: RegistryDep, principal: Anyone) -> Visitor | None:
    """The visitor; None for who has not joined yet, or is somebody else by now."""
    pin = pins.own_pin(request)
    if pin is None or principal is None or principal.role is not Role.SHOPPER:
        return None
    district = registry.by_slug.get(pin.slug)
    if district is None or not district.label or principal.district_id != district.id:
        return None
    return Visitor(district=district, principal=principal, pin=pin)


VisitorDep = Annotated[Visitor | None, Depends(read_visitor)]


async def arrivals(request: Request, pool: DbPool, clock: Clock, visitor: Visitor) -> dict[str, Any]:
    language = Language(negotiate(request).value)
    reader = inbox.Reader(
        pool=pool,
        district_id=visitor.district.id,
        member_id=visitor.principal.subject_id,
        language=language,
    )
    page = await reader.page(before=None, limit=ARRIVALS)
    newest = await _newest_offer(pool, clock, visitor, page.items, language)
    return {
        "items": page.items,
        "last_event_id": page.last_event_id,
        "offer": newest,
        # Our own SVG of a code that consists of letters and digits.
        "qr": Markup(wallet.qr_svg(newest.code)) if newest and newest.code else "",  # noqa: S704
    }


async def _newest_offer(
    pool: DbPool, clock: Clock, visitor: Visitor, items: list[InboxItemOut], language: Language
) -> OfferOut | None:
    """The newest coupon that can be used."""
    for item in items:
        if item.offer_id is None:
            continue
        offer = await _offer(pool, clock, visitor, item.offer_id, language)
        if offer and offer.code and offer.state in (ShownState.ISSUED, ShownState.OPENED):
            return offer
    return None


async def _offer(
    pool: DbPool, clock: Clock, visitor: Visitor, offer_id: uuid.UUID, language: Language
) -> OfferOut | None:
    try:
        return await wallet.find(
            pool,
            visitor.district.id,
            visitor.principal.subject_id,
            offer_id,
            now=clock.now(),
            language=language,
        )
    except NotFound:
        return None

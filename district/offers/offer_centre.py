"""The offer centre: what anybody in the district may claim, the nearest first."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from district.database import Pool
from district.offers import claim_queries
from district.offers.claim_schemas import ClaimableOut, ClaimableStore
from district.offers.claims import needs_poster
from district.offers.terms import Terms, of_row
from district.offers.wording import told
from district.stores.book import DistrictStores, StoreFacts
from geo.coordinates import LonLat
from geo.metric import distance_m
from push.campaign_life import CampaignState
from push.errors import PushError
from push.offer import ClaimMode, OfferValue, ValueKind
from push.offer_document import write_value
from push.wording import Language, Localised

MOST_LISTED = 1_000
MOST_STORES = 5
FARTHEST_M = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a reader asks the offer centre for."""

    origin: LonLat | None = None
    category: str | None = None
    has_stock: bool = False
    language: Language = Language.EN


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What the database says of claimable offers: their terms, what is left of each, and where each is used."""

    terms: Sequence[Terms]
    left: Mapping[uuid.UUID, int | None]
    stores: Mapping[uuid.UUID, Sequence[uuid.UUID]]


async def read(
    pool: Pool, district_id: uuid.UUID, *, now: datetime, only: uuid.UUID | None = None
) -> Listing:
    """Everything listed now, or one campaign whether it is listed or not. One that cannot be read is left out."""
    values = {"district_id": district_id, "now": now, "after": None, "limit": MOST_LISTED}
    statement = claim_queries.CLAIMABLE_SQL
    if only is not None:
        statement, values = claim_queries.TERMS_SQL, values | {"campaigns": [only]}
    async with pool.connection() as connection:
        rows = await (await connection.execute(statement, values)).fetchall()
        terms = [one for row in rows if (one := _readable(row)) is not None]
        keys = {"district_id": district_id, "campaigns": [one.campaign_id for one in terms]}
        left = await (await connection.execute(claim_queries.LEFT_SQL, keys)).fetchall()
        places = await (await connection.execute(claim_queries.STORES_OF_SQL, keys)).fetchall()
    stores: dict[uuid.UUID, list[uuid.UUID]] = {}
    for campaign_id, store_id in places:
        stores.setdefault(campaign_id, []).append(store_id)
    return Listing(terms=terms, left=dict(left), stores=stores)


def _readable(row: Sequence[object]) -> Terms | None:
    try:
        return of_row(row)
    except PushError:
        return None


def page(
    listing: Listing,
    book: DistrictStores,
    wanted: Wanted,
    *,
    now: datetime,
    after: uuid.UUID | None = None,
    limit: int = 50,
) -> tuple[list[ClaimableOut], uuid.UUID | None]:
    """What fits, the nearest first (else the newest), what is sold out last; and the key of the next page."""
    shown = [shown_of(one, listing, book, wanted, now=now) for one in listing.terms]
    fitting = [
        one
        for one in shown
        if (not wanted.has_stock or one.has_stock)
        and (not wanted.category or any(store.category == wanted.category for store in one.stores))
        and (one.closes_at is None or one.closes_at > now)
    ]
    fitting.sort(key=lambda one: one.id, reverse=True)
    if wanted.origin is not None:
        fitting.sort(key=_distance_m)
    fitting.sort(key=lambda one: not one.has_stock)
    places = {one.id: place for place, one in enumerate(fitting)}
    start = places.get(after, -1) + 1 if after is not None else 0
    part = fitting[start : start + limit]
    return part, part[-1].id if start + limit < len(fitting) else None


def shown_of(
    terms: Terms,
    listing: Listing,
    book: DistrictStores,
    wanted: Wanted,
    *,
    now: datetime,
    with_price: bool = False,
) -> ClaimableOut:
    """One claimable offer as its reader sees it; an in-store price only with_price."""
    offer, left = terms.offer, listing.left.get(terms.campaign_id)
    is_hidden = offer.value.kind is ValueKind.IN_STORE_PRICE and not with_price
    words = told(
        terms,
        book.district,
        variant=None,
        value=OfferValue(kind=ValueKind.NONE) if is_hidden else offer.value,
        until=now + terms.ttl,
    )
    claim = offer.claim
    ends = [one for one in (claim.closes_at if claim else None, terms.ends_at) if one is not None]
    return ClaimableOut(
        id=terms.campaign_id,
        kind=offer.kind,
        mode=claim.mode if claim else ClaimMode.OPEN,
        value={"type": offer.value.kind.value} if is_hidden else write_value(offer.value),
        title=_read(words.title, wanted.language),
        text=_read(words.text, wanted.language),
        opens_at=claim.opens_at if claim else None,
        closes_at=min(ends, default=None),
        has_stock=terms.state != CampaignState.EXHAUSTED and (left is None or left > 0),
        left=left,
        needs_poster=needs_poster(terms),
        per_member=terms.per_member or 1,
        stores=_stores(listing.stores.get(terms.campaign_id, ()), book, wanted),
    )


def _stores(ids: Sequence[uuid.UUID], book: DistrictStores, wanted: Wanted) -> list[ClaimableStore]:
    found = [_store(book.stores[book.rows[one]], wanted) for one in ids if one in book.rows]
    found.sort(key=lambda one: (one.distance_m or 0.0, one.id))
    return found[:MOST_STORES]


def _store(facts: StoreFacts, wanted: Wanted) -> ClaimableStore:
    away_m = None if wanted.origin is None else round(distance_m(wanted.origin, facts.position), 1)
    return ClaimableStore(
        id=facts.id,
        name=facts.title(wanted.language),
        category=facts.category,
        floor=facts.floor,
        lon=facts.position.lon,
        lat=facts.position.lat,
        distance_m=away_m,
    )


def _distance_m(one: ClaimableOut) -> float:
    distances = [store.distance_m for store in one.stores if store.distance_m is not None]
    return min(distances, default=FARTHEST_M)


def _read(words: Mapping[str, str], language: Language) -> str:
    if not words:
        return ""
    return Localised(zh=words.get("zh"), en=words.get("en")).read(language)[1]

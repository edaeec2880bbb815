"""Claiming: a reserved piece becomes its member's, or a piece of what anybody may have is taken."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.audiences import timeline
from district.database import new_id
from district.districts.service import DistrictInfo
from district.offers import claim_queries, eligible, giving, offline, pools, queries, reservations
from district.offers import terms as terms_of
from district.offers.claim_problems import (
    ClaimOver,
    NotForYou,
    NotYetOpen,
    OnePerPerson,
    OnlyByPoster,
    SoldOut,
)
from district.offers.models import OfferState
from district.offers.terms import Terms
from district.offers.wording import told
from district.problems import NotFound
from push.audience_terms import EventKind
from push.campaign_life import IN_FORCE, CampaignState
from push.coupon import RANDOM_BYTES, code_from
from push.offer import Claim, ClaimMode, OfferKind, OfferValue, ValueKind
from push.offer_document import write_value
from push.wording import Localised, both

Connection = AsyncConnection[TupleRow]
_WHY = both(zh="您自己领取的。", en="You claimed it yourself.")


class Source(StrEnum):
    """Where a claimed offer came from."""

    RESERVATION = "reservation"
    OFFER_CENTRE = "offer_centre"
    POSTER = "poster"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Who claims what, when. key makes a repeat the same claim; token is what a poster's code holds."""

    member_id: uuid.UUID
    id: uuid.UUID
    now: datetime
    key: str | None = None
    token: str | None = None
    why: Localised = _WHY

    @property
    def source(self) -> Source:
        """Where he found what anybody may have."""
        return Source.POSTER if self.token else Source.OFFER_CENTRE

    @property
    def occurrence_key(self) -> str:
        """At most one offer of a campaign to a member under it."""
        return f"claim:{self.key}" if self.key else f"claim:{uuid.uuid4().hex}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """The offer that the member now has; is_new is False when he had it before he asked."""

    offer_id: uuid.UUID
    source: Source
    is_new: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """What the member has already of what he claims."""

    rows: Sequence[tuple[Any, ...]] = field(default_factory=tuple)

    def reserved(self) -> uuid.UUID | None:
        """A piece that is held for him."""
        found: list[uuid.UUID] = [row[0] for row in self.rows if row[1] == OfferState.RESERVED]
        return found[0] if found else None

    def newest(self) -> uuid.UUID | None:
        """The last offer that he got."""
        return self.rows[0][0] if self.rows else None


async def claim(connection: Connection, district: DistrictInfo, asked: Asked) -> Claimed | Terms:
    """The offer that the member now has; for a drop its terms, as one stands in line for it.

    Call it in a transaction, and undo that for whatever it raises.

    Raises: NotFound, NotYetOpen, ClaimOver, OnlyByPoster, NotForYou, OnePerPerson, SoldOut.
    """
    had = await own(connection, district.id, asked)
    mine = await claim_reserved(connection, district.id, asked, had)
    if mine is not None:
        return mine
    terms = await claimable(connection, district, asked)
    if terms.offer.claim is not None and terms.offer.claim.mode is ClaimMode.DROP:
        return terms
    try:
        offer_id = await take_one(connection, district, terms, asked)
    except OnePerPerson:
        raise OnePerPerson(had.newest()) from None
    return Claimed(offer_id=offer_id, source=asked.source)


async def own(connection: Connection, district_id: uuid.UUID, asked: Asked) -> Own:
    """Lock the member, as whoever issues to him does, and read what he has. Raises: NotFound for nobody."""
    values = {"district_id": district_id, "members": [asked.member_id]}
    locked = await (await connection.execute(queries.LOCK_MEMBERS_SQL, values)).fetchall()
    if not locked:
        raise NotFound("No such member.")
    values |= {"member_id": asked.member_id, "id": asked.id}
    return Own(rows=await (await connection.execute(claim_queries.OWN_OFFERS_SQL, values)).fetchall())


async def claim_reserved(
    connection: Connection, district_id: uuid.UUID, asked: Asked, had: Own
) -> Claimed | None:
    """Make the piece that is held for the member his; None when none is.

    The same member may come back for it as long as nobody has given it back, whatever happened between.

    Raises: ClaimOver when its time is over.
    """
    reserved = had.reserved()
    if reserved is not None:
        values = {
            "district_id": district_id,
            "offer_id": reserved,
            "member_id": asked.member_id,
            "now": asked.now,
        }
        row = await (await connection.execute(claim_queries.CLAIM_RESERVED_SQL, values)).fetchone()
        if row is None:
            raise ClaimOver
        await timeline.record_offer(
            connection, district_id, asked.member_id, EventKind.CLAIM, reserved, at=asked.now
        )
        await giving.give(connection, district_id, asked.member_id, reserved, now=asked.now)
        return Claimed(offer_id=reserved, source=Source.RESERVATION)
    for id_, _, occurrence_key in had.rows:
        if id_ == asked.id:
            return Claimed(offer_id=id_, source=Source.RESERVATION, is_new=False)
        if asked.key is not None and occurrence_key == asked.occurrence_key:
            return Claimed(offer_id=id_, source=asked.source, is_new=False)
    return None


async def claimable(connection: Connection, district: DistrictInfo, asked: Asked) -> Terms:
    """The terms of what anybody may claim now, if this member may.

    Raises: NotFound, NotYetOpen, ClaimOver, OnlyByPoster, NotForYou.
    """
    known = await terms_of.load(connection, district.id, [asked.id])
    terms = known.get(asked.id)
    claim = terms.offer.claim if terms is not None else None
    if terms is None or claim is None or claim.mode is ClaimMode.RESERVE:
        raise NotFound("No such offer.")
    check_open(terms, claim, asked.now)
    if needs_poster(terms) and not await _has_poster(connection, district.id, asked):
        raise OnlyByPoster
    if not await eligible.is_for(connection, district, asked.id, asked.member_id, now=asked.now):
        raise NotForYou(eligible.REASON)
    return terms


def check_open(terms: Terms, claim: Claim, now: datetime) -> None:
    """Raises: NotYetOpen, ClaimOver, SoldOut; NotFound for what was never approved."""
    if terms.state in {CampaignState.DRAFT, CampaignState.IN_REVIEW}:
        raise NotFound("No such offer.")
    ends = [one for one in (claim.closes_at, terms.ends_at) if one is not None and one <= now]
    if ends or terms.state in {CampaignState.ENDED, CampaignState.CANCELLED}:
        raise ClaimOver
    if terms.state == CampaignState.EXHAUSTED or terms.has_points_off:
        raise SoldOut
    starts = [one for one in (claim.opens_at, terms.starts_at) if one is not None and one > now]
    if starts or terms.state not in IN_FORCE:
        raise NotYetOpen(max(starts, default=None))


def needs_poster(terms: Terms) -> bool:
    """Whether only who has scanned the code in the shop may have it: what is not listed, and in-store prices."""
    claim = terms.offer.claim
    is_listed = claim is not None and claim.is_listed
    return not is_listed or terms.offer.value.kind is ValueKind.IN_STORE_PRICE


async def _has_poster(connection: Connection, district_id: uuid.UUID, asked: Asked) -> bool:
    if asked.token is None:
        return False
    values = {"district_id": district_id, "token": asked.token}
    row = await (await connection.execute(claim_queries.LINK_SQL, values)).fetchone()
    return row is not None and row[0] == asked.id


async def take_one(connection: Connection, district: DistrictInfo, terms: Terms, asked: Asked) -> uuid.UUID:
    """Give the member a piece: its own row of the pool, or one less of the stock.

    Call it with the member locked. Whatever it raises, the caller undoes the transaction or savepoint.

    Raises: SoldOut, OnePerPerson.
    """
    if terms.has_points_off:
        raise SoldOut
    offer_id = new_id()
    amount_minor: int | None = None
    if terms.is_pooled:
        drawn = await pools.take_pieces(connection, district.id, terms, [offer_id])
        if offer_id not in drawn:
            raise SoldOut
        amount_minor = drawn[offer_id]
    await _write(connection, district, terms, asked, offer_id=offer_id, amount_minor=amount_minor)
    if terms.has_allowance and not await reservations.take_allowance(
        connection, district, terms, offer_id, now=asked.now
    ):
        raise SoldOut
    await offline.bind(connection, district.id, [(offer_id, terms)])
    await timeline.record_offer(
        connection, district.id, asked.member_id, EventKind.CLAIM, offer_id, at=asked.now
    )
    if not terms.is_pooled:
        # Last and by itself, so that the row that all claimers share is locked no longer than the commit takes.
        values = {"district_id": district.id, "campaign_id": terms.campaign_id}
        if (await connection.execute(claim_queries.TAKE_ONE_SQL, values)).rowcount == 0:
            raise SoldOut
    if terms.offer.kind is OfferKind.POINTS:
        await giving.give(connection, district.id, asked.member_id, offer_id, now=asked.now)
    return offer_id


async def _write(
    connection: Connection,
    district: DistrictInfo,
    terms: Terms,
    asked: Asked,
    *,
    offer_id: uuid.UUID,
    amount_minor: int | None,
) -> None:
    """The offer, with the member's slot in the campaign. Raises: OnePerPerson."""
    offer, until = terms.offer, asked.now + terms.ttl
    value = offer.value
    if amount_minor is not None:
        value = OfferValue(kind=ValueKind.AMOUNT, minor_units=amount_minor)
    variant = offer.variant_of(terms.campaign_id, asked.member_id)
    words = told(terms, district, variant=variant, value=value, until=until)
    (slot,) = terms.own_slots(terms.per_member or 1)
    cursor = await connection.execute(
        claim_queries.INSERT_CLAIM_SQL,
        {
            "district_id": district.id,
            "member_id": asked.member_id,
            "campaign_id": terms.campaign_id,
            "id": offer_id,
            "scope": slot.scope,
            "slots": slot.slots,
            "key": asked.occurrence_key,
            "code": code_from(secrets.token_bytes(RANDOM_BYTES)),
            "kind": offer.kind.value,
            "value": Jsonb(write_value(value)),
            "title": Jsonb(dict(words.title)),
            "text": Jsonb(dict(words.text)),
            "why": Jsonb({"zh": asked.why.zh, "en": asked.why.en}),
            "version": terms.version,
            "variant": variant.name if variant else "",
            "stacks": sorted(offer.stacks_with),
            "until": until,
            "now": asked.now,
        },
    )
    if await cursor.fetchone() is None:
        raise OnePerPerson(None)

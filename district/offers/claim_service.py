"""A claim from the request to its answer."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.offers import claims, drops, wallet
from district.offers.claim_problems import SoldOut
from district.offers.claim_schemas import ClaimOut, TicketOut
from district.offers.claims import Asked, Claimed, Source
from district.offers.drops import Ticket, TicketState
from push.wording import Language


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a claim."""

    status: HTTPStatus
    answer: ClaimOut


async def claim(
    pool: Pool, district: DistrictInfo, asked: Asked, *, language: Language | None = None
) -> Outcome:
    """Claim; of a drop, stand in line, and be served at once if nobody is before.

    Raises: as ``claims.claim``; SoldOut also for a place in line that got nothing.
    """
    place = await drops.ticket(pool, district.id, asked.id, asked.member_id)
    if place is None:
        async with transaction(pool) as connection:
            claimed = await claims.claim(connection, district, asked)
        if isinstance(claimed, Claimed):
            offer = await wallet.find(
                pool,
                district.id,
                asked.member_id,
                claimed.offer_id,
                now=asked.now,
                language=language,
                opens=False,
            )
            status = HTTPStatus.CREATED if claimed.is_new else HTTPStatus.OK
            return Outcome(status=status, answer=ClaimOut(source=claimed.source, offer=offer, ticket=None))
        await drops.join(pool, district, asked)
    return await _served(pool, district, asked, language)


async def _served(pool: Pool, district: DistrictInfo, asked: Asked, language: Language | None) -> Outcome:
    found = await place(pool, district, asked.id, asked.member_id, now=asked.now)
    if found is None or found.state is TicketState.LOST:
        raise SoldOut
    if found.offer_id is None:
        answer = ClaimOut(source=Source.DROP, offer=None, ticket=found)
        return Outcome(status=HTTPStatus.ACCEPTED, answer=answer)
    offer = await wallet.find(
        pool, district.id, asked.member_id, found.offer_id, now=asked.now, language=language, opens=False
    )
    return Outcome(status=HTTPStatus.CREATED, answer=ClaimOut(source=Source.DROP, offer=offer, ticket=found))


async def place(
    pool: Pool, district: DistrictInfo, campaign_id: uuid.UUID, member_id: uuid.UUID, *, now: datetime
) -> TicketOut | None:
    """The member's place in line as it is now; whoever asks while nobody serves the line serves it."""
    found = await drops.ticket(pool, district.id, campaign_id, member_id)
    if found is not None and found.state is TicketState.WAITING:
        await drops.settle(pool, district, campaign_id, now=now)
        found = await drops.ticket(pool, district.id, campaign_id, member_id)
    return _shown(found) if found is not None else None


def _shown(ticket: Ticket) -> TicketOut:
    return TicketOut(
        state=ticket.state,
        number=ticket.number,
        ahead=ticket.ahead,
        offer_id=ticket.offer_id,
        joined_at=ticket.joined_at,
    )

"""What follows from a delivery's new state, in the transaction that writes it: offers, addresses, slots of channels."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.channels import addresses
from district.channels.addresses import Address
from district.deliveries import queries
from district.deliveries.messages import endpoint_of
from district.districts.service import DistrictInfo
from district.offers import reservations
from district.offers import service as offers
from push.decision import Refusal
from push.delivery import DeliveryState, Result
from push.identifiers import CampaignId, MemberId
from push.suppression import Suppression

Connection = AsyncConnection[TupleRow]
NOT_ARRIVED = frozenset(
    {DeliveryState.SUPPRESSED, DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.DEAD}
)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A row as it stands after its result was written. ``channel`` is the next one where another takes over."""

    result: Result
    channel: str
    state: DeliveryState
    reason: str
    member_id: uuid.UUID | None
    offer_id: uuid.UUID | None
    payload: Mapping[str, Any]
    fallbacks: Sequence[str]
    address: Address | None

    @classmethod
    def of(cls, row: tuple[Any, ...], result: Result, address: Address | None) -> Self:
        """From a row of RECORD_SQL, which the driver leaves untyped."""
        return cls(
            result=result,
            channel=row[1],
            state=DeliveryState(row[2]),
            reason=row[3],
            member_id=row[5],
            offer_id=row[6],
            payload=row[7],
            fallbacks=row[9],
            address=address,
        )

    @property
    def unused(self) -> set[str]:
        """Channels that will not carry it any more."""
        if self.state is DeliveryState.QUEUED:
            return {self.result.by.value} - {self.channel, *self.fallbacks}
        carried = set() if self.state in NOT_ARRIVED else {self.channel}
        return {self.result.by.value, *self.fallbacks} - carried

    @property
    def why_untold(self) -> Suppression:
        """The reason that the rules gave, else what the state says."""
        if self.reason in set(Suppression):
            return Suppression(self.reason)
        return Suppression.STALE if self.state is DeliveryState.EXPIRED else Suppression.NO_ENDPOINT


async def consequences(
    connection: Connection, district: DistrictInfo, recorded: Sequence[Recorded], *, now: datetime
) -> None:
    """Carry out all that follows from these rows."""
    await _give_back(connection, district, recorded, now=now)
    await _disable_webhooks(connection, district.id, recorded, now=now)
    await _note_addresses(connection, district.id, recorded)
    await _release_channels(connection, district.id, recorded)


async def _give_back(
    connection: Connection, district: DistrictInfo, recorded: Sequence[Recorded], *, now: datetime
) -> None:
    """Offers of which no message arrived: void them, free their slots and stock, keep the reason."""
    untold = {
        one.offer_id: one
        for one in recorded
        if one.state in NOT_ARRIVED and one.member_id is not None and one.offer_id is not None
    }
    if not untold:
        return
    await reservations.void_unsent(connection, district.id, list(untold))
    values = {"district_id": district.id, "offers": list(untold)}
    cursor = await connection.execute(queries.VOID_CAMPAIGNS_SQL, values)
    refusals = [
        Refusal(
            campaign_id=CampaignId(campaign_id),
            member_id=MemberId(member_id),
            reason=untold[offer_id].why_untold,
            at=now,
        )
        for offer_id, campaign_id, member_id in await cursor.fetchall()
    ]
    await offers.write_refusals(connection, district, refusals)


async def _disable_webhooks(
    connection: Connection, district_id: uuid.UUID, recorded: Sequence[Recorded], *, now: datetime
) -> None:
    gone = [
        endpoint
        for one in recorded
        if one.result.is_address_gone and (endpoint := endpoint_of(one.payload)) is not None
    ]
    if gone:
        values = {"district_id": district_id, "now": now, "endpoints": gone}
        await connection.execute(queries.DISABLE_ENDPOINTS_SQL, values)


async def _note_addresses(
    connection: Connection, district_id: uuid.UUID, recorded: Sequence[Recorded]
) -> None:
    """Remember which addresses of members work, and which do not exist."""
    known = [(one, one.address) for one in recorded if one.address is not None]
    worked = {
        address.endpoint_id
        for one, address in known
        if one.state is DeliveryState.ACCEPTED and address.endpoint_id
    }
    gone = [(one, address) for one, address in known if one.result.is_address_gone]
    endpoints = {address.endpoint_id for _, address in gone if address.endpoint_id}
    await addresses.note(connection, district_id, worked=worked, gone=endpoints)
    contacts = [
        (one.member_id, one.result.by, address.address, one.result.reason)
        for one, address in gone
        if address.endpoint_id is None and one.member_id is not None
    ]
    await addresses.contacts_gone(connection, district_id, contacts)


async def _release_channels(
    connection: Connection, district_id: uuid.UUID, recorded: Sequence[Recorded]
) -> None:
    """Give back the cap slots of channels that only stood by, and of those that did not carry the message."""
    unused = [
        (one.member_id, one.offer_id, channel)
        for one in recorded
        if one.member_id is not None and one.offer_id is not None
        for channel in sorted(one.unused)
    ]
    if unused:
        names = ("members", "offers", "channels")
        values = {name: [row[place] for row in unused] for place, name in enumerate(names)}
        await connection.execute(queries.RELEASE_CHANNEL_SLOTS_SQL, {"district_id": district_id, **values})

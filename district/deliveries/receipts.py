"""What providers tell afterwards: kept once, in any order, and carried over to deliveries, addresses and consents."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.channels import suppression
from district.channels.addresses import CONTACTS
from district.channels.kinds.kind import ReceiptEvent, ReceiptKind
from district.channels.models import ChannelProvider, EndpointState, MemberEndpoint
from district.clock import Clock
from district.deliveries import address_events
from district.deliveries.models import DeliveryReceipt
from district.districts.service import DistrictInfo
from district.members import consents
from district.members.models import Member
from district.outbox.models import OutboxMessage
from push.consent import Channel, Purpose

MOST_AHEAD = timedelta(minutes=5)
ARRIVED = frozenset({ReceiptKind.DELIVERED, ReceiptKind.SHOWN, ReceiptKind.OPENED, ReceiptKind.CLICKED})
OPENED = frozenset({ReceiptKind.OPENED, ReceiptKind.CLICKED})
REFUSING = frozenset({ReceiptKind.COMPLAINED, ReceiptKind.STOPPED})
MOST_KEY, MOST_DETAIL = 300, 200


def take(
    session: Session,
    district: DistrictInfo,
    provider: ChannelProvider,
    events: Sequence[ReceiptEvent],
    *,
    clock: Clock,
) -> int:
    """Keep receipts and carry out what they say; how many were new.

    A receipt of a message that is not known yet waits for the answer that names it.
    """
    return sum(_take(session, district, provider, event, clock=clock) for event in events)


def _take(
    session: Session, district: DistrictInfo, provider: ChannelProvider, event: ReceiptEvent, *, clock: Clock
) -> bool:
    message = _message(session, district.id, provider.id, event.message_id)
    received_at = clock.machine_now()
    added = session.execute(
        insert(DeliveryReceipt)
        .values(
            district_id=district.id,
            provider_id=provider.id,
            event_key=event.key[:MOST_KEY],
            provider_message_id=event.message_id,
            delivery_id=message.id if message else None,
            kind=event.kind,
            part=event.part,
            detail=event.detail[:MOST_DETAIL],
            address_hash=event.address_hash,
            at=_credible(event.at, received_at),
            received_at=received_at,
        )
        .on_conflict_do_nothing()
        .returning(DeliveryReceipt.event_key)
    ).first()
    if added is not None and message is not None:
        told = Told(kind=event.kind, at=received_at, detail=event.detail, address_hash=event.address_hash)
        carry_out(session, district, message, told, clock=clock)
    if added is not None and message is None and event.address:
        address_events.carry_out(session, district, provider, event)
    return added is not None


def _credible(at: datetime | None, received_at: datetime) -> datetime:
    """The provider's time, unless it names none, or one that is still to come."""
    return received_at if at is None or at.tzinfo is None or at > received_at + MOST_AHEAD else at


def _message(
    session: Session, district_id: uuid.UUID, provider_id: uuid.UUID, message_id: str
) -> OutboxMessage | None:
    """The message that a provider names: by its own name for it, or by the delivery's id."""
    here = OutboxMessage.district_id == district_id
    wanted = select(OutboxMessage).where(
        here, OutboxMessage.provider_id == provider_id, OutboxMessage.provider_message_id == message_id
    )
    found = session.scalars(wanted.where(OutboxMessage.provider_message_id != "").limit(1)).first()
    if found is not None:
        return found
    try:
        own = uuid.UUID(message_id)
    except ValueError:
        return None
    return session.scalars(
        select(OutboxMessage).where(here, OutboxMessage.id == own, OutboxMessage.provider_id == provider_id)
    ).first()


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a receipt says. address_hash: of what address alone it says it."""

    kind: ReceiptKind
    at: datetime
    detail: str = ""
    address_hash: bytes | None = None


def carry_out(
    session: Session, district: DistrictInfo, message: OutboxMessage, told: Told, *, clock: Clock
) -> None:
    """What a receipt says of its message: it arrived, it came back, its reader wants no more."""
    if told.kind in ARRIVED:
        _mark(session, message, at=told.at, is_opened=told.kind in OPENED)
        _arrived(session, message, told)
    elif told.kind in REFUSING:
        _refuse(session, district, message, told.kind, clock=clock)
    elif Channel(message.channel) in CONTACTS:
        _came_back(session, message, told)
    elif told.kind is ReceiptKind.ADDRESS_GONE:
        _address_gone(session, message, told.address_hash)


def _came_back(session: Session, message: OutboxMessage, told: Told) -> None:
    """Hold it against the number or e-mail address, if the member still has the one that it went to."""
    if message.member_id is None or told.address_hash is None:
        return
    suppression.came_back(
        session,
        message.district_id,
        suppression.Returned(
            member_id=message.member_id,
            channel=Channel(message.channel),
            digest=told.address_hash,
            is_gone=told.kind is ReceiptKind.ADDRESS_GONE,
            reason=told.detail,
            at=told.at,
        ),
    )


def _arrived(session: Session, message: OutboxMessage, told: Told) -> None:
    """A number that takes texts is no number to give up, however often it was switched off before."""
    if message.channel == Channel.SMS and message.member_id is not None and told.address_hash is not None:
        suppression.arrived(
            session, message.district_id, message.member_id, Channel.SMS, digest=told.address_hash
        )


def _mark(session: Session, message: OutboxMessage, *, at: datetime, is_opened: bool) -> None:
    values = {"delivered_at": func.coalesce(OutboxMessage.delivered_at, at)}
    if is_opened:
        values["opened_at"] = func.coalesce(OutboxMessage.opened_at, at)
    key = (OutboxMessage.district_id == message.district_id, OutboxMessage.id == message.id)
    session.execute(update(OutboxMessage).where(*key).values(**values))


def _address_gone(session: Session, message: OutboxMessage, digest: bytes | None) -> None:
    """The endpoint that it went to is gone: the one named, else the one that took a message last."""
    if message.member_id is None:
        return
    start = func.substr(MemberEndpoint.address_hash, 1, len(digest or b""))
    is_named = start == digest if digest is not None else true()
    newest = (
        select(MemberEndpoint.id)
        .where(
            MemberEndpoint.district_id == message.district_id,
            MemberEndpoint.member_id == message.member_id,
            MemberEndpoint.channel == message.channel,
            MemberEndpoint.state != EndpointState.GONE,
            is_named,
        )
        .order_by(MemberEndpoint.last_ok_at.desc().nulls_last())
        .limit(1)
        .scalar_subquery()
    )
    here = MemberEndpoint.district_id == message.district_id
    session.execute(
        update(MemberEndpoint).where(here, MemberEndpoint.id == newest).values(state=EndpointState.GONE)
    )


def _refuse(
    session: Session, district: DistrictInfo, message: OutboxMessage, kind: ReceiptKind, *, clock: Clock
) -> None:
    """Who complains to his provider, or stops there, agrees to no more messages by this channel."""
    member = session.get(Member, (district.id, message.member_id)) if message.member_id else None
    if member is None:
        return
    consents.decide(
        session,
        district,
        member,
        purpose=Purpose.MARKETING,
        channel=Channel(message.channel),
        granted=False,
        language=member.language,
        action="provider",
        source=f"provider:{kind.value}",
        at=clock.now(),
    )

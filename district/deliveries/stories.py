"""What became of messages, for the operator: lists, counts, the story of one, and sending one again."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.channels.models import ChannelProvider
from district.clock import Clock
from district.database import notify
from district.deliveries import queries
from district.deliveries.models import DeliveryAttempt, DeliveryReceipt
from district.offers.models import Offer, OfferState
from district.outbox.models import OutboxMessage
from district.outbox.service import CHANNEL
from district.problems import Conflict, NotFound
from push.consent import Channel
from push.delivery import DeliveryState
from push.message import MessagePurpose

AGAIN: Final = frozenset({DeliveryState.DEAD, DeliveryState.FAILED})
"""What certainly did not arrive. Of one that is unknown nobody can say so: it is never sent twice."""
MOST_LINES: Final = 200
NO_NAME: Final = ""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which messages to look at; None: whichever. Times are of the planning, [since, until)."""

    state: DeliveryState | None = None
    channel: Channel | None = None
    campaign_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message with the names of what it belongs to."""

    message: OutboxMessage
    campaign_id: uuid.UUID | None
    campaign: str
    provider: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How long the oldest message of a channel has been due, and the oldest call has lasted, in machine seconds."""

    channel: str
    waiting: int
    oldest_s: float
    sending: int
    oldest_sending_s: float


@dataclass(frozen=True, kw_only=True)
class Story:
    """One message from its planning to its last receipt."""

    delivery: Delivery
    attempts: Sequence[tuple[DeliveryAttempt, str]]
    """Each with the slug of the provider that was asked."""
    receipts: Sequence[tuple[DeliveryReceipt, str]]
    refusal: str
    """Why it cannot be sent again; empty when it can."""


def _listed(district_id: uuid.UUID, wanted: Wanted) -> Select[*tuple[Any, ...]]:
    found = (
        select(OutboxMessage, Offer.campaign_id, Campaign.name, ChannelProvider.slug)
        .outerjoin(
            Offer,
            (Offer.district_id == OutboxMessage.district_id) & (Offer.id == OutboxMessage.offer_id),
        )
        .outerjoin(Campaign, (Campaign.district_id == Offer.district_id) & (Campaign.id == Offer.campaign_id))
        .outerjoin(
            ChannelProvider,
            (ChannelProvider.district_id == OutboxMessage.district_id)
            & (ChannelProvider.id == OutboxMessage.provider_id),
        )
        .where(OutboxMessage.district_id == district_id)
    )
    if wanted.state is not None:
        found = found.where(OutboxMessage.state == wanted.state.value)
    if wanted.channel is not None:
        found = found.where(OutboxMessage.channel == wanted.channel.value)
    if wanted.campaign_id is not None:
        found = found.where(Offer.campaign_id == wanted.campaign_id)
    if wanted.since is not None:
        found = found.where(OutboxMessage.created_at >= wanted.since)
    if wanted.until is not None:
        found = found.where(OutboxMessage.created_at < wanted.until)
    return found


def listed(
    session: Session, district_id: uuid.UUID, wanted: Wanted, *, before: uuid.UUID | None, limit: int
) -> list[Delivery]:
    """Messages, the newest first, from below an id."""
    statement = _listed(district_id, wanted)
    if before is not None:
        statement = statement.where(OutboxMessage.id < before)
    rows = session.execute(statement.order_by(OutboxMessage.id.desc()).limit(limit)).all()
    return [_delivery(row) for row in rows]


def _delivery(row: Any) -> Delivery:
    return Delivery(
        message=row[0], campaign_id=row[1], campaign=row[2] or NO_NAME, provider=row[3] or NO_NAME
    )


def counted(session: Session, district_id: uuid.UUID, wanted: Wanted) -> dict[str, int]:
    """How many messages stand in each state, whichever state is looked at."""
    others = Wanted(
        channel=wanted.channel, campaign_id=wanted.campaign_id, since=wanted.since, until=wanted.until
    )
    rows = _listed(district_id, others).with_only_columns(OutboxMessage.state, func.count())
    return {row[0]: row[1] for row in session.execute(rows.group_by(OutboxMessage.state))}


def waiting(session: Session, district_id: uuid.UUID, *, now: datetime) -> list[Waiting]:
    """What is due and what is on its way, by channel."""
    rows = session.connection().exec_driver_sql(queries.WAITING_SQL, {"district_id": district_id, "now": now})
    return [
        Waiting(
            channel=row[0],
            waiting=row[1],
            oldest_s=float(row[2]),
            sending=row[3],
            oldest_sending_s=float(row[4]),
        )
        for row in rows
    ]


def find(session: Session, district_id: uuid.UUID, delivery_id: uuid.UUID) -> Delivery:
    """Raises: NotFound."""
    row = session.execute(_listed(district_id, Wanted()).where(OutboxMessage.id == delivery_id)).one_or_none()
    if row is None:
        raise NotFound("No such delivery; they are kept for seven days after their end.")
    return _delivery(row)


def tell(session: Session, district_id: uuid.UUID, delivery_id: uuid.UUID, *, now: datetime) -> Story:
    """The story of one message. Raises: NotFound."""
    delivery = find(session, district_id, delivery_id)
    return Story(
        delivery=delivery,
        attempts=_attempts(delivery, _lines(session, DeliveryAttempt, district_id, delivery_id)),
        receipts=_lines(session, DeliveryReceipt, district_id, delivery_id),
        refusal=_refusal(session, delivery.message, now=now),
    )


def _attempts(
    delivery: Delivery, written: Sequence[tuple[DeliveryAttempt, str]]
) -> list[tuple[DeliveryAttempt, str]]:
    """With the one by which it was taken, where that is written with the message alone."""
    message, lines = delivery.message, list(written)
    is_written = any(one.outcome == DeliveryState.ACCEPTED for one, _ in lines)
    if message.state != DeliveryState.ACCEPTED or is_written or not message.attempts:
        return lines
    if message.channel == Channel.INBOX or message.finished_at is None:
        return lines
    taken = DeliveryAttempt(
        district_id=message.district_id,
        delivery_id=message.id,
        channel=message.channel,
        provider_id=message.provider_id,
        outcome=message.state,
        detail="",
        at=message.finished_at,
    )
    return [*lines, (taken, delivery.provider)]


def _lines(session: Session, kind: Any, district_id: uuid.UUID, delivery_id: uuid.UUID) -> list[Any]:
    """Attempts or receipts of one message in the order of their times, with their providers' slugs."""
    statement = (
        select(kind, func.coalesce(ChannelProvider.slug, NO_NAME))
        .outerjoin(
            ChannelProvider,
            (ChannelProvider.district_id == kind.district_id) & (ChannelProvider.id == kind.provider_id),
        )
        .where(kind.district_id == district_id, kind.delivery_id == delivery_id)
        .order_by(kind.at)
        .limit(MOST_LINES)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def _refusal(session: Session, message: OutboxMessage, *, now: datetime) -> str:
    """Why a message cannot be sent again; empty when it can."""
    if message.state not in AGAIN:
        return "Only what is dead or failed is sent again: of anything else it is not certain that it did not arrive."
    if message.purpose == MessagePurpose.CODE:
        return "A one-time code is not sent again: ask for a new one."
    if message.send_before is not None and message.send_before <= now:
        return "Its time is over."
    if message.offer_id is not None:
        offer = session.get(Offer, (message.district_id, message.offer_id))
        if offer is None or offer.state == OfferState.VOID:
            return "Its offer was taken back when no message of it arrived."
    return ""


def replay(session: Session, district_id: uuid.UUID, delivery_id: uuid.UUID, *, clock: Clock) -> Delivery:
    """Queue a message again that certainly did not arrive. Raises: NotFound; Conflict, saying why not."""
    key = (district_id, delivery_id)
    message = session.get(OutboxMessage, key, with_for_update=True, populate_existing=True)
    if message is None:
        raise NotFound("No such delivery; they are kept for seven days after their end.")
    refusal = _refusal(session, message, now=clock.now())
    if refusal:
        raise Conflict(refusal)
    message.state, message.reason = DeliveryState.QUEUED.value, ""
    message.attempts = message.lost_leases = 0
    message.finished_at = message.lease_until = None
    session.flush()
    session.execute(
        text("UPDATE outbox_message SET retry_at = clock_timestamp() WHERE district_id = :d AND id = :id"),
        {"d": district_id, "id": delivery_id},
    )
    notify(session, CHANNEL, str(district_id))
    return find(session, district_id, delivery_id)

"""From leased rows to what the dispatcher sends."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import structlog

from district.channels import addresses
from district.channels.addresses import Address
from district.deliveries.messages import message_of
from district.offers.links import LinkKind, Links
from push.consent import Channel
from push.delivery import DeliveryState, LeasedDelivery, Result
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose

log = structlog.get_logger()
UNREADABLE_TRIES: Final = 5
FIRST_DELAY: Final = timedelta(seconds=2)


def readable(
    rows: Sequence[tuple[Any, ...]],
    urls: Mapping[uuid.UUID, str],
    found: Mapping[tuple[uuid.UUID, Channel], Address],
    links: Links,
) -> tuple[list[LeasedDelivery], list[Result]]:
    """What can be sent, and what becomes of rows that nobody can read: they must not stop the others."""
    deliveries: list[LeasedDelivery] = []
    unreadable: list[Result] = []
    for row in rows:
        try:
            deliveries.append(delivery_of(row, urls, found, links))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            log.error("deliveries.unreadable", delivery=str(row[0]), error=type(error).__name__)
            unreadable.append(_tried(row))
    return deliveries, unreadable


def _tried(row: tuple[Any, ...]) -> Result:
    """Tried once more, perhaps by a newer version of this program; parked at last."""
    id_, fence, attempts, channel = row[:4]
    is_over = attempts + 1 >= UNREADABLE_TRIES
    return Result(
        id=DeliveryId(id_),
        fence=fence,
        state=DeliveryState.DEAD if is_over else DeliveryState.QUEUED,
        by=Channel(channel),
        reason="unreadable",
        delay=FIRST_DELAY * (1 << attempts),
        counts=True,
    )


def delivery_of(
    row: tuple[Any, ...],
    urls: Mapping[uuid.UUID, str],
    found: Mapping[tuple[uuid.UUID, Channel], Address],
    links: Links,
) -> LeasedDelivery:
    """A row of LEASE_SQL, which the driver leaves untyped."""
    return LeasedDelivery(
        id=DeliveryId(row[0]),
        fence=row[1],
        attempts=row[2],
        message=_linked(message_of(row, urls, found), links),
        fallbacks=tuple(Channel(one) for one in row[10]),
    )


def _linked(message: Message, links: Links) -> Message:
    """With the addresses that lead on from it; only marketing can be stopped."""
    link = links.to(LinkKind.OFFER, message.offer_id, message.channel)
    is_marketing = message.purpose is MessagePurpose.MARKETING
    stop_link = links.to(LinkKind.STOP, message.offer_id, message.channel) if is_marketing else ""
    return replace(message, link=link, stop_link=stop_link) if link else message


def addressed(rows: Sequence[tuple[Any, ...]]) -> set[tuple[uuid.UUID, Channel]]:
    """Members and channels of rows that go to an address of the member's; a code says itself where it goes."""
    return {
        (row[5], Channel(row[3]))
        for row in rows
        if row[5] is not None and Channel(row[3]) in addresses.ADDRESSED and "to" not in row[7]
    }

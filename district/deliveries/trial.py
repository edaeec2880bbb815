"""One message of the operator's own by one provider, now and without the queue, to see whether it works."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from district import clock as clocks
from district.channels.kinds import KINDS
from district.channels.models import ChannelProvider
from district.clock import Clock
from district.database import new_id
from district.deliveries.building import building_of
from district.deliveries.channels import provider_policy_of
from district.deliveries.trial_texts import TrialWords
from district.districts.service import DistrictInfo
from district.problems import Unavailable
from district.sealing import SealBroken
from district.settings import Settings
from push.channels.outbound import Outbound
from push.channels.providers import Sender
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome

LONGEST: Final = timedelta(seconds=8)


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """To whom."""

    address: str
    keys: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of it, and how long that took."""

    outcome: Outcome
    took: timedelta


def run(
    settings: Settings,
    district: DistrictInfo,
    row: ChannelProvider,
    to: Addressee,
    *,
    words: TrialWords,
    clock: Clock,
) -> Tried:
    """Send and wait for the answer, LONGEST at most; for threads without a loop. Raises: Unavailable."""
    message = _message(row, to, words, clock=clock)
    return asyncio.run(_tried(settings, district, row, message, words=words, clock=clock))


async def _tried(
    settings: Settings,
    district: DistrictInfo,
    row: ChannelProvider,
    message: Message,
    *,
    words: TrialWords,
    clock: Clock,
) -> Tried:
    outbound = Outbound(policy=provider_policy_of(settings))
    started_s = clocks.monotonic()
    try:
        building = building_of(settings, district, row, clock=clock, outbound=outbound, texts=words.texts)
        sender = KINDS[row.kind].build(building)
        try:
            outcome = await _sent(sender, message)
        finally:
            close = getattr(sender, "close", None)
            if close is not None:
                await close()
    except (SealBroken, ValidationError, ValueError, KeyError) as error:
        raise Unavailable("The provider's credentials cannot be opened: enter them anew.") from error
    finally:
        await outbound.close()
    return Tried(outcome=outcome, took=timedelta(seconds=clocks.monotonic() - started_s))


async def _sent(sender: Sender, message: Message) -> Outcome:
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            return await sender.send(message)
    except TimeoutError:
        return Failure(kind=FailureKind.UNKNOWN, detail="deadline")


def _message(row: ChannelProvider, to: Addressee, words: TrialWords, *, clock: Clock) -> Message:
    return Message(
        id=DeliveryId(new_id()),
        channel=Channel(row.channel) if row.channel in set(Channel) else Channel.INBOX,
        purpose=words.purpose,
        address=to.address,
        keys=to.keys,
        language=words.language,
        title=words.title,
        body=words.body,
        at=clock.now(),
        code=words.code,
        link=words.link,
        facts=words.facts,
    )

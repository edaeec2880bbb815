"""The states of a delivery, and what an attempt's outcome makes of it: the rules of dispatch, without its loop."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from push.consent import Channel, Consents, may_contact
from push.identifiers import DeliveryId
from push.limits import QuietHours
from push.message import Message, MessagePurpose
from push.quiet import StoreHours, waits_until
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.suppression import Suppression


class DeliveryState(StrEnum):
    """Where a delivery stands between its planning and the provider's answer."""

    QUEUED = "queued"
    LEASED = "leased"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"
    DEAD = "dead"


_S = DeliveryState

TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = MappingProxyType(
    {
        _S.QUEUED: frozenset({_S.LEASED}),
        _S.LEASED: frozenset({_S.QUEUED, _S.SENDING, _S.SUPPRESSED, _S.EXPIRED}),
        _S.SENDING: frozenset({_S.ACCEPTED, _S.FAILED, _S.EXPIRED, _S.UNKNOWN, _S.DEAD, _S.QUEUED}),
    }
)
FINAL = frozenset(DeliveryState) - frozenset(TRANSITIONS)


def after_lease_ended(state: DeliveryState, purpose: MessagePurpose) -> DeliveryState:
    """What becomes of a row whose worker went away with it.

    Before `sending` nothing can have left, so it is queued again. In `sending` it may have: marketing
    becomes unknown and is never sent again, a code or a service message is sent again.
    """
    if state is DeliveryState.LEASED:
        return DeliveryState.QUEUED
    if state is not DeliveryState.SENDING:
        raise ValueError(f"A delivery that is {state} is not leased.")
    return DeliveryState.UNKNOWN if purpose is MessagePurpose.MARKETING else DeliveryState.QUEUED


@dataclass(frozen=True, kw_only=True, slots=True)
class LeasedDelivery:
    """A row that this worker may send while its lease lasts.

    fence grows with each lease of the row: writes that carry an older one are refused. attempts counts
    those made before by this channel. fallbacks are the channels to try, one after the other, when it cannot
    carry the message: never two at once, and none after what may have arrived.
    """

    id: DeliveryId
    fence: int
    attempts: int
    message: Message
    fallbacks: tuple[Channel, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SendFacts:
    """What holds for a marketing delivery now, read just before it is sent.

    may_offer: its campaign is live, within its dates and hours. is_void: the offer itself was withdrawn or
    already redeemed. is_muted: the member lets its merchant write nothing. quiet: the venue's hours and the member's own; all of them hold. store_hours: of the campaign's
    stores, which the inbox follows.
    """

    consents: Consents
    by_location: bool
    is_live: bool
    may_offer: bool
    is_erased: bool
    is_void: bool
    is_muted: bool = False
    member_zone: ZoneInfo | None
    district_zone: ZoneInfo
    quiet: tuple[QuietHours, ...]
    store_hours: StoreHours | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What to write for one row, if its fence still is the row's.

    delay: how much machine time later it may be tried again (QUEUED only). due_at: the business time
    before which it must not leave (QUEUED only). channel: by which it is tried next, from its first attempt on
    (QUEUED only; None: by the same). counts: whether this was an attempt. is_address_gone says that the address
    must be disabled. by is the channel that the row had, via the provider that was asked.
    """

    id: DeliveryId
    fence: int
    state: DeliveryState
    by: Channel
    reason: str = ""
    provider_id: str = ""
    delay: timedelta = timedelta(0)
    due_at: datetime | None = None
    counts: bool = False
    is_address_gone: bool = False
    channel: Channel | None = None
    via: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How long and how often a message is tried.

    Full jitter: a uniform draw between zero and the exponential, so that many failures do not come
    back together. Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015).
    """

    max_attempts: int = 6
    first_delay: timedelta = timedelta(seconds=2)
    longest_delay: timedelta = timedelta(minutes=5)
    default_pause: timedelta = timedelta(seconds=30)
    longest_pause: timedelta = timedelta(hours=1)

    def delay(self, attempts: int, chance: random.Random) -> timedelta:
        """How long to wait after this many attempts."""
        ceiling: timedelta = self.first_delay * (1 << min(attempts, 30))
        return min(ceiling, self.longest_delay) * chance.random()

    def put_off(self, failure: Failure) -> timedelta:
        """How long the provider wants this message, and no other, to be kept."""
        return min(max(failure.retry_after or timedelta(0), timedelta(0)), self.longest_delay)

    def pause(self, failure: Failure) -> timedelta:
        """How long a provider that throttles us is left alone."""
        wanted = self.default_pause if failure.retry_after is None else failure.retry_after
        return min(max(wanted, timedelta(0)), self.longest_pause)


def review(delivery: LeasedDelivery, facts: SendFacts | None, *, now: datetime) -> Result | None:
    """None when the delivery may leave now, else what becomes of it instead.

    facts is None for what is no marketing; marketing without facts does not leave.
    """
    message = delivery.message
    if message.expires_at is not None and message.expires_at <= now:
        return _result(delivery, DeliveryState.EXPIRED)
    if message.purpose is not MessagePurpose.MARKETING:
        return None
    if facts is None:
        return _result(delivery, DeliveryState.SUPPRESSED, reason=Suppression.ERASED)
    if suppression := _suppression(message, facts):
        suppressed = _result(delivery, DeliveryState.SUPPRESSED, reason=suppression)
        return _moved_on(delivery, suppressed) if suppression in _BY_CHANNEL else suppressed
    return _wait_for_quiet(delivery, facts, now=now)


# What another channel may do nevertheless.
_BY_CHANNEL = frozenset({Suppression.NO_CONSENT, Suppression.NO_ENDPOINT})


def _suppression(message: Message, facts: SendFacts) -> Suppression | None:
    if facts.is_erased:
        return Suppression.ERASED
    if not facts.is_live:
        return Suppression.PAUSED
    if facts.is_void:
        return Suppression.DUPLICATE
    if facts.is_muted:
        return Suppression.MUTED
    if not may_contact(facts.consents, message.channel, by_location=facts.by_location):
        return Suppression.NO_CONSENT
    if not message.address:
        return Suppression.NO_ENDPOINT
    return None if facts.may_offer else Suppression.OUT_OF_WINDOW


def _wait_for_quiet(delivery: LeasedDelivery, facts: SendFacts, *, now: datetime) -> Result | None:
    until = waits_until(
        delivery.message.channel,
        now=now,
        member_zone=facts.member_zone,
        district_zone=facts.district_zone,
        quiet=facts.quiet,
        store=facts.store_hours,
    )
    if until is None:
        return None
    expires_at = delivery.message.expires_at
    if expires_at is not None and expires_at <= until:
        return _result(delivery, DeliveryState.SUPPRESSED, reason=Suppression.QUIET_HOURS)
    return _result(delivery, DeliveryState.QUEUED, reason=Suppression.QUIET_HOURS, due_at=until)


def settle(
    delivery: LeasedDelivery, outcome: Outcome, *, now: datetime, policy: RetryPolicy, chance: random.Random
) -> Result:
    """What an attempt's outcome makes of the delivery; a fallback takes over what this channel certainly did not carry."""
    result = replace(_settled(delivery, outcome, now=now, policy=policy, chance=chance), via=outcome.via)
    return _moved_on(delivery, result) if result.state in _NOT_CARRIED else result


# EXPIRED: this channel would be free too late. Another may be free now.
_NOT_CARRIED = frozenset({DeliveryState.FAILED, DeliveryState.DEAD, DeliveryState.EXPIRED})


def _moved_on(delivery: LeasedDelivery, result: Result) -> Result:
    """The next channel instead of an end, if there is one."""
    if not delivery.fallbacks:
        return result
    return replace(result, state=DeliveryState.QUEUED, channel=delivery.fallbacks[0])


def _settled(
    delivery: LeasedDelivery, outcome: Outcome, *, now: datetime, policy: RetryPolicy, chance: random.Random
) -> Result:
    if isinstance(outcome, Receipt):
        return _result(delivery, DeliveryState.ACCEPTED, provider_id=outcome.provider_id, counts=True)
    match outcome.kind:
        case FailureKind.ADDRESS_GONE:
            return _result(
                delivery, DeliveryState.FAILED, reason=outcome.detail, counts=True, is_address_gone=True
            )
        case FailureKind.MESSAGE_REFUSED:
            return _result(delivery, DeliveryState.FAILED, reason=outcome.detail, counts=True)
        case FailureKind.THROTTLED:
            # The provider took nothing: waiting for it uses up no attempt.
            return _again(delivery, outcome, policy.pause(outcome), now=now, counts=False)
        case FailureKind.UNKNOWN if delivery.message.purpose is MessagePurpose.MARKETING:
            return _result(delivery, DeliveryState.UNKNOWN, reason=outcome.detail, counts=True)
        case _:
            if delivery.attempts + 1 >= policy.max_attempts:
                return _result(delivery, DeliveryState.DEAD, reason=outcome.detail, counts=True)
            delay = max(policy.delay(delivery.attempts, chance), policy.put_off(outcome))
            return _again(delivery, outcome, delay, now=now, counts=True)


def hold(delivery: LeasedDelivery, *, delay: timedelta) -> Result:
    """A row that goes back untried, because its channel must be left alone for a while."""
    return _result(delivery, DeliveryState.QUEUED, delay=delay)


def _again(
    delivery: LeasedDelivery, failure: Failure, delay: timedelta, *, now: datetime, counts: bool
) -> Result:
    expires_at = delivery.message.expires_at
    if expires_at is not None and now + delay >= expires_at:
        return _result(delivery, DeliveryState.EXPIRED, reason=failure.detail, counts=counts)
    return _result(delivery, DeliveryState.QUEUED, reason=failure.detail, delay=delay, counts=counts)


def _result(
    delivery: LeasedDelivery,
    state: DeliveryState,
    *,
    reason: str = "",
    provider_id: str = "",
    delay: timedelta = timedelta(0),
    due_at: datetime | None = None,
    counts: bool = False,
    is_address_gone: bool = False,
) -> Result:
    return Result(
        id=delivery.id,
        fence=delivery.fence,
        state=state,
        by=delivery.message.channel,
        reason=reason,
        provider_id=provider_id,
        delay=delay,
        due_at=due_at,
        counts=counts,
        is_address_gone=is_address_gone,
    )

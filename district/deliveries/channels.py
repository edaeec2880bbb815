"""The channels of this installation, by what its settings allow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from district.settings import Settings
from push.channels.console import ConsoleChannel
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.webhook import WebhookChannel
from push.consent import Channel
from push.dispatch import Channel as Sender
from push.message import Message
from push.receipts import Outcome, Receipt


@dataclass(frozen=True, slots=True)
class InboxChannel:
    """The member's page: recording the acceptance is the arrival, so there is nothing to send."""

    @property
    def name(self) -> Channel:
        return Channel.INBOX

    async def send(self, message: Message) -> Outcome:
        """Always taken; the row is written by the same transaction that records it."""
        return Receipt(provider_id=str(message.id))


def policy_of(settings: Settings) -> OutboundPolicy:
    """Where webhooks may go."""
    return OutboundPolicy(allows_loopback=settings.webhook_allow_private)


def channels_of(
    settings: Settings,
    outbound: Outbound,
    *,
    secrets: Callable[[str], Sequence[str]],
    machine_now: Callable[[], datetime],
) -> Mapping[Channel, Sender]:
    """What can be sent here. A message for a channel that is not here waits until it expires."""
    senders: list[Sender] = [
        InboxChannel(),
        WebhookChannel(outbound=outbound, secrets=secrets, machine_now=machine_now),
    ]
    if settings.demo_console_codes:
        senders += (ConsoleChannel(name=name, sink=_keep) for name in (Channel.SMS, Channel.EMAIL))
    return {sender.name: sender for sender in senders}


async def _keep(_message: Message) -> None:
    """The outbox row itself is what the operator's page shows."""

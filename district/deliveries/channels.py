"""The channels of this installation, by what its settings allow."""

from collections.abc import Mapping
from dataclasses import dataclass

from district.settings import Settings
from push.channels.console import ConsoleChannel
from push.channels.outbound import OutboundPolicy
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


def provider_policy_of(settings: Settings) -> OutboundPolicy:
    """Where providers may be: an operator names them, so their own networks are allowed too."""
    return OutboundPolicy(
        ports=None,
        allows_private=True,
        allows_loopback=settings.provider_allow_loopback,
        max_body_bytes=1 << 20,
    )


def console_channels(settings: Settings) -> Mapping[Channel, Sender]:
    """The demo's: one-time codes are shown to the operator instead of being sent."""
    if not settings.demo_console_codes:
        return {}
    return {name: ConsoleChannel(name=name, sink=_keep) for name in (Channel.SMS, Channel.EMAIL)}


async def _keep(_message: Message) -> None:
    """The outbox row itself is what the operator's page shows."""

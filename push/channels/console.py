"""One-time codes for a page of this installation: no telephone and no mail server needed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from push.consent import Channel
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleChannel:
    """Hands codes and service messages for SMS or e-mail to a sink that keeps them for operators to read.

    Marketing is refused: nobody would ever get it.
    """

    name: Channel
    sink: Callable[[Message], Awaitable[None]]

    async def send(self, message: Message) -> Outcome:
        """The sink has the message when this returns."""
        if message.purpose is MessagePurpose.MARKETING:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="the console carries no marketing")
        await self.sink(message)
        return Receipt(provider_id=str(message.id))

"""The channels of a check, one bit each: the inbox is the lowest, the others follow in the order in which they are tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from district.channels.addresses import ADDRESSED
from district.channels.standing import Standing
from push.consent import Channel

INBOX: Final = 1
EVERY: Final = -1
"""All channels: what a cap takes away that counts them all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bits:
    """The channels by which members can be told here. Of the ringing ones that are free the lowest bit is tried first."""

    ringing: tuple[Channel, ...]

    @classmethod
    def of(cls, standing: Standing) -> "Bits":
        """What the district uses, in its own order."""
        return cls(ringing=tuple(standing.order(standing.used & ADDRESSED)))

    def bit(self, channel: Channel) -> int:
        """A channel's bit; 0 for one that is not used here."""
        if channel is Channel.INBOX:
            return INBOX
        return 2 << self.ringing.index(channel) if channel in self.ringing else 0

    def each(self) -> Sequence[tuple[Channel, int]]:
        """The inbox and those that ring, with their bits."""
        return [(one, self.bit(one)) for one in (Channel.INBOX, *self.ringing)]

    def values(self) -> Mapping[str, Any]:
        """What CHECK_SQL takes of them."""
        return {
            "ringing": [one.value for one in self.ringing],
            "bits": [self.bit(one) for one in self.ringing],
            **{f"bit_{one.value}": self.bit(one) for one in Channel if one is not Channel.WEBHOOK},
        }

    def read(self, told: int) -> tuple[Channel, ...]:
        """The channels whose bits these are."""
        return tuple(channel for channel, bit in self.each() if told & bit)

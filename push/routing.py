"""By which channels one message goes to one member, in which order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from push.consent import RINGING, Channel

DEFAULT_ORDER: Final = (
    Channel.WEB_PUSH,
    Channel.APP,
    Channel.MINI_PROGRAM,
    Channel.WECHAT,
    Channel.WECOM,
    Channel.ALIPAY,
    Channel.EMAIL,
    Channel.SMS,
)
"""What costs nothing and rings at once comes first, what costs most last."""

MAINLAND_ORDER: Final = (Channel.MINI_PROGRAM, Channel.WECHAT, Channel.WECOM, Channel.SMS)
"""For districts in mainland China, where browsers' push services are not to be reached."""

MOST_ADDRESSES: Final = 3
"""So many addresses of one member on one channel are tried, one after the other."""
LEAST_SUCCESS: Final = 0.05
MOST_TRIES: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What a channel has cost and done here: cost_micro of one message, and the share that was not refused."""

    cost_micro: int = 0
    success: float = 1.0

    @property
    def cost_of_success(self) -> float:
        """What one message that arrives costs."""
        return self.cost_micro / max(self.success, LEAST_SUCCESS)


def order_of(
    channels: Collection[Channel], chosen: Sequence[Channel] | None, records: Mapping[Channel, Record]
) -> tuple[Channel, ...]:
    """The channels that ring, the first to try first.

    The district's own order decides, and leaves out what it does not name. Without one: the cheapest message
    that arrives, then the more reliable channel, then the product's order.
    """
    if chosen is not None:
        return tuple(one for one in chosen if one in channels and one in RINGING)
    known = {one: records.get(one, Record()) for one in DEFAULT_ORDER if one in channels}
    return tuple(
        sorted(
            known,
            key=lambda one: (known[one].cost_of_success, -known[one].success, DEFAULT_ORDER.index(one)),
        )
    )


def route(ordered: Sequence[Channel], addresses: Mapping[Channel, int]) -> tuple[Channel, ...]:
    """Every try for one member: a channel once for each address that he has there, at most MOST_TRIES in all."""
    tries = [one for one in ordered for _ in range(min(addresses.get(one, 0), MOST_ADDRESSES))]
    return tuple(tries[:MOST_TRIES])

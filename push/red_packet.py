"""Random red packets: a fixed total in random parts, exact to the smallest coin."""

import random

from push.errors import PushError

MAX_COUNT = 100_000
MAX_TOTAL_MINOR = 100_000_000_000


class RedPacketInvalid(PushError):
    """Bounds that no shares of the total can keep."""

    def __init__(self) -> None:
        super().__init__(
            "The total must lie between count × the least and count × the most of one packet;"
            f" there are 1 to {MAX_COUNT:,} packets of at least one minor unit, {MAX_TOTAL_MINOR:,} in total at most."
        )


def can_share(total_minor: int, count: int, *, least_minor: int, most_minor: int | None = None) -> bool:
    """Whether the total can be shared out within these bounds."""
    most = total_minor if most_minor is None else most_minor
    return (
        1 <= count <= MAX_COUNT
        and 1 <= least_minor <= most
        and total_minor <= MAX_TOTAL_MINOR
        and count * least_minor <= total_minor <= count * most
    )


def share(
    total_minor: int, count: int, *, least_minor: int, most_minor: int | None = None, seed: bytes
) -> tuple[int, ...]:
    """The amounts of `count` packets: their sum is the total, each lies within the bounds.

    Equal arguments give equal amounts; whoever does not know the seed cannot foresee one, and none is
    foreseeable from its place. Each is drawn between the least and twice the mean of what is left, as far
    as the rest can still be shared out; then all are shuffled. Complexity: O(count).

    Raises: RedPacketInvalid.
    """
    if not can_share(total_minor, count, least_minor=least_minor, most_minor=most_minor):
        raise RedPacketInvalid
    most = total_minor if most_minor is None else most_minor
    chance = random.Random(seed)  # noqa: S311  a stream that the seed alone decides; its secrecy is the caller's
    amounts, left = [], total_minor
    for others in range(count - 1, -1, -1):
        low = max(least_minor, left - others * most)
        high = min(most, left - others * least_minor, 2 * left // (others + 1) - least_minor)
        amount = chance.randint(low, max(low, high))
        amounts.append(amount)
        left -= amount
    chance.shuffle(amounts)
    return tuple(amounts)

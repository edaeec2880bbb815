"""By which channels a dry run's offers would be told: what the set statement says of all, corrected by a sample's messages."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from district.offers.issuing import Batch
from district.offers.planning import Checked, Connection
from push.consent import Channel
from push.suppression import Suppression

BOUNDED: Final = frozenset({Suppression.SOLD_OUT, Suppression.BUDGET})
"""What is reckoned from the bounds themselves: a sample says nothing of it."""

# Of each offer the inbox and the channel that rings first; what merchants' own systems are told names no member.
QUEUED_SQL = """
SELECT channel, count(*) FROM outbox_message
WHERE district_id = %(district_id)s AND offer_id = ANY(%(offers)s::uuid[]) AND member_id IS NOT NULL
GROUP BY channel
"""


async def by_channel(
    connection: Connection,
    district_id: uuid.UUID,
    checked: Checked,
    campaign_id: uuid.UUID,
    *,
    sample: Collection[uuid.UUID],
    batch: Batch,
) -> dict[Channel, float]:
    """How many members each channel would tell, stock and budget left aside; the first to ring counts, and the inbox.

    The set statement knows consents, addresses, caps and the order; the sample's own messages know quiet hours and
    what else is decided one by one. Where the sample is everybody, they are the answer.
    """
    planned, sampled = _planned(checked, campaign_id, frozenset(sample))
    queued = await _queued(connection, district_id, [one.id for one in batch.issued])
    bounded = sum(one.reason in BOUNDED for one in batch.refused)
    issued = len(batch.issued)
    if not issued:  # stock or budget allow none of the sample, or quiet hours and the like keep all of it
        return {one: float(planned[one]) if bounded else 0.0 for one in checked.channels}
    given = issued / (issued + bounded)
    return {
        one: planned[one] * (queued[one] / sampled[one] if sampled[one] else 1.0) / given
        for one in checked.channels
    }


def _planned(
    checked: Checked, campaign_id: uuid.UUID, sample: frozenset[uuid.UUID]
) -> tuple[Counter[Channel], Counter[Channel]]:
    """Of all whom nothing refuses, and of the sample, how many each channel would tell."""
    planned, sampled = Counter[Channel](), Counter[Channel]()
    for group in checked.groups.get(campaign_id, ()):
        if group.passes and group.reason is None:
            within = sum(member in sample for member in group.members)
            for channel in group.told:
                planned[channel] += group.count
                sampled[channel] += within
    return planned, sampled


async def _queued(
    connection: Connection, district_id: uuid.UUID, offers: Sequence[uuid.UUID]
) -> Mapping[Channel, int]:
    values = {"district_id": district_id, "offers": list(offers)}
    rows = await (await connection.execute(QUEUED_SQL, values)).fetchall()
    return Counter({Channel(channel): count for channel, count in rows})

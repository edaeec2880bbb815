"""What a district can send by, and in which order: read where messages are made."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.channels import queries
from district.channels.models import ChannelPolicy, ChannelProvider
from district.districts.service import DistrictInfo
from push.consent import Channel
from push.routing import MAINLAND_ORDER, Record, order_of

Connection = AsyncConnection[TupleRow]
MAINLAND = "CN"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The channels of one district that have a provider which is switched on."""

    on: frozenset[Channel] = frozenset()
    chosen: tuple[Channel, ...] | None = None
    records: Mapping[Channel, Record] = field(default_factory=dict)

    def order(self, among: Collection[Channel]) -> Sequence[Channel]:
        """Those of ``among`` that can be sent by here, the first to try first."""
        return order_of(self.on & set(among), self.chosen, self.records)

    @property
    def used(self) -> frozenset[Channel]:
        """What is on and has a place in the order."""
        return frozenset(self.order(self.on))


NOTHING = Standing()


def has_provider(session: Session, district_id: uuid.UUID, channel: Channel) -> bool:
    """Whether a district can send by a channel: a provider of it is switched on."""
    wanted = select(ChannelProvider.id).where(
        ChannelProvider.district_id == district_id,
        ChannelProvider.channel == channel.value,
        ChannelProvider.is_on,
    )
    return session.scalar(wanted.limit(1)) is not None


def is_used(session: Session, district: DistrictInfo, channel: Channel) -> bool:
    """Whether messages go by a channel: it has a provider that is on, and a place in the district's order."""
    if not has_provider(session, district.id, channel):
        return False
    row = session.get(ChannelPolicy, district.id)
    chosen = chosen_order(row.channel_order if row else None, district.country)
    return chosen is None or channel in chosen


async def load(connection: Connection, district_id: uuid.UUID) -> Standing:
    """How a district's channels stand. Raises: psycopg.Error."""
    values = {"district_id": district_id}
    rows = await (await connection.execute(queries.STANDING_SQL, values)).fetchall()
    chosen = await (await connection.execute(queries.POLICY_SQL, values)).fetchone()
    known = [row for row in rows if row[0] in set(Channel)]
    return Standing(
        on=frozenset(Channel(row[0]) for row in known),
        chosen=chosen_order(*chosen) if chosen else None,
        records={
            Channel(row[0]): Record(cost_micro=row[1], success=1.0 if row[2] is None else row[2])
            for row in known
        },
    )


def chosen_order(names: Sequence[str] | None, country: str) -> tuple[Channel, ...] | None:
    """A district's own order, else that of its country; None: by cost and success."""
    if names is not None:
        return tuple(Channel(one) for one in names if one in set(Channel))
    return MAINLAND_ORDER if country == MAINLAND else None

"""The set-based planner: all members by all campaigns in one statement, each pair with its first reason or none."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.offers.planning_queries import BUCKET, CHECK_SQL, ZONES_SQL
from push import caps
from push.audience_terms import EVERYONE
from push.campaign import Campaign
from push.consent import Channel
from push.decision import DecisionPolicy
from push.holdout import BUCKETS_A_PERCENT
from push.limits import Reservation, TradingDay
from push.rule import TriggerKind
from push.suppression import Suppression

Connection = AsyncConnection[TupleRow]
ALL = 1_000_000_000
ANYWHERE = ""
"""The zone of members who named none that exists."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Which members are looked at: all after one, at most so many, in the order of their ids; or these of them."""

    after: uuid.UUID | None = None
    limit: int = ALL
    members: Sequence[uuid.UUID] | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Members of one campaign with the same answer; reason None means that nothing refuses them so far.

    members names them where decide() must be asked: also who is only held out, for he counts as a control when
    all else holds.
    """

    reason: Suppression | None
    passes: bool
    count: int
    members: tuple[uuid.UUID, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the set statement says of a range of members."""

    size: int
    """Members that were looked at."""
    last: uuid.UUID | None
    groups: Mapping[uuid.UUID, tuple[Group, ...]] = field(default_factory=dict)
    """By campaign."""

    def passing(self, campaign_id: uuid.UUID) -> tuple[uuid.UUID, ...]:
        """The members about whom decide() must be asked, in the order of their ids."""
        named = [one.members for one in self.groups.get(campaign_id, ()) if one.passes]
        return tuple(sorted(member for members in named for member in members))


async def check(
    connection: Connection,
    district_id: uuid.UUID,
    campaigns: Sequence[Campaign],
    *,
    policy: DecisionPolicy,
    now: datetime,
    among: Range,
    names_all: bool = False,
) -> Checked:
    """Check every pair with one statement; nothing is written.

    Eligibility, controls, hold-outs, consent, endpoint and caps are judged here, in the order in which decide()
    names them. names_all also names those who are refused.
    """
    if not campaigns:
        return Checked(size=0, last=None)
    values: dict[str, Any] = {
        "district_id": district_id,
        "after": among.after,
        "limit": among.limit,
        "members": None if among.members is None else list(among.members),
    }
    zones = await _zones(connection, values)
    values |= _caps(campaigns, zones, policy, now) | _held(campaigns)
    values |= {"zones": list(zones), "control": policy.control_buckets, "names_all": names_all}
    statement = CHECK_SQL.format(audience="true", bucket=BUCKET)
    rows = await (await connection.execute(statement.encode(), values)).fetchall()
    groups: dict[uuid.UUID, list[Group]] = {}
    for number, reason, passes, count, members, _size, _last in rows:
        group = Group(
            reason=Suppression(reason) if reason else None,
            passes=passes,
            count=count,
            members=tuple(members or ()),
        )
        groups.setdefault(campaigns[number].id, []).append(group)
    size, last = (rows[0][5], rows[0][6]) if rows else (0, None)
    return Checked(size=size, last=last, groups={one: tuple(every) for one, every in groups.items()})


async def _zones(connection: Connection, values: Mapping[str, Any]) -> dict[str, ZoneInfo]:
    """The zones that these members named, as far as they exist."""
    found: dict[str, ZoneInfo] = {}
    for (name,) in await (await connection.execute(ZONES_SQL, values)).fetchall():
        try:
            found[name] = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return found


def _held(campaigns: Sequence[Campaign]) -> dict[str, Any]:
    """Each campaign with its hold-out: so many of 10,000 places under its salt."""
    return {
        "campaigns": list(range(len(campaigns))),
        "ids": [one.id for one in campaigns],
        "held": [round(one.rule.holdout.percent * BUCKETS_A_PERCENT) for one in campaigns],
        "salts": [one.rule.holdout.salt or str(one.id) for one in campaigns],
    }


def _caps(
    campaigns: Sequence[Campaign], zones: Mapping[str, ZoneInfo], policy: DecisionPolicy, now: datetime
) -> dict[str, Any]:
    """The caps of each campaign, once for every zone: a member's day is that of his own clocks."""
    rows: list[tuple[int, str, Reservation]] = []
    for name, zone in {ANYWHERE: policy.zone, **zones}.items():
        day = TradingDay(zone=zone, starts_at=policy.day.starts_at)
        for number, campaign in enumerate(campaigns):
            rows += [(number, name, one) for one in _limits(campaign, policy, now=now, day=day)]
    return {
        "cap_campaigns": [number for number, _, _ in rows],
        "cap_zones": [name for _, name, _ in rows],
        "cap_scopes": [one.scope for _, _, one in rows],
        "cap_slots": [one.slots for _, _, one in rows],
        "cap_reusable": [one.reusable_at_or_before for _, _, one in rows],
    }


def _limits(
    campaign: Campaign, policy: DecisionPolicy, *, now: datetime, day: TradingDay
) -> list[Reservation]:
    """What an offer reserves that may be full: a trigger's rest too, when there is only one that it could be."""
    wanted = [
        *caps.wanted(campaign, policy.shared_caps, now=now, day=day),
        *caps.by_channel(campaign, Channel.INBOX, now=now, day=day),
    ]
    scheduled = [
        number for number, one in enumerate(campaign.rule.triggers) if one.on is TriggerKind.SCHEDULE
    ]
    if len(scheduled) == 1:
        wanted += caps.cool_down(campaign, scheduled[0], now=now)
    return [one for one in wanted if one.is_limit]


def asks_everyone(campaign: Campaign) -> bool:
    """Whether the campaign's audience leaves nobody out."""
    return campaign.rule.audience.term == EVERYONE

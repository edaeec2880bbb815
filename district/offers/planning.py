"""The set-based planner: all members by all campaigns in one statement, each pair with its first reason or none."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences import facts
from district.audiences.compile import compile_sql
from district.audiences.contexts import owner_of
from district.channels import standing as channels
from district.districts.service import DistrictInfo
from district.offers.planning_channels import EVERY, Bits
from district.offers.planning_queries import BATCH_SQL, CHECK_SQL, NOBODY_SQL, ZONES_SQL
from push import caps, triggers
from push.audience_terms import EVERYONE, PRESENT_VISIT
from push.campaign import Campaign
from push.consent import Channel
from push.holdout import BUCKETS_A_PERCENT
from push.limits import CapScope, Reservation, TradingDay, pause
from push.policy import DecisionPolicy
from push.rule import Priority, TriggerKind
from push.suppression import Suppression

Connection = AsyncConnection[TupleRow]
ALL = 1_000_000_000
ANYWHERE = ""
"""The zone of members who named none that exists."""
_PARAMETER = re.compile(r"%\((\w+)\)s")


class Names(StrEnum):
    """Of which members a check gives the names: counting is cheaper."""

    NONE = "none"
    PASSING = "passing"
    ALL = "all"


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
    all else holds. told: of who passes, the channel that would ring first, if any does, and the inbox.
    """

    reason: Suppression | None
    passes: bool
    count: int
    members: tuple[uuid.UUID, ...] = ()
    told: tuple[Channel, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the set statement says of a range of members."""

    size: int
    """Members that were looked at."""
    last: uuid.UUID | None
    groups: Mapping[uuid.UUID, tuple[Group, ...]] = field(default_factory=dict)
    """By campaign."""
    channels: tuple[Channel, ...] = (Channel.INBOX,)
    """By which members can be told here: the inbox, and those that ring in their order."""

    def passing(self, campaign_id: uuid.UUID) -> tuple[uuid.UUID, ...]:
        """The members about whom decide() must be asked, in the order of their ids."""
        named = [one.members for one in self.groups.get(campaign_id, ()) if one.passes]
        return tuple(sorted(member for members in named for member in members))

    def free(self, campaign_id: uuid.UUID) -> list[uuid.UUID]:
        """Whom nothing refuses, controls left out."""
        groups = self.groups.get(campaign_id, ())
        return [member for one in groups if one.passes and one.reason is None for member in one.members]


async def check(
    connection: Connection,
    district: DistrictInfo,
    campaigns: Sequence[Campaign],
    *,
    trigger: TriggerKind,
    policy: DecisionPolicy,
    now: datetime,
    among: Range,
    names: Names = Names.PASSING,
) -> Checked:
    """Check every pair with one statement; nothing is written.

    Eligibility, controls, hold-outs, consent, endpoint and caps are judged here, in the order in which decide()
    names them, as for an occasion of this kind.
    """
    members, zones = await _batch(connection, district.id, among)
    bits = Bits.of(await channels.load(connection, district.id))
    told_by = tuple(one for one, _bit in bits.each())
    if not campaigns or members == []:
        return Checked(size=0, last=None, channels=told_by)
    audiences, given = await _audiences(connection, district, campaigns, members, now)
    values = given | _caps(campaigns, zones, policy, trigger, now=now, bits=bits) | _held(campaigns, policy)
    values |= bits.values()
    values |= {
        "district_id": district.id,
        "among": members,
        "zones": list(zones),
        "names": names.value,
        "everyone": [asks_everyone(one) for one in campaigns],
        "merchants": [one.merchant_id for one in campaigns],
        "by_location": [triggers.is_by_location(one, trigger) for one in campaigns],
        "to_visit": [triggers.asks_for_visit(one, trigger) for one in campaigns],
    }
    values |= _visited(campaigns, trigger, now)
    statement = CHECK_SQL.replace("{audiences}", audiences)
    rows = await (await connection.execute(statement.encode(), values)).fetchall()
    groups: dict[uuid.UUID, list[Group]] = {}
    for number, reason, passes, told, count, named in rows:
        group = Group(
            reason=Suppression(reason) if reason else None,
            passes=passes,
            count=count,
            members=tuple(named or ()),
            told=bits.read(told),
        )
        groups.setdefault(campaigns[number].id, []).append(group)
    size = sum(one.count for one in groups.get(campaigns[0].id, ()))
    return Checked(
        size=size,
        last=members[-1] if members else None,
        groups={one: tuple(every) for one, every in groups.items()},
        channels=told_by,
    )


async def _batch(
    connection: Connection, district_id: uuid.UUID, among: Range
) -> tuple[list[uuid.UUID] | None, dict[str, ZoneInfo]]:
    """The members by name, None for all of them, and the zones that they named, as far as these exist."""
    values: dict[str, Any] = {"district_id": district_id, "after": among.after, "limit": among.limit}
    values["members"] = None if among.members is None else list(among.members)
    members: list[uuid.UUID] | None = None
    if among == Range():
        names = {row[0] for row in await (await connection.execute(ZONES_SQL, values)).fetchall()}
    else:
        rows = await (await connection.execute(BATCH_SQL, values)).fetchall()
        members, names = [row[0] for row in rows], {row[1] for row in rows if row[1]}
    return members, {name: zone for name in sorted(names) if (zone := _zone(name)) is not None}


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


async def _audiences(
    connection: Connection,
    district: DistrictInfo,
    campaigns: Sequence[Campaign],
    members: Sequence[uuid.UUID] | None,
    now: datetime,
) -> tuple[str, dict[str, Any]]:
    """The audiences of those campaigns that are not for everyone, and what their statements take, under names of
    their own.
    """
    parts, values = [NOBODY_SQL], dict[str, Any]()
    stores = {store for one in campaigns for store in one.store_ids}
    properties = await facts.properties(connection, district.id, stores) if stores else {}
    for number, campaign in enumerate(campaigns):
        if asks_everyone(campaign):
            continue
        compiled = compile_sql(
            campaign.rule.audience, district, owner_of(campaign, properties), now=now, among=members
        )
        own = _PARAMETER.sub(rf"%(of_{number}_\1)s", compiled.sql)
        parts.append(f"SELECT {number}, id FROM ({own}) AS of_{number}")
        values |= {f"of_{number}_{name}": value for name, value in compiled.params.items()}
    return " UNION ALL ".join(parts), values


def _held(campaigns: Sequence[Campaign], policy: DecisionPolicy) -> dict[str, Any]:
    """Each campaign with its controls: so many of 10,000 places under its salt. Service leaves nobody out for the
    district's own.
    """
    return {
        "campaigns": list(range(len(campaigns))),
        "held": [round(policy.holdout_of(one)[0] * BUCKETS_A_PERCENT) for one in campaigns],
        "salts": [f"{policy.holdout_of(one)[1]}|{one.id}|" for one in campaigns],
        "controls": [
            0 if one.rule.priority is Priority.SERVICE else policy.control_buckets for one in campaigns
        ],
    }


def _visited(campaigns: Sequence[Campaign], trigger: TriggerKind, now: datetime) -> dict[str, Any]:
    """The stores of which a visit puts a member in place, each with the moment since which it counts."""
    rows = [
        (number, store_id, now - one.rule.where.or_visited.within)
        for number, one in enumerate(campaigns)
        if one.rule.where.or_visited is not None and triggers.asks_for_visit(one, trigger)
        for store_id in triggers.stores_to_visit(one)
    ]
    return {
        "visited_campaigns": [number for number, _, _ in rows],
        "visited_stores": [store_id for _, store_id, _ in rows],
        "visited_since": [since for _, _, since in rows],
        "visited_before": now - PRESENT_VISIT,
    }


def _caps(
    campaigns: Sequence[Campaign],
    zones: Mapping[str, ZoneInfo],
    policy: DecisionPolicy,
    trigger: TriggerKind,
    *,
    now: datetime,
    bits: Bits,
) -> dict[str, Any]:
    """The caps of each campaign, once for every zone: a member's day is that of his own clocks. bits says which
    channels each takes away when it is full.
    """
    rows: list[tuple[int, str, int, Reservation]] = []
    for name, zone in {ANYWHERE: policy.zone, **zones}.items():
        day = TradingDay(zone=zone, starts_at=policy.day.starts_at)
        for number, campaign in enumerate(campaigns):
            shared = _limits(campaign, policy, trigger, now=now, day=day)
            rows += [(number, name, EVERY, one) for one in shared]
            for channel, bit in bits.each():
                own = caps.by_channel(campaign, channel, now=now, day=day)
                rows += [(number, name, bit, one) for one in own if one.is_limit]
    return {
        "cap_campaigns": [number for number, _, _, _ in rows],
        "cap_zones": [name for _, name, _, _ in rows],
        "cap_scopes": [one.scope for _, _, _, one in rows],
        "cap_slots": [one.slots for _, _, _, one in rows],
        "cap_reusable": [one.reusable_at_or_before for _, _, _, one in rows],
        "cap_bits": [bit for _, _, bit, _ in rows],
    }


def _limits(
    campaign: Campaign, policy: DecisionPolicy, trigger: TriggerKind, *, now: datetime, day: TradingDay
) -> list[Reservation]:
    """What an offer by whatever channel reserves that may be full: a trigger's rest too, when there is only one that
    it could be.
    """
    wanted = [*caps.wanted(campaign, policy.shared_caps, now=now, day=day)]
    if policy.gap:
        wanted.append(pause(CapScope.GAP, policy.gap, now=now))
    could_be = [number for number, one in enumerate(campaign.rule.triggers) if one.on is trigger]
    if len(could_be) == 1:
        wanted += caps.cool_down(campaign, could_be[0], now=now)
    return [one for one in wanted if one.is_limit]


def asks_everyone(campaign: Campaign) -> bool:
    """Whether the campaign's audience leaves nobody out."""
    return campaign.rule.audience.term == EVERYONE

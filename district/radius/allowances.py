"""What a member may still use: of a plan, of today, of a session that goes on."""

from dataclasses import replace

from district.gateways.dialect import PlanInfo
from district.radius.answers import Refused
from district.radius.asking import Asking, Connection, Known
from district.radius.queries import USAGE_SQL

KIB = 1024


async def what_is_left(connection: Connection, asking: Asking, known: Known) -> PlanInfo | Refused:
    """The plan, less what the member has used of it today and of a session that goes on."""
    plan = known.plan
    if known.is_live and known.live_until is not None and asking.is_by_address:
        left_s = int((known.live_until - asking.clock.now()).total_seconds())
        plan = replace(plan, session_s=_least(plan.session_s, left_s))
    if plan.devices is None and plan.daily_s is None and plan.daily_kib is None:
        return plan
    now = asking.clock.now()
    day_start = asking.district.day_starts_at(asking.district.trading_day(now))
    values = asking.values | {"member_id": known.member_id, "day_start": day_start}
    row = await (await connection.execute(USAGE_SQL, values)).fetchone()
    elsewhere, used_s, used_octets = row or (0, 0, 0)
    if plan.devices is not None and elsewhere >= plan.devices:
        return Refused.DEVICES
    if plan.daily_s is not None:
        plan = replace(plan, session_s=_least(plan.session_s, plan.daily_s - used_s))
    if plan.daily_kib is not None:
        plan = replace(plan, volume_kib=_least(plan.volume_kib, plan.daily_kib - used_octets // KIB))
    if _is_used_up(plan):
        return Refused.QUOTA
    return plan


def _least(limit: int | None, other: int) -> int:
    return other if limit is None else min(limit, other)


def _is_used_up(plan: PlanInfo) -> bool:
    return any(left is not None and left <= 0 for left in (plan.session_s, plan.volume_kib))

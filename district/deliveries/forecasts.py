"""When campaigns' messages will be through: what waits, what their plans still bring, and how fast channels carry it."""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from district.districts.service import DistrictInfo
from district.offers import policy_service
from push.consent import RINGING, Channel
from push.finish import Finish, Wave, finishes
from push.limits import QuietHours

MOST_WAVES: Final = 5_000
OBSERVED_MIN: Final = 10

QUEUE_SQL: Final = """
SELECT message.channel, offer.campaign_id, date_trunc('minute', greatest(message.due_at, %(now)s)), count(*),
       min(message.send_before)
FROM outbox_message AS message
JOIN offer ON offer.district_id = message.district_id AND offer.id = message.offer_id
WHERE message.district_id = %(district_id)s AND message.finished_at IS NULL
  AND message.state IN ('queued', 'leased')
  AND message.member_id IS NOT NULL
GROUP BY message.channel, offer.campaign_id, 3 ORDER BY 3 LIMIT %(limit)s
"""

# What each channel carried a minute, of late; without that, what its providers allow when each says how much.
RATES_SQL: Final = """
SELECT channel, sum(messages)::float / %(minutes)s FROM delivery_attempt
WHERE district_id = %(district_id)s AND outcome = 'accepted'
  AND at > clock_timestamp() - make_interval(mins => %(minutes)s)
GROUP BY channel HAVING sum(messages) >= %(minutes)s
"""
ALLOWED_SQL: Final = """
SELECT channel, 60 * sum(per_s) FROM channel_provider
WHERE district_id = %(district_id)s AND is_on GROUP BY channel HAVING count(*) = count(per_s)
"""

# Plans that are under way at a pace: of the members who come later as many get an offer as did so far.
PLANS_SQL: Final = """
SELECT occurrence.campaign_id, (campaign.rule -> 'pace' ->> 'per_min')::int, occurrence.next_at,
       (SELECT count(*) FROM member WHERE member.district_id = occurrence.district_id AND member.state = 'active'
          AND member.id > occurrence.after_member_id) AS ahead,
       (SELECT count(*) FROM member WHERE member.district_id = occurrence.district_id AND member.state = 'active'
          AND member.id <= occurrence.after_member_id) AS behind,
       occurrence.issued
FROM occurrence JOIN campaign
  ON campaign.district_id = occurrence.district_id AND campaign.id = occurrence.campaign_id
WHERE occurrence.district_id = %(district_id)s AND occurrence.state = 'planning'
  AND occurrence.after_member_id IS NOT NULL AND campaign.rule -> 'pace' ->> 'per_min' IS NOT NULL
  AND campaign.state IN ('live', 'exhausted')
ORDER BY occurrence.next_at LIMIT 50
"""
NAMES_SQL: Final = "SELECT id, name FROM campaign WHERE district_id = %(district_id)s AND id = ANY(%(ids)s)"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """One campaign: what waits now, what its plan is still thought to bring, and when the last of it leaves."""

    campaign_id: uuid.UUID
    name: str
    waiting: int
    to_come: int
    finishes_at: datetime
    late: int
    """Messages whose time would be over before it is their turn."""


def forecast(session: Session, district: DistrictInfo, *, now: datetime) -> list[Forecast]:
    """Every campaign with something under way, the last to finish first."""
    values = {"district_id": district.id, "now": now, "limit": MOST_WAVES, "minutes": OBSERVED_MIN}
    waves = _rows(session, QUEUE_SQL, values)
    plans = {str(row[0]): _plan(row, now) for row in _rows(session, PLANS_SQL, values)}
    rates = dict(_rows(session, ALLOWED_SQL, values)) | dict(_rows(session, RATES_SQL, values))
    quiet = (policy_service.read(session, district.id).quiet,)
    through = _through(waves, rates, district, quiet, now)
    planned = {
        one: finishes([wave], per_minute=pace, now=now, quiet=(), zone=district.zone)[one]
        for one, (wave, pace) in plans.items()
    }
    names = dict(
        _rows(session, NAMES_SQL, values | {"ids": [uuid.UUID(one) for one in {*through, *planned}]})
    )
    found = [_forecast(one, names, through.get(one), planned.get(one)) for one in {*through, *planned}]
    return sorted(found, key=lambda one: (one.finishes_at, one.campaign_id), reverse=True)


def _through(
    rows: Sequence[Any],
    rates: Mapping[str, float],
    district: DistrictInfo,
    quiet: Sequence[QuietHours],
    now: datetime,
) -> dict[str, Finish]:
    """By campaign, over all channels; each channel carries all campaigns in one line."""
    lines: dict[str, list[Wave]] = {}
    for channel, campaign_id, due_at, count, send_before in rows:
        wave = Wave(due_at=due_at, count=count, of=str(campaign_id), send_before=send_before)
        lines.setdefault(channel, []).append(wave)
    found: dict[str, Finish] = {}
    for channel, waves in lines.items():
        rings = channel in set(RINGING)
        own = finishes(
            waves,
            per_minute=rates.get(channel) if channel != Channel.INBOX else None,
            now=now,
            quiet=quiet if rings else (),
            zone=district.zone,
        )
        for one, finish in own.items():
            known = found.get(one)
            found[one] = finish if known is None else _both(known, finish)
    return found


def _both(one: Finish, other: Finish) -> Finish:
    return Finish(at=max(one.at, other.at), count=one.count + other.count, late=one.late + other.late)


def _plan(row: Sequence[Any], now: datetime) -> tuple[Wave, float]:
    campaign_id, pace, next_at, ahead, behind, issued = row
    left = math.ceil(ahead * issued / behind) if behind else 0
    return Wave(due_at=max(next_at, now), count=left, of=str(campaign_id)), float(pace)


def _forecast(
    one: str, names: Mapping[uuid.UUID, str], through: Finish | None, planned: Finish | None
) -> Forecast:
    ends = [finish.at for finish in (through, planned) if finish is not None]
    campaign_id = uuid.UUID(one)
    return Forecast(
        campaign_id=campaign_id,
        name=names.get(campaign_id, ""),
        waiting=through.count if through else 0,
        to_come=planned.count if planned else 0,
        finishes_at=max(ends),
        late=through.late if through else 0,
    )


def _rows(session: Session, sql: str, values: Mapping[str, Any]) -> Sequence[Any]:
    return session.connection().exec_driver_sql(sql, dict(values)).all()

"""The demo's hour: where simulated business time starts, where it goes on after a restart, and when its evening ends."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.clock import Clock, Simulation
from district.database import SIMULATION_SQL, simulation_of
from district.districts import service as districts
from district.problems import Invalid

NOW = "now"
OPENS_AT = time(9)
CLOSES_AT = time(22)
DEFAULT_START = "Fri 12:00"
STEP = timedelta(seconds=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

NEWEST_SQL = """
SELECT greatest(
    (SELECT max(at) FROM raw_sighting), (SELECT max(received_at) FROM raw_sighting),
    (SELECT max(issued_at) FROM offer), (SELECT max(redeemed_at) FROM redemption),
    (SELECT max(ended_at) FROM visit), (SELECT max(at) FROM consent), (SELECT max(joined_at) FROM member),
    (SELECT max(created_at) FROM district))
"""


class StartInvalid(Invalid):
    """A start that is no time, or lies before what is stored."""

    slug, title = "start-invalid", "The demo cannot start at this time"


def start_of(typed: str, zone: ZoneInfo, *, machine_now: datetime) -> datetime:
    """The instant that ``--start`` names: an ISO time (local unless it says otherwise), or a weekday and hour of the last seven days.

    Raises: StartInvalid.
    """
    words = typed.strip().lower().split()
    if len(words) == 2 and words[0][:3] in WEEKDAYS:
        return _last(WEEKDAYS.index(words[0][:3]), _hour(words[1], typed), zone, machine_now)
    try:
        at = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise _not_a_time(typed) from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _hour(typed: str, whole: str) -> time:
    try:
        return time.fromisoformat(typed)
    except ValueError:
        raise _not_a_time(whole) from None


def _not_a_time(typed: str) -> StartInvalid:
    return StartInvalid(
        f'--start {typed!r} is none of: now, a weekday and hour such as "Fri 12:00", an ISO time such as 2026-05-01T12:00.'
    )


def _last(weekday: int, hour: time, zone: ZoneInfo, machine_now: datetime) -> datetime:
    """The newest instant of this weekday and hour that is not in the future: stored times never lie ahead of real ones."""
    local = machine_now.astimezone(zone)
    day = local.date() - timedelta(days=(local.weekday() - weekday) % 7)
    if datetime.combine(day, hour, tzinfo=zone) > local:
        day -= timedelta(days=7)
    return datetime.combine(day, hour, tzinfo=zone).astimezone(UTC)


def is_evening(at: datetime, zone: ZoneInfo) -> bool:
    """Whether the demo's day is over: it jumps to the next morning."""
    local = at.astimezone(zone).time()
    return local >= CLOSES_AT or local < OPENS_AT


def next_morning(at: datetime, zone: ZoneInfo) -> datetime:
    """The next opening of the demo's day."""
    local = at.astimezone(zone)
    day: date = local.date() if local.time() < OPENS_AT else local.date() + timedelta(days=1)
    return datetime.combine(day, OPENS_AT, tzinfo=zone).astimezone(UTC)


def newest_stored(session: Session) -> datetime | None:
    """The newest business time in the database."""
    newest: datetime | None = session.scalar(text(NEWEST_SQL))
    return newest


def stored(session: Session) -> Simulation | None:
    """The simulation that the database holds."""
    row = session.execute(text(SIMULATION_SQL)).one_or_none()
    return simulation_of(None if row is None else (row[0], row[1], row[2]))


def begin(
    session: Session, *, typed: str | None, speed: float, zone: ZoneInfo, clock: Clock
) -> Simulation | None:
    """Set the demo's business time and return what it follows; None is real time.

    A stored demo goes on at its newest stored time, in the morning if that was an evening.
    Raises: StartInvalid when the wanted start lies before what is stored.
    """
    machine_now = clock.machine_now()
    newest = newest_stored(session)
    before = stored(session)
    if typed == NOW or (typed is None and newest is not None and before is None):
        _make_real(session, newest, machine_now)
        return None
    business_from = _business_from(typed, newest, zone, machine_now)
    made = Simulation(machine_from=machine_now, business_from=business_from, speed=speed)
    districts.simulate(session, made)
    return made


def _business_from(
    typed: str | None, newest: datetime | None, zone: ZoneInfo, machine_now: datetime
) -> datetime:
    if newest is None:
        return start_of(typed or DEFAULT_START, zone, machine_now=machine_now)
    if typed is None:
        at = newest + STEP
        return next_morning(at, zone) if is_evening(at, zone) else at
    wanted = start_of(typed, zone, machine_now=machine_now)
    _refuse_before(wanted, newest)
    return wanted


def _make_real(session: Session, newest: datetime | None, machine_now: datetime) -> None:
    if newest is not None:
        _refuse_before(machine_now, newest)
    districts.end_simulation(session)


def _refuse_before(wanted: datetime, newest: datetime) -> None:
    if wanted < newest:
        raise StartInvalid(
            f"Business time never goes back: {newest:%Y-%m-%d %H:%M} UTC is stored already. "
            "Leave --start out to go on from there, or begin anew with RESET=1."
        )


def jump_to_morning(session: Session, current: Simulation, zone: ZoneInfo, *, clock: Clock) -> Simulation:
    """Let the demo's next day begin."""
    machine_now = clock.machine_now()
    morning = next_morning(current.at(machine_now), zone)
    made = Simulation(machine_from=machine_now, business_from=morning, speed=current.speed)
    districts.simulate(session, made)
    return made

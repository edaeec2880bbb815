"""The only reader of clocks: business time, which may be simulated, and machine time, which never is.

Business time rules hours, caps, quiet hours, visits and ``at``; machine time rules leases, retries, codes, tokens and signatures.
The simulation is one row (``clock_simulation``) that all roles read; it never goes back. Machine time is the database's: a
process whose machine shows another time counts on from what the database said last.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request

AGREES: Final = timedelta(seconds=1)
"""Clocks that differ by no more show the same time."""
SHARP_S: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the database's clock showed at some moment between two of this process's own counts (``counted``)."""

    at: datetime
    before_s: float
    after_s: float

    @property
    def is_sharp(self) -> bool:
        """Whether it says to the second when that was; a process that was stopped while it asked cannot tell."""
        return self.after_s - self.before_s <= SHARP_S

    def counted_on(self, now_s: float) -> datetime:
        """What that clock shows by now if nobody has set it."""
        return self.at + timedelta(seconds=now_s - (self.before_s + self.after_s) / 2)

    def step_to(self, later: "Reading") -> timedelta:
        """How far the clock was set between two sharp readings; zero when it just went on."""
        earliest, latest = self.counted_on(later.before_s), self.counted_on(later.after_s)
        if earliest - AGREES <= later.at <= latest + AGREES:
            return timedelta(0)
        return later.at - (earliest + (latest - earliest) / 2)


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """From the machine instant ``machine_from`` on, business time starts at ``business_from`` and runs ``speed`` times as fast."""

    machine_from: datetime
    business_from: datetime
    speed: float = 1.0

    def at(self, machine: datetime) -> datetime:
        """Business time at a machine instant."""
        return self.business_from + (machine - self.machine_from) * self.speed


class Clock(Protocol):
    """What a service may ask of time."""

    def now(self) -> datetime:
        """Business time, aware, UTC."""

    def machine_now(self) -> datetime:
        """Machine time, aware, UTC."""


class SystemClock:
    """Real time, or the simulation that was last given to ``follow``.

    Once the database's clock was read (``set_by``), it rules: this machine's own clock is believed only while the two
    agree, and whoever sets it to another time changes nothing here.
    """

    def __init__(self, simulation: Simulation | None = None) -> None:
        self._simulation = simulation
        self._reading: Reading | None = None

    @property
    def simulation(self) -> Simulation | None:
        """What business time follows; None is real time."""
        return self._simulation

    def follow(self, simulation: Simulation | None) -> None:
        """Take the simulation that the database holds."""
        self._simulation = simulation

    def set_by(self, reading: Reading) -> None:
        """Take the database's time, unless it is not known to the second when that was."""
        if reading.is_sharp:
            self._reading = reading

    def now(self) -> datetime:
        """Business time, aware, UTC."""
        machine = self.machine_now()
        return self._simulation.at(machine) if self._simulation else machine

    def machine_now(self) -> datetime:
        """Machine time, aware, UTC."""
        shown = datetime.now(UTC)
        if self._reading is None:
            return shown
        ruling = self._reading.counted_on(counted())
        return shown if abs(shown - ruling) <= AGREES else ruling


class FixedClock:
    """Time that moves only when told to: for tests and dry runs."""

    def __init__(self, now: datetime, machine: datetime | None = None) -> None:
        self._now = now
        self._machine = machine or now

    def now(self) -> datetime:
        """Business time as set."""
        return self._now

    def machine_now(self) -> datetime:
        """Machine time as set."""
        return self._machine

    def advance(self, by: timedelta) -> None:
        """Move both times forward."""
        self._now += by
        self._machine += by


system = SystemClock()
"""The clock of this process. Each role keeps it in step with the database's time and with the stored simulation."""


def speed_of(clock: Clock) -> float:
    """How fast business time runs."""
    simulation = clock.simulation if isinstance(clock, SystemClock) else None
    return simulation.speed if simulation else 1.0


def monotonic() -> float:
    """Seconds that never go back, for measuring how long something took."""
    return time.monotonic()


def counted() -> float:
    """Seconds that nobody can set, with those in which the machine slept: for counting on from a time that was read."""
    return time.clock_gettime(_COUNTED)


_COUNTED: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux alone counts the sleep


async def get_clock(request: Request) -> Clock:
    """The clock of the application that answers."""
    clock: Clock = request.app.state.clock
    return clock


ClockDep = Annotated[Clock, Depends(get_clock)]

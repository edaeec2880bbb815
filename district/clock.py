"""The only reader of clocks: business time, which may be simulated, and machine time, which never is.

Business time rules hours, caps, quiet hours, visits and ``at``; machine time rules leases, retries, codes, tokens and signatures.
The simulation is one row (``clock_simulation``) that all roles read; it never goes back.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

from fastapi import Depends, Request


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
    """Real time, or the simulation that was last given to ``follow``."""

    def __init__(self, simulation: Simulation | None = None) -> None:
        self._simulation = simulation

    @property
    def simulation(self) -> Simulation | None:
        """What business time follows; None is real time."""
        return self._simulation

    def follow(self, simulation: Simulation | None) -> None:
        """Take the simulation that the database holds."""
        self._simulation = simulation

    def now(self) -> datetime:
        """Business time, aware, UTC."""
        machine = self.machine_now()
        return self._simulation.at(machine) if self._simulation else machine

    def machine_now(self) -> datetime:
        """Machine time, aware, UTC."""
        return datetime.now(UTC)


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
"""The clock of this process. ``database.follow_simulation`` keeps it in step with the stored simulation."""


def monotonic() -> float:
    """Seconds that never go back, for measuring how long something took."""
    return time.monotonic()


async def get_clock(request: Request) -> Clock:
    """The clock of the application that answers."""
    clock: Clock = request.app.state.clock
    return clock


ClockDep = Annotated[Clock, Depends(get_clock)]

"""Dispatchers by the dozen: ``python -m tests.sink.nursery`` has everything loaded and forks one for each line it reads.

A line is JSON: the settings, and the policy. The answer is the new process's id. Each is a whole process with its own
connections, begun in milliseconds, so that it can be killed several times a second.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from datetime import timedelta
from typing import Any

import uvloop

from district.clock import SystemClock
from district.database import make_pool
from district.deliveries.jobs import Deliveries
from district.districts import service as districts
from district.settings import Settings
from push.delivery import RetryPolicy
from push.dispatch import DispatchPolicy


def policy_of(document: dict[str, Any]) -> DispatchPolicy:
    """From seconds and numbers."""
    return DispatchPolicy(
        lease_rows=document.get("lease_rows", 20),
        in_flight=document.get("in_flight", 4),
        lease_for=timedelta(seconds=document.get("lease_s", 30.0)),
        send_deadline=timedelta(seconds=document.get("deadline_s", 8.0)),
        retry=RetryPolicy(first_delay=timedelta(seconds=document.get("first_delay_s", 2.0))),
    )


async def work(document: dict[str, Any]) -> None:
    """Dispatch until killed."""
    settings = Settings(**document["settings"])
    assert settings.database_url is not None
    clock = SystemClock()
    async with make_pool(settings.database_url, size=12) as pool:
        registry, simulation = districts.registry(pool), districts.simulation(pool)
        await registry.refresh()
        await simulation.refresh()
        clock.follow(simulation.value)
        policy = policy_of(document.get("policy", {}))
        await Deliveries(pool=pool, registry=registry, settings=settings, clock=clock, policy=policy).run()


def child(document: dict[str, Any]) -> None:
    """The forked process; it never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(document["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for there, here in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(there, here)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work(document))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    """One process for each line, until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets those that were killed
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        document = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(document)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""The worker role: the recorder, the dispatcher, and ticks that claim what is due. Any number of workers may run."""

import asyncio
from collections.abc import Sequence

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from district.clock import Clock, system
from district.deliveries import jobs as deliveries
from district.deliveries import receipt_jobs
from district.deliveries.jobs import Deliveries
from district.feeds.recorder import Recorder
from district.gateways.departures import Departures
from district.privacy import replaying
from district.radius import changing, ending_jobs
from district.radius.recording import AccountingRecorder
from district.reports import stopping
from district.roles import RoleContext, connected, run_until_told
from district.settings import Settings
from district.ticks import JOBS, Job

log = structlog.get_logger()


def main(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    run_until_told(run(settings, system))


async def run(settings: Settings, clock: Clock, jobs: Sequence[Job] | None = None) -> None:
    """Work until cancelled."""
    async with connected(settings, clock, name="worker") as context:
        recorder = Recorder(
            pool=context.pool,
            stream=context.stream,
            clock=clock,
            registry=lambda: context.registry.value,
            books=context.books,
            kept=settings.raw_rows_kept,
        )
        accounting = AccountingRecorder(
            settings=settings,
            pool=context.pool,
            stream=context.stream,
            clock=clock,
            registry=lambda: context.registry.value,
        )
        scheduler = _scheduler(context, JOBS if jobs is None else jobs)
        scheduler.start()
        log.info("worker.started")
        sender = Deliveries(pool=context.pool, registry=context.registry, settings=settings, clock=clock)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(recorder.run())
                group.create_task(accounting.run())
                group.create_task(deliveries.run(sender))
                group.create_task(receipt_jobs.run(settings, lambda: context.districts, clock))
                group.create_task(stopping.run(settings, lambda: context.districts, clock))
                group.create_task(ending_jobs.run(settings, clock))
                group.create_task(changing.run(settings, lambda: context.registry.value.by_id, clock))
                group.create_task(replaying.keep(settings, context.stream, lambda: context.districts, clock))
                if settings.access_controller_port:
                    group.create_task(_departures(context).run())
        finally:
            scheduler.shutdown(wait=False)


def _departures(context: RoleContext) -> Departures:
    settings = context.settings
    return Departures(
        pool=context.pool,
        clock=context.clock,
        host=settings.access_controller_host,
        port=settings.access_controller_port,
    )


def _scheduler(context: RoleContext, jobs: Sequence[Job]) -> AsyncIOScheduler:
    scheduler = AsyncIOScheduler(timezone="UTC")
    for job in jobs:
        scheduler.add_job(
            _tick,
            "interval",
            args=(context, job),
            seconds=job.every.total_seconds(),
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    return scheduler


async def _tick(context: RoleContext, job: Job) -> None:
    try:
        await job.run(context)
    except Exception:
        log.exception("job.failed", job=job.name)

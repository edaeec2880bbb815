"""Tasks that are told to end do end."""

import asyncio
import contextlib

from district import tasks


async def test_a_task_that_misses_its_first_cancellation_is_told_again() -> None:
    missed = asyncio.Event()

    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        missed.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(90):
        await tasks.ended([task])
    assert missed.is_set()
    assert task.cancelled()


async def test_tasks_that_are_over_are_left_alone() -> None:
    async def quick() -> int:
        return 7

    task = asyncio.create_task(quick())
    await task
    await tasks.ended([task])
    assert task.result() == 7

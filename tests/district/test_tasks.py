"""Tasks that are told to end do end."""

import asyncio
import contextlib
import threading

import pytest

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


async def test_who_is_cancelled_waits_for_his_thread_however_often_he_is_told() -> None:
    begun, released, is_through = threading.Event(), threading.Event(), False

    def work() -> None:
        nonlocal is_through
        begun.set()
        released.wait()
        is_through = True
        raise LookupError

    task = asyncio.create_task(tasks.in_thread(work))
    await asyncio.to_thread(begun.wait)
    for _ in range(3):
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=0.02)
        assert not done
    released.set()
    await tasks.ended([task])
    assert is_through
    assert task.cancelled()


async def test_what_a_thread_answers_or_raises_is_handed_on() -> None:
    assert await tasks.in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await tasks.in_thread(divmod, 7, 0)

"""What the dispatcher makes of each kind of failure."""

from datetime import timedelta
from itertools import pairwise

import pytest

from push.delivery import DeliveryState
from push.receipts import Failure, FailureKind
from tests.push.dispatch_world import Answers, World
from tests.push.makers import FRIDAY_NOON, minutes
from tests.push.outbox_world import code_message, offer_message


def failing(kind: FailureKind, retry_after: timedelta | None = None) -> Answers:
    return lambda _: Failure(kind=kind, detail="status 599", retry_after=retry_after)


@pytest.mark.parametrize(
    ("kind", "state", "attempts"),
    [
        (FailureKind.ADDRESS_GONE, DeliveryState.FAILED, 1),
        (FailureKind.MESSAGE_REFUSED, DeliveryState.FAILED, 1),
        (FailureKind.UNKNOWN, DeliveryState.UNKNOWN, 1),
        (FailureKind.TRANSIENT, DeliveryState.QUEUED, 1),
        (FailureKind.THROTTLED, DeliveryState.QUEUED, 0),
    ],
)
async def test_each_kind_of_failure_has_its_end(
    kind: FailureKind, state: DeliveryState, attempts: int
) -> None:
    world = World(failing(kind))
    key = world.outbox.add(offer_message(1))
    await world.dispatcher.run_once()
    assert world.only_row() == (state, "status 599", attempts)
    assert world.outbox.rows[key].is_address_gone is (kind is FailureKind.ADDRESS_GONE)


async def test_a_code_whose_fate_is_unknown_is_tried_again() -> None:
    world = World(failing(FailureKind.UNKNOWN))
    world.outbox.add(code_message(1))
    await world.dispatcher.run_once()
    assert world.only_row()[0] is DeliveryState.QUEUED


async def test_what_fails_again_and_again_is_dead_after_six_attempts_that_lie_apart() -> None:
    world = World(failing(FailureKind.TRANSIENT))
    key = world.outbox.add(offer_message(1, expires_at=FRIDAY_NOON + minutes(600)))
    tried_at = []
    while not world.outbox.is_done:
        world.clock.seconds = max(world.clock.seconds, world.outbox.rows[key].retry_at_s)
        await world.dispatcher.run_once()
        tried_at.append(world.clock.seconds)
    assert world.only_row() == (DeliveryState.DEAD, "status 599", 6)
    gaps = [after - before for before, after in pairwise(tried_at)]
    assert all(0 <= gap <= 2 * 2**number for number, gap in enumerate(gaps))
    assert len(set(gaps)) == 5


async def test_a_retry_that_would_come_too_late_expires() -> None:
    world = World(failing(FailureKind.THROTTLED, minutes(5)))
    world.outbox.add(offer_message(1, expires_at=FRIDAY_NOON + minutes(5)))
    await world.dispatcher.run_once()
    assert world.only_row()[0] is DeliveryState.EXPIRED

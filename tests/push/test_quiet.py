"""Until when a channel waits: the stricter of the venue's and the member's hours; the inbox by the store's."""

from dataclasses import dataclass, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from push.consent import Channel
from push.delivery import DeliveryState
from push.limits import QuietHours
from push.quiet import opens_at, waits_until
from push.suppression import Suppression
from tests.push.dispatch_world import World
from tests.push.makers import FRIDAY_NOON, HELSINKI, minutes
from tests.push.outbox_world import FACTS, offer_message

VENUE = QuietHours(start=time(21), end=time(9))


@dataclass(frozen=True)
class Shop:
    """Open from one moment until another; None: nobody knows."""

    opens: datetime
    known: bool = True

    def is_open(self, now: datetime, /) -> bool | None:
        return now >= self.opens if self.known else None

    def next_change(self, now: datetime, /) -> datetime | None:
        return self.opens if now < self.opens else None


def _at(hour: int, minute: int = 0, day: int = FRIDAY_NOON.day) -> datetime:
    return FRIDAY_NOON.astimezone(HELSINKI).replace(day=day, hour=hour, minute=minute)


def _until(now: datetime, *quiet: QuietHours, zone: ZoneInfo | None = None) -> datetime | None:
    return waits_until(
        Channel.SMS, now=now, member_zone=zone, district_zone=HELSINKI, quiet=quiet, store=None
    )


@pytest.mark.parametrize(
    ("own", "hour", "until"),
    [
        pytest.param((), 22, 9, id="the venue's alone"),
        pytest.param((QuietHours(start=time(23), end=time(7)),), 22, 9, id="a looser wish loosens nothing"),
        pytest.param((QuietHours(start=time(20), end=time(10)),), 22, 10, id="a stricter wish holds"),
        pytest.param(
            (QuietHours(start=time(9), end=time(11)),), 22, 11, id="hours that follow on each other"
        ),
    ],
)
def test_the_stricter_of_all_hours_holds(own: tuple[QuietHours, ...], hour: int, until: int) -> None:
    found = _until(_at(hour), VENUE, *own)
    assert found == _at(until, day=FRIDAY_NOON.day + 1)


def test_hours_that_leave_no_minute_end_the_search() -> None:
    found = _until(_at(12), VENUE, QuietHours(start=time(9), end=time(21)))
    assert found is not None
    assert found > _at(12)


def test_outside_all_hours_nothing_waits() -> None:
    assert _until(_at(12), VENUE, QuietHours(start=time(20), end=time(10))) is None


def test_the_inbox_follows_the_store_and_not_the_night() -> None:
    night, shop = _at(23), Shop(opens=_at(8, day=FRIDAY_NOON.day + 1))
    asked = {"member_zone": None, "district_zone": HELSINKI, "quiet": (VENUE,)}
    assert waits_until(Channel.INBOX, now=night, store=None, **asked) is None  # type: ignore[arg-type]
    assert waits_until(Channel.INBOX, now=night, store=shop, **asked) == shop.opens  # type: ignore[arg-type]
    assert opens_at(replace(shop, known=False), night) is None
    assert opens_at(shop, shop.opens) is None


async def test_dispatch_keeps_the_venues_hours_too() -> None:
    world = World()
    world.clock.seconds = minutes(60 * 10).total_seconds()
    looser = QuietHours(start=time(23), end=time(5))
    world.outbox.add(
        offer_message(1, expires_at=FRIDAY_NOON + minutes(60 * 24)), replace(FACTS, quiet=(VENUE, looser))
    )
    await world.dispatcher.run_once()
    assert world.only_row() == (DeliveryState.QUEUED, Suppression.QUIET_HOURS, 0)


async def test_the_inbox_waits_for_the_store_at_dispatch() -> None:
    world = World()
    shop = Shop(opens=FRIDAY_NOON + minutes(30))
    message = offer_message(1, channel=Channel.INBOX, expires_at=FRIDAY_NOON + minutes(90))
    world.dispatcher.channels = {Channel.INBOX: world.dispatcher.channels[Channel.WEBHOOK]}
    key = world.outbox.add(message, replace(FACTS, store_hours=shop))
    await world.dispatcher.run_once()
    assert world.only_row() == (DeliveryState.QUEUED, Suppression.QUIET_HOURS, 0)
    world.clock.seconds = minutes(31).total_seconds()
    await world.dispatcher.run_once()
    assert world.sink.at[key] == FRIDAY_NOON + minutes(31)

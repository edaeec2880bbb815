"""The core alone: the same triggers for every split of a stream, and after every pause."""

import itertools
import uuid
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from district.districts.service import DistrictInfo
from district.engine.core import Core, Triggered, fence_policy
from district.engine.plan import Plan, Watched, plane_of
from district.sightings.batch import (
    Batch,
    Columns,
    Message,
    Tick,
    columns_of,
    microseconds,
    pack,
    pseudonyms,
    unpack,
)
from geo.datum import Datum
from geo.fence_index import Fence, FenceId
from geo.hours import Window
from push.campaign import Campaign, CampaignState
from push.campaign_document import parse_rule
from push.identifiers import CampaignId, MerchantId
from push.offer_document import parse_offer
from push.wording import Localised
from tests.factories import HELSINKI, square

NOON = datetime(2026, 5, 1, 9, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Helsinki")
FEED = uuid.UUID(int=7)
DISTRICT = DistrictInfo(
    id=uuid.UUID(int=1),
    slug="d",
    name="d",
    name_zh="",
    center=HELSINKI,
    zone=ZONE,
    day_start=time(6),
    datum=Datum.WGS84,
    currency="EUR",
    alias_key=b"k" * 32,
)


def campaign(
    number: int, hours: str | None, dwell_s: int | None, *, on: str = "fence.enter", floor: str | None = None
) -> tuple[Fence, Watched]:
    trigger = {"on": "fence.dwell", "min_s": dwell_s} if dwell_s else {"on": on}
    outline = square(half_degrees=0.0005 * number)
    rule = parse_rule(
        {
            "v": 1,
            "trigger": {"any": [trigger]},
            "where": {"within": {"type": "Polygon", "coordinates": [list(outline.exterior.coords)]}},
        }
        | ({"when": {"opening_hours": hours}} if hours else {})
    )
    words = {"zh": "一", "en": "one"}
    made = Campaign(
        id=CampaignId(uuid.UUID(int=100 + number)),
        version=1,
        merchant_id=MerchantId(uuid.UUID(int=5)),
        store_ids=(),
        store_name=Localised(zh="店", en="shop"),
        state=CampaignState.LIVE,
        rule=rule,
        offer=parse_offer({"kind": "message", "title": words, "text": words}),
        window=Window(expression=hours, zone=ZONE) if hours else None,
    )
    dwell = timedelta(seconds=dwell_s) if dwell_s else None
    fence = Fence(id=FenceId(made.id), polygon=outline, dwell=dwell, floor=floor)
    is_exit = on == "fence.exit"
    return fence, Watched(campaign=made, on_enter=dwell is None and not is_exit, dwell=dwell, on_exit=is_exit)


WATCHED = [
    campaign(1, None, None),
    campaign(2, "12:01-12:03", None),
    campaign(3, None, 60),
    campaign(4, "12:01-12:05", None, on="fence.exit"),
]
PLAN = Plan(
    fences={fence.id: fence for fence, _ in WATCHED},
    campaigns={fence.id: watched for fence, watched in WATCHED},
)


def everybody(
    devices: "np.ndarray[tuple[int], np.dtype[np.void]]",
) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    """Every device is its own member's."""
    return devices


def core() -> Core:
    return Core(PLAN, plane_of(DISTRICT), policy=fence_policy(confirm=False), find_members=everybody)


def message(received_s: int, rows: list[tuple[int, int]]) -> bytes:
    """Rows of (device, place): places lie further and further east, the last outside everything."""
    count = len(rows)
    columns = Columns(
        device=pseudonyms(b"".join(bytes([device + 1]) * 16 for device, _ in rows)),
        member=pseudonyms(bytes(16 * count)),
        lon=np.array([HELSINKI.lon + 0.0006 * place for _, place in rows]),
        lat=np.full(count, HELSINKI.lat),
        accuracy_m=np.full(count, 4, np.float32),
        floor=np.full(count, -1, np.int16),
        at_ms=np.array([int((NOON.timestamp() + received_s) * 1000) + row for row in range(count)]),
        access_point=np.full(count, -1, np.int16),
        rssi_dbm=np.full(count, np.nan, np.float32),
        flags=np.zeros(count, np.uint8),
        source_id=[str(row) for row in range(count)],
        floors=[],
        access_points=[],
    )
    return pack(columns, feed_id=FEED, received_at=NOON + timedelta(seconds=received_s))


steps = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.one_of(
            st.just([]), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=6)
        ),
    ),
    min_size=1,
    max_size=25,
)


def stream(script: list[tuple[int, list[tuple[int, int]]]]) -> list[Message]:
    """Batches, and ticks where a step has no rows."""
    found: list[Message] = []
    at_s = 0
    for wait_s, rows in script:
        at_s += wait_s
        if rows:
            found.append(unpack(message(at_s, rows)))
        else:
            found.append(Tick(received_at_us=microseconds(NOON + timedelta(seconds=at_s))))
    return found


def shown(triggered: list[Triggered]) -> list[tuple[object, ...]]:
    return sorted(
        (one.member_id, one.campaign.id, one.crossing.visit_id, one.crossing.at, one.now) for one in triggered
    )


@given(steps, st.sets(st.integers(0, 25)))
@settings(max_examples=60, deadline=None)
def test_the_triggers_are_the_same_for_every_split_of_the_stream(
    script: list[tuple[int, list[tuple[int, int]]]], cuts: set[int]
) -> None:
    messages = stream(script)
    one_by_one, in_parts = core(), core()
    expected = [trigger for one in messages for trigger in one_by_one.apply([one])]
    borders = [0, *sorted(cut for cut in cuts if cut < len(messages)), len(messages)]
    found = [
        trigger
        for start, stop in itertools.pairwise(borders)
        for trigger in in_parts.apply(messages[start:stop])
    ]
    assert shown(found) == shown(expected)


@given(steps, st.integers(0, 25))
@settings(max_examples=60, deadline=None)
def test_a_core_that_is_frozen_and_thawed_goes_on_as_if_nothing_had_happened(
    script: list[tuple[int, list[tuple[int, int]]]], cut: int
) -> None:
    messages = stream(script)
    without, before, after = core(), core(), core()
    expected = without.apply(messages[:cut]) + without.apply(messages[cut:])
    found = before.apply(messages[:cut])
    state, devices = before.freeze()
    after.thaw(state, devices, now_ms=before.now_ms)
    assert shown(found + after.apply(messages[cut:])) == shown(expected)
    assert after.counts() == without.counts()


def test_a_packed_batch_is_unpacked_as_it_was() -> None:
    batch = unpack(message(3, [(0, 1), (1, 2)]))
    assert isinstance(batch, Batch)
    columns = columns_of(batch)
    assert columns.device.tolist() == [b"\1" * 16, b"\2" * 16]
    assert columns.source_id == ["0", "1"]


def test_counts_are_of_those_seen_lately() -> None:
    found = core()
    found.apply([unpack(message(0, [(0, 0), (1, 0)]))])
    assert (found.counts().devices, found.counts().members) == (2, 2)
    found.apply([Tick(received_at_us=microseconds(NOON + timedelta(minutes=11)))])
    assert found.counts().devices == 0

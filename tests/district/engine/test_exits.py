"""Who leaves a fence: seen outside, or fallen silent; never because hours ended or a floor was not told."""

import uuid
from dataclasses import replace
from datetime import timedelta

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from district.campaigns.live import LiveCampaign
from district.engine import plan as plans
from district.engine.core import PRESENT_FOR, Core, Triggered, fence_policy
from district.engine.plan import Plan, Watched, plane_of
from district.sightings.batch import Columns, Message, Tick, microseconds, pack, pseudonyms, unpack
from geo.fence_index import Fence
from push.campaign import Campaign
from push.campaign_document import parse_rule
from push.rule import TriggerKind
from tests.district.engine.test_core import DISTRICT, FEED, NOON, campaign, everybody
from tests.factories import HELSINKI, square

ENTER, EXIT = TriggerKind.ENTER, TriggerKind.EXIT
ALICE = uuid.UUID(bytes=bytes([1]) * 16)
FAR_EAST = 0.01


def core(*watched: tuple[Fence, Watched]) -> Core:
    plan = Plan(
        fences={fence.id: fence for fence, _ in watched},
        campaigns={fence.id: one for fence, one in watched},
    )
    return Core(plan, plane_of(DISTRICT), policy=fence_policy(confirm=False), find_members=everybody)


def seen(at_s: int, *, east: float = 0.0, floor: str | None = None, device: int = 1) -> Message:
    """One fix, so many degrees east of the middle."""
    columns = Columns(
        device=pseudonyms(bytes([device]) * 16),
        member=pseudonyms(bytes(16)),
        lon=np.array([HELSINKI.lon + east]),
        lat=np.array([HELSINKI.lat]),
        accuracy_m=np.full(1, 4, np.float32),
        floor=np.full(1, -1 if floor is None else 0, np.int16),
        at_ms=np.array([int((NOON.timestamp() + at_s) * 1000)]),
        access_point=np.full(1, -1, np.int16),
        rssi_dbm=np.full(1, np.nan, np.float32),
        flags=np.zeros(1, np.uint8),
        source_id=["1"],
        floors=[floor] if floor else [],
        access_points=[],
    )
    return unpack(pack(columns, feed_id=FEED, received_at=NOON + timedelta(seconds=at_s)))


def waiting_for(one: Campaign, on: str) -> Campaign:
    """The campaign with another trigger."""
    rule = parse_rule({"v": 1, "trigger": {"any": [{"on": on}]}, "where": {"within": {"zone": "z"}}})
    return replace(one, rule=rule)


def tick(at_s: int) -> Tick:
    return Tick(received_at_us=microseconds(NOON + timedelta(seconds=at_s)))


def kinds(triggered: list[Triggered]) -> list[TriggerKind]:
    return [one.crossing.trigger for one in triggered]


def test_a_fence_for_leaving_fires_on_leaving_alone_and_under_the_stays_own_key() -> None:
    leaving, entering = campaign(1, None, None, on="fence.exit"), campaign(2, None, None)
    both = core(leaving, entering)
    first = both.apply([seen(0)])
    last = both.apply([seen(60, east=FAR_EAST)])
    assert (kinds(first), kinds(last)) == ([ENTER], [EXIT])
    assert (last[0].member_id, last[0].campaign.id) == (ALICE, leaving[1].campaign.id)
    assert last[0].crossing.at == NOON + timedelta(seconds=60)
    again = core(leaving)
    again.apply([seen(0)])
    assert again.apply([seen(90, east=FAR_EAST)])[0].crossing.visit_id == last[0].crossing.visit_id


def test_who_falls_silent_has_left_after_ten_minutes() -> None:
    leaving = core(campaign(1, None, None, on="fence.exit"))
    silent_s = int(PRESENT_FOR.total_seconds())
    assert leaving.apply([seen(0), tick(silent_s - 1)]) == []
    (left,) = leaving.apply([tick(silent_s)])
    assert (left.crossing.trigger, left.crossing.at) == (EXIT, NOON + PRESENT_FOR)


def test_nobody_has_left_because_the_hours_ended() -> None:
    leaving = core(campaign(1, "12:00-12:03", None, on="fence.exit"))
    assert leaving.apply([seen(0), seen(170), seen(190), seen(200, east=FAR_EAST)]) == []


def test_who_came_before_the_hours_leaves_within_them() -> None:
    leaving = core(campaign(1, "12:01-12:03", None, on="fence.exit"))
    assert kinds(leaving.apply([seen(0), seen(70), seen(100, east=FAR_EAST)])) == [EXIT]


def test_a_position_without_a_floor_is_no_leaving_of_a_floor_but_another_floor_is() -> None:
    third = campaign(1, None, None, on="fence.exit", floor="3")
    unknown, other, walked = core(third), core(third), core(third)
    assert unknown.apply([seen(0, floor="3"), seen(10)]) == []
    assert kinds(other.apply([seen(0, floor="3"), seen(10, floor="2")])) == [EXIT]
    assert kinds(walked.apply([seen(0, floor="3"), seen(10, floor="3", east=FAR_EAST)])) == [EXIT]


def test_a_floor_bound_fence_never_fires_on_another_or_an_unknown_floor() -> None:
    third = core(campaign(1, None, None, floor="3"))
    assert third.apply([seen(0), seen(10, floor="2"), seen(20)]) == []
    assert kinds(third.apply([seen(30, floor="3")])) == [ENTER]


@settings(max_examples=80, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(1, 700), st.booleans()), min_size=1, max_size=30),
    cut=st.integers(0, 30),
)
def test_every_leaving_follows_a_coming_of_the_same_stay_and_splits_change_nothing(
    places: list[tuple[int, bool]], cut: int
) -> None:
    coming, leaving = campaign(1, None, None), campaign(1, None, None, on="fence.exit")
    at_s, messages = 0, []
    for wait_s, is_in in places:
        at_s += wait_s
        messages += [tick(at_s), seen(at_s, east=0.0 if is_in else FAR_EAST)]
    entered = [one.crossing.visit_id for one in core(coming).apply(messages)]
    whole = [one.crossing for one in core(leaving).apply(messages)]
    parted = core(leaving)
    assert [one.crossing for one in parted.apply(messages[:cut]) + parted.apply(messages[cut:])] == whole
    assert [one.visit_id for one in whole] == entered[: len(whole)]
    assert len(entered) - len(whole) in {0, 1}


def test_only_campaigns_that_wait_for_crossings_cost_a_fence() -> None:
    area = shapely.MultiPolygon([square()])
    fence, watched = campaign(1, None, None, on="fence.exit")
    made = {
        on: [
            (found.id, one.on_enter, one.on_exit)
            for found, one in plans._of_campaign(
                LiveCampaign(campaign=waiting_for(watched.campaign, on), fence=area), plane_of(DISTRICT)
            )
        ]
        for on in ("fence.enter", "fence.exit", "wifi.join")
    }
    assert made == {
        "fence.enter": [(fence.id, True, False)],
        "fence.exit": [(fence.id, False, True)],
        "wifi.join": [],
    }

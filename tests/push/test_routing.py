"""Which channel comes first: the district's order, else what a message that arrives costs."""

from hypothesis import given
from hypothesis import strategies as st

from push.consent import RINGING, Channel
from push.routing import (
    DEFAULT_ORDER,
    MAINLAND_ORDER,
    MOST_ADDRESSES,
    MOST_TRIES,
    Record,
    order_of,
    route,
)

ALL = frozenset(Channel)


def test_the_products_order_names_everything_that_rings_but_webhooks() -> None:
    assert set(DEFAULT_ORDER) == RINGING - {Channel.WEBHOOK}
    assert Channel.WEB_PUSH not in MAINLAND_ORDER


def test_a_districts_order_decides_and_leaves_out_what_it_does_not_name() -> None:
    cheap = {Channel.EMAIL: Record(cost_micro=0), Channel.SMS: Record(cost_micro=70_000)}
    assert order_of(ALL, (Channel.SMS, Channel.EMAIL), cheap) == (Channel.SMS, Channel.EMAIL)
    assert order_of({Channel.EMAIL}, MAINLAND_ORDER, {}) == ()


def test_without_an_order_the_cheapest_message_that_arrives_comes_first() -> None:
    records = {
        Channel.SMS: Record(cost_micro=60_000, success=0.9),
        Channel.WECHAT: Record(cost_micro=40_000, success=0.5),
        Channel.EMAIL: Record(cost_micro=100, success=0.8),
    }
    assert order_of({Channel.SMS, Channel.WECHAT, Channel.EMAIL}, None, records) == (
        Channel.EMAIL,
        Channel.SMS,
        Channel.WECHAT,
    )


def test_of_two_that_cost_nothing_the_more_reliable_comes_first() -> None:
    records = {Channel.WEB_PUSH: Record(success=0.4), Channel.APP: Record(success=0.9)}
    assert order_of({Channel.WEB_PUSH, Channel.APP}, None, records) == (Channel.APP, Channel.WEB_PUSH)


def test_a_channel_is_tried_once_for_each_address() -> None:
    ordered = (Channel.WEB_PUSH, Channel.SMS)
    assert route(ordered, {Channel.WEB_PUSH: 2, Channel.SMS: 1}) == (
        Channel.WEB_PUSH,
        Channel.WEB_PUSH,
        Channel.SMS,
    )
    assert route(ordered, {Channel.EMAIL: 4}) == ()


@given(
    counts=st.dictionaries(st.sampled_from(Channel), st.integers(0, 100)),
    chosen=st.none() | st.lists(st.sampled_from(sorted(RINGING)), unique=True),
)
def test_a_route_is_bounded_ordered_and_never_the_inbox(
    counts: dict[Channel, int], chosen: list[Channel] | None
) -> None:
    ordered = order_of(ALL, chosen, {})
    found = route(ordered, counts)
    assert len(found) <= MOST_TRIES
    assert Channel.INBOX not in found
    assert list(found) == sorted(found, key=ordered.index)
    assert all(found.count(one) <= min(counts[one], MOST_ADDRESSES) for one in found)

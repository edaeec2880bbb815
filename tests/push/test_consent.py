"""Consent: the newest word holds, per purpose and channel, and nothing is assumed."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.consent import NO_CONSENT, Channel, ConsentRecord, Consents, Purpose, may_contact
from tests.push.makers import ALL_CONSENTS, FRIDAY_NOON, consents, minutes


def word(granted: bool, minute: int, channel: Channel | None = None) -> ConsentRecord:
    return ConsentRecord(
        purpose=Purpose.MARKETING, channel=channel, granted=granted, at=FRIDAY_NOON + minutes(minute)
    )


@pytest.mark.parametrize("channel", list(Channel))
def test_nothing_is_assumed(channel: Channel) -> None:
    assert not may_contact(NO_CONSENT, channel, by_location=False)


def test_access_is_no_leave_to_advertise() -> None:
    assert not may_contact(consents(Purpose.ACCESS), Channel.INBOX, by_location=False)


def test_an_offer_chosen_by_place_needs_consent_to_location() -> None:
    marketing = consents(Purpose.MARKETING)
    assert may_contact(marketing, Channel.INBOX, by_location=False)
    assert not may_contact(marketing, Channel.INBOX, by_location=True)
    assert may_contact(consents(Purpose.MARKETING, Purpose.LOCATION), Channel.INBOX, by_location=True)


def test_a_webhook_needs_consent_to_share() -> None:
    ours = consents(Purpose.MARKETING, Purpose.LOCATION)
    assert not may_contact(ours, Channel.WEBHOOK, by_location=True)
    assert may_contact(ALL_CONSENTS, Channel.WEBHOOK, by_location=True)


def test_the_order_in_which_records_are_read_does_not_matter() -> None:
    records = [word(True, 1), word(False, 2), word(True, 3)]
    assert all(Consents.after(order).holds(Purpose.MARKETING) for order in permutations(records))


def test_a_later_word_for_one_channel_leaves_the_others_alone() -> None:
    state = Consents.after([word(True, 1), word(False, 2, Channel.SMS)])
    assert not state.holds(Purpose.MARKETING, Channel.SMS)
    assert state.holds(Purpose.MARKETING, Channel.INBOX)


def test_a_later_word_for_all_channels_speaks_for_each() -> None:
    state = Consents.after([word(True, 1, Channel.SMS), word(False, 2)])
    assert not state.holds(Purpose.MARKETING, Channel.SMS)


def test_consent_to_one_channel_is_none_to_another() -> None:
    state = Consents.after([word(True, 1, Channel.EMAIL)])
    assert state.holds(Purpose.MARKETING, Channel.EMAIL)
    assert not state.holds(Purpose.MARKETING, Channel.SMS)
    assert not state.holds(Purpose.MARKETING)


def test_of_two_words_at_one_moment_the_withdrawal_holds() -> None:
    for order in permutations([word(True, 1), word(False, 1)]):
        assert not Consents.after(order).holds(Purpose.MARKETING)
    for pair in permutations([word(True, 1, Channel.SMS), word(False, 1)]):
        assert not Consents.after(pair).holds(Purpose.MARKETING, Channel.SMS)


@given(
    history=st.lists(
        st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from([None, Channel.SMS, Channel.INBOX]))
    )
)
def test_a_withdrawal_after_everything_always_holds(
    history: list[tuple[bool, int, Channel | None]],
) -> None:
    records = [word(granted, minute, channel) for granted, minute, channel in history]
    state = Consents.after([*records, word(False, 6)])
    assert not any(state.holds(Purpose.MARKETING, channel) for channel in (None, *Channel))

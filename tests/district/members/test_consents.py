"""Consent: a history that only grows, with the words that were shown."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.districts.service import DistrictInfo
from district.members import service as members
from district.members.models import Consent, ConsentText, Member
from district.members.texts import OFFERED, consent_text
from district.problems import Conflict, Invalid
from push.consent import Channel, Purpose
from tests.factories import Makers


class Mind:
    """One member's decisions, a second apart."""

    def __init__(self, makers: Makers, clock: FixedClock) -> None:
        district = makers.district()
        self.session: Session = makers.session
        self.info: DistrictInfo = makers.info(district)
        self.member: Member = makers.member(district)
        self.clock = clock

    def choose(
        self,
        purpose: Purpose,
        *,
        granted: bool,
        channel: Channel | None = None,
        text_hash: str | None = None,
    ) -> None:
        self.clock.advance(timedelta(seconds=1))
        members.choose(
            self.session,
            self.info,
            self.member,
            purpose=purpose,
            channel=channel,
            granted=granted,
            text_hash=text_hash,
            at=self.clock.now(),
        )

    @property
    def history(self) -> list[Consent]:
        return list(
            self.session.scalars(
                select(Consent).where(Consent.member_id == self.member.id).order_by(Consent.id)
            )
        )

    def holds(self, purpose: Purpose, channel: Channel | None = None) -> bool:
        return members.consents_of(self.session, self.info.id, self.member.id).holds(purpose, channel)


@pytest.fixture
def mind(makers: Makers, clock: FixedClock) -> Mind:
    return Mind(makers, clock)


def test_giving_withdrawing_and_giving_again_are_three_lines(mind: Mind) -> None:
    for granted in (True, False, True):
        mind.choose(Purpose.MARKETING, channel=Channel.INBOX, granted=granted)
        assert mind.holds(Purpose.MARKETING, Channel.INBOX) is granted
    assert [row.granted for row in mind.history] == [True, False, True]


def test_saying_the_same_again_adds_nothing(mind: Mind) -> None:
    for granted in (True, True, False, False):
        mind.choose(Purpose.LOCATION, granted=granted)
    assert len(mind.history) == 2


def test_a_first_no_is_recorded(mind: Mind) -> None:
    mind.choose(Purpose.LOCATION, granted=False)
    assert [row.granted for row in mind.history] == [False]


def test_the_words_shown_can_be_produced_for_every_grant(mind: Mind) -> None:
    mind.member.language = "zh"
    mind.choose(Purpose.MARKETING, granted=True)
    (row,) = mind.history
    words = mind.session.scalar(select(ConsentText.text).where(ConsentText.text_hash == row.text_hash))
    assert words == consent_text(Purpose.MARKETING, Channel.INBOX, "zh").text
    assert (row.channel, row.action) == ("inbox", "api")


def test_changed_words_need_a_new_yes(mind: Mind) -> None:
    mind.choose(Purpose.LOCATION, granted=True)
    mind.history[0].text_hash = b"older words".ljust(32)
    mind.session.flush()
    mind.choose(Purpose.LOCATION, granted=True)
    assert len(mind.history) == 2


@pytest.mark.parametrize(
    ("purpose", "channel"),
    [
        (Purpose.MARKETING, Channel.WEBHOOK),
        (Purpose.LOCATION, Channel.SMS),
        (Purpose.THIRD_PARTY, None),
        (Purpose.LOCATION, Channel.INBOX),
    ],
)
def test_what_nobody_has_words_for_cannot_be_granted(
    mind: Mind, purpose: Purpose, channel: Channel | None
) -> None:
    with pytest.raises(Invalid):
        mind.choose(purpose, channel=channel, granted=True)
    assert mind.history == []


def test_every_channel_that_rings_has_words_of_its_own_in_both_languages() -> None:
    asked = [channel for _, channel in OFFERED]
    assert set(asked) == set(Channel) - {Channel.INBOX, Channel.WEBHOOK}
    words = {
        consent_text(Purpose.MARKETING, one, language).text for one in asked for language in ("en", "zh")
    }
    assert len(words) == 2 * len(asked)


def test_a_yes_to_words_that_have_changed_is_refused(mind: Mind) -> None:
    with pytest.raises(Conflict):
        mind.choose(Purpose.LOCATION, granted=True, text_hash="0" * 64)
    mind.choose(
        Purpose.LOCATION, granted=True, text_hash=consent_text(Purpose.LOCATION, None, "en").hash.hex()
    )
    assert mind.holds(Purpose.LOCATION)


def test_a_no_without_a_channel_is_a_no_to_all(mind: Mind) -> None:
    mind.choose(Purpose.MARKETING, channel=Channel.INBOX, granted=True)
    mind.choose(Purpose.MARKETING, granted=False)
    assert not mind.holds(Purpose.MARKETING, Channel.INBOX)


def test_closing_the_account_withdraws_and_keeps_the_proof(mind: Mind) -> None:
    mind.choose(Purpose.MARKETING, granted=True)
    mind.choose(Purpose.LOCATION, granted=True)
    before = len(mind.history)
    members.erase(mind.session, mind.info, mind.member, clock=mind.clock)
    assert not mind.holds(Purpose.MARKETING, Channel.INBOX)
    assert not mind.holds(Purpose.LOCATION)
    assert [row.action for row in mind.history[before:]] == ["erasure", "erasure"]

"""Who a login is taken for: a verified contact decides, a device alone proves nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import make_engine, make_sessions
from district.districts.service import DistrictInfo
from district.members import service as members
from district.members.contacts import Contact, ContactKind
from district.members.models import DeviceAlias, Member
from district.members.service import REMEMBERED_FOR, Recognition, alias_of
from tests.factories import Makers

MAC = "02aa22334466"
ADA = Contact(kind=ContactKind.PHONE, value="+358401234567")
MAIL = Contact(kind=ContactKind.EMAIL, value="ada@example.com")


@pytest.fixture
def info(makers: Makers) -> DistrictInfo:
    return makers.info(makers.district(country="FI"))


class Desk:
    """Logins in one district."""

    def __init__(self, session: Session, info: DistrictInfo, clock: FixedClock) -> None:
        self.session, self.info, self.clock = session, info, clock

    def come(
        self,
        *,
        contact: Contact | None = None,
        known: Member | None = None,
        mac: str = MAC,
        is_vouched: bool = True,
    ) -> Recognition:
        found = members.recognise(
            self.session,
            self.info,
            alias=alias_of(self.info, mac),
            contact=contact,
            known=known.id if known else None,
            language="en",
            clock=self.clock,
        )
        members.see_device(
            self.session, self.info, found.member, mac=mac, clock=self.clock, is_vouched=is_vouched
        )
        return found

    def owner(self, mac: str = MAC) -> object:
        self.session.expire_all()
        return self.session.scalar(
            select(DeviceAlias.member_id).where(
                DeviceAlias.district_id == self.info.id, DeviceAlias.alias == alias_of(self.info, mac)
            )
        )


@pytest.fixture
def desk(session: Session, info: DistrictInfo, clock: FixedClock) -> Desk:
    return Desk(session, info, clock)


def test_the_second_click_is_the_same_member_and_proves_nothing(desk: Desk) -> None:
    first, second = desk.come(), desk.come()
    assert (first.is_new, first.is_proven) == (True, True)
    assert (second.is_new, second.is_proven) == (False, False)
    assert second.member.id == first.member.id


def test_a_device_not_seen_for_two_weeks_says_nothing_of_its_owner(desk: Desk) -> None:
    first = desk.come()
    desk.clock.advance(REMEMBERED_FOR - timedelta(seconds=1))
    assert desk.come().member.id == first.member.id
    desk.clock.advance(REMEMBERED_FOR)
    later = desk.come()
    assert later.is_new
    assert desk.owner() == later.member.id


def test_a_verified_contact_wins_over_the_device_and_over_the_session(desk: Desk) -> None:
    ada = desk.come(contact=ADA).member
    bob = desk.come(mac="02aa22334477").member
    assert desk.come(contact=ADA, mac="02aa22334477", known=bob).member.id == ada.id


def test_a_new_contact_on_somebody_s_device_is_a_new_member(desk: Desk) -> None:
    bob = desk.come().member
    ada = desk.come(contact=ADA)
    assert ada.is_new
    assert ada.member.id != bob.id
    assert bob.phone is None


def test_a_new_contact_goes_to_the_session_s_member_who_has_none(desk: Desk) -> None:
    first = desk.come().member
    assert desk.come(contact=ADA, known=first).member.id == first.id
    assert first.phone == ADA.value


def test_a_second_person_at_a_proven_member_s_browser_is_a_member_of_their_own(desk: Desk) -> None:
    ada = desk.come(contact=ADA).member
    other = desk.come(contact=MAIL, known=ada)
    assert other.is_new
    assert (ada.phone, ada.email) == (ADA.value, None)


def test_an_erased_member_is_nobody(desk: Desk) -> None:
    ada = desk.come(contact=ADA).member
    members.erase(desk.session, desk.info, ada, clock=desk.clock)
    for again in (desk.come(known=ada), desk.come(contact=ADA, known=ada), desk.come()):
        assert again.member.id != ada.id
    assert ada.phone is None


def test_an_unvouched_claim_takes_no_device_that_is_in_use(desk: Desk) -> None:
    victim = desk.come().member
    desk.clock.advance(timedelta(days=1))
    thief = desk.come(contact=ADA, is_vouched=False)
    assert thief.member.id != victim.id
    assert desk.owner() == victim.id
    desk.clock.advance(REMEMBERED_FOR)
    desk.come(contact=ADA, is_vouched=False)
    assert desk.owner() == thief.member.id


def test_a_vouched_device_changes_hands_and_forgets_when_it_was_first_seen(desk: Desk) -> None:
    desk.come()
    desk.clock.advance(timedelta(days=1))
    ada = desk.come(contact=ADA).member
    row = desk.session.scalars(select(DeviceAlias).where(DeviceAlias.member_id == ada.id)).one()
    assert row.first_seen_at == desk.clock.now()


def test_one_contact_verified_many_times_at_once_is_one_member(
    database_url: str, committed: Makers, clock: FixedClock
) -> None:
    info = committed.info(committed.district())
    engine = make_engine(database_url, pool_size=16)
    sessions = make_sessions(engine)

    def come(_: int) -> object:
        with sessions.begin() as session:
            found = members.recognise(
                session, info, alias=None, contact=ADA, known=None, language="en", clock=clock
            )
            return found.member.id

    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(come, range(32)))) == 1
    engine.dispose()

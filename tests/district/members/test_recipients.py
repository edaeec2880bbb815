"""To whom data go: the district's own words, version by version, and consents that name the one that stood."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.districts.service import DistrictInfo
from district.members import ledger, recipients
from district.members import service as members
from district.members.models import Consent, Member
from district.members.terms import RECIPIENTS, Recipient
from district.problems import Conflict, Invalid, NotFound
from push.consent import Channel, Purpose
from tests.factories import Makers

MALL = Recipient(
    name={"en": "The mall", "zh": "商场"},
    data={"en": "Counts", "zh": "统计"},
    why={"en": "Rent", "zh": "租金"},
)


@pytest.fixture
def info(makers: Makers) -> DistrictInfo:
    return makers.info(makers.district())


def decide(session: Session, info: DistrictInfo, member: Member, clock: FixedClock, **values: object) -> None:
    given = {"purpose": Purpose.MARKETING, "channel": Channel.INBOX, "granted": True} | values
    members.decide(
        session, info, member, language="en", action="box", source="test", at=clock.now(), **given  # type: ignore[arg-type]  # a test's shorthand
    )  # fmt: skip


def test_the_usual_list_stands_until_an_operator_writes_his_own(
    session: Session, info: DistrictInfo, clock: FixedClock
) -> None:
    assert recipients.current(session, info.id).recipients == RECIPIENTS
    made = recipients.replace(session, info, [MALL], after=0, by="op", clock=clock)
    assert (made.version, made.recipients, made.changed_by) == (1, (MALL,), "op")
    assert recipients.find(session, info.id, 0).recipients == RECIPIENTS
    assert recipients.replace(session, info, [MALL], after=1, by="op", clock=clock).version == 1
    with pytest.raises(Conflict):
        recipients.replace(session, info, [MALL, MALL], after=0, by="other", clock=clock)
    with pytest.raises(NotFound):
        recipients.find(session, info.id, 2)


def test_a_consent_names_the_list_that_stood_and_its_hash_holds_it(
    session: Session, makers: Makers, info: DistrictInfo, clock: FixedClock
) -> None:
    member = makers.member(makers.session.get_one(type(makers.district()), info.id))
    recipients.replace(session, info, [MALL], after=0, by="op", clock=clock)
    decide(session, info, member, clock)
    (row,) = ledger.records_of(session, info.id, member.id)
    assert (row.recipients_version, row.form, row.portal_version) == (1, 2, ledger.PORTAL_VERSION)
    assert ledger.PORTAL_VERSION
    for change in (
        "recipients_version = 0",
        "portal_version = 'x'",
        "sec_gpc = true",
        "access_point_mac = 'x'",
        "form = 1",
    ):
        with session.begin_nested() as savepoint:
            session.execute(text(f"UPDATE consent SET {change} WHERE id = :id"), {"id": row.id})
            session.expire_all()
            assert ledger.check(ledger.records_of(session, info.id, member.id)).faulty == (row.id,), change
            savepoint.rollback()
        session.expire_all()


def test_records_of_the_form_before_are_as_they_were_written(
    session: Session, makers: Makers, info: DistrictInfo, clock: FixedClock
) -> None:
    member = makers.member(makers.session.get_one(type(makers.district()), info.id))
    decide(session, info, member, clock)
    row = session.query(Consent).filter_by(member_id=member.id).one()
    row.form, row.portal_version, row.recipients_version = 1, "", 0
    row.hash = ledger.hash_of(row)
    session.flush()
    decide(session, info, member, clock, purpose=Purpose.LOCATION, channel=None)
    check = ledger.check(ledger.records_of(session, info.id, member.id))
    assert (check.records, check.faulty) == (2, ())


def test_sec_gpc_refuses_sharing_and_takes_it_back(
    session: Session, makers: Makers, info: DistrictInfo, clock: FixedClock
) -> None:
    member = makers.member(makers.session.get_one(type(makers.district()), info.id))
    quiet = members.Evidence(proof="session", sec_gpc=True)
    sharing = {"purpose": Purpose.THIRD_PARTY, "channel": None}
    with pytest.raises(Invalid):
        decide(session, info, member, clock, evidence=quiet, **sharing)
    decide(session, info, member, clock, **sharing)
    assert members.consents_of(session, info.id, member.id).holds(Purpose.THIRD_PARTY)
    for taken_back in (True, False):
        assert (
            members.honour_gpc(session, info, member, source="test", at=clock.now(), evidence=quiet)
            is taken_back
        )
    assert not members.consents_of(session, info.id, member.id).holds(Purpose.THIRD_PARTY)
    last = ledger.records_of(session, info.id, member.id)[-1]
    assert (last.action, last.granted, last.sec_gpc) == ("gpc", False, True)

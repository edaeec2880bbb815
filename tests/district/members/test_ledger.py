"""The consent ledger: what was said can be proven, and a touched record is found."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import make_engine, make_sessions
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.members import ledger, terms
from district.members import service as members
from district.members.models import Consent, Member
from push.consent import Channel, Purpose
from tests.factories import Makers

EVIDENCE = members.Evidence(proof="code:1", address="203.0.113.9", agent="Mozilla/5.0\n (canary)")


def say(session: Session, info: DistrictInfo, member: Member, clock: FixedClock, *, granted: bool) -> None:
    clock.advance(timedelta(seconds=1))
    members.decide(
        session,
        info,
        member,
        purpose=Purpose.MARKETING,
        channel=Channel.INBOX,
        granted=granted,
        language="zh",
        action="box",
        source="portal:west",
        at=clock.now(),
        evidence=EVIDENCE,
    )


@pytest.fixture
def said(session: Session, makers: Makers, clock: FixedClock) -> Member:
    district = makers.district()
    member = makers.member(district)
    for granted in (True, False, True, False):
        say(session, makers.info(district), member, clock, granted=granted)
    return member


def checked(session: Session, member: Member) -> ledger.ChainCheck:
    session.expire_all()
    return ledger.check(ledger.records_of(session, member.district_id, member.id))


def test_a_proof_is_the_record_with_the_words_and_terms_that_were_shown(
    session: Session, said: Member
) -> None:
    [newest, *_], check = ledger.proofs(session, said.district_id, said.id, Purpose.MARKETING)
    row = newest.record
    assert (row.granted, row.action, row.source, row.language) == (False, "box", "portal:west", "zh")
    assert (row.proof, row.address, row.agent) == ("code:1", "203.0.113.9", "Mozilla/5.0 (canary)")
    assert (row.controller, newest.terms) == ("Kluuvi", terms.CURRENT)
    assert newest.text is not None
    assert "优惠" in newest.text
    assert (check.records, check.faulty) == (4, ())


@pytest.mark.parametrize(
    ("statement", "faulty"),
    [
        pytest.param("UPDATE consent SET granted = NOT granted WHERE id = :second", 3, id="changed"),
        pytest.param("UPDATE consent SET at = at - interval '1 day' WHERE id = :second", 3, id="backdated"),
        pytest.param("UPDATE consent SET text_hash = NULL WHERE id = :second", 3, id="other-words"),
        pytest.param("DELETE FROM consent WHERE id = :second", 2, id="deleted"),
    ],
)
def test_a_touched_record_and_what_follows_it_are_named(
    session: Session, said: Member, statement: str, faulty: int
) -> None:
    rows = ledger.records_of(session, said.district_id, said.id)
    session.execute(text(statement), {"second": rows[1].id})
    found = checked(session, said).faulty
    assert len(found) == faulty
    assert rows[0].id not in found


def test_what_expires_is_not_part_of_the_chain(session: Session, said: Member) -> None:
    session.execute(text("UPDATE consent SET address = '', agent = '' WHERE member_id = :m"), {"m": said.id})
    assert checked(session, said).faulty == ()


def test_records_from_before_the_chain_are_counted_and_not_doubted(
    session: Session, said: Member, makers: Makers, clock: FixedClock
) -> None:
    session.execute(
        text("UPDATE consent SET hash = NULL, previous_hash = NULL WHERE member_id = :m"), {"m": said.id}
    )
    session.expire_all()
    district = session.get(District, said.district_id)
    assert district is not None
    say(session, makers.info(district), said, clock, granted=True)
    check = checked(session, said)
    assert (check.records, check.before_the_chain, check.faulty) == (5, 4, ())


def test_decisions_of_one_member_at_once_are_one_chain(
    database_url: str, committed: Makers, clock: FixedClock
) -> None:
    district = committed.district()
    member_id = committed.member(district).id
    info = committed.info(district)
    engine = make_engine(database_url, pool_size=8)
    sessions, start = make_sessions(engine), threading.Barrier(8)

    def flip(turn: int) -> None:
        start.wait()
        with sessions.begin() as session:
            member = members.get(session, info.id, member_id)
            members.decide(
                session,
                info,
                member,
                purpose=Purpose.LOCATION,
                channel=None,
                granted=turn % 2 == 0,
                language="en",
                action="button",
                source="test",
                at=clock.now() + timedelta(seconds=turn),
            )

    flips = [threading.Thread(target=flip, args=(turn,)) for turn in range(8)]
    for one in flips:
        one.start()
    for one in flips:
        one.join()
    with sessions() as session:
        rows = ledger.records_of(session, info.id, member_id)
        check = ledger.check(rows)
    engine.dispose()
    assert rows
    assert (check.faulty, check.before_the_chain) == ((), 0)


def test_new_words_are_unheard_until_they_are_answered(
    session: Session, said: Member, makers: Makers
) -> None:
    assert members.unheard(session, said.district_id, said.id) == {Purpose.ACCESS, Purpose.LOCATION}
    rows = ledger.records_of(session, said.district_id, said.id)
    session.execute(
        text("UPDATE consent SET text_hash = sha256('old words') WHERE id = :id"), {"id": rows[-1].id}
    )
    session.expire_all()
    assert Purpose.MARKETING in members.unheard(session, said.district_id, said.id)


def test_no_version_of_the_terms_was_changed_after_it_was_published() -> None:
    published = {
        "2026-11": (
            "80a7d9403d5991c4c3c88047426621aad81d69a2f932cceb964cb84a335ab365",
            "9565f194391cd9ed21f8bbe6c19f36aee48f1ed437fb2728843431557f753424",
        ),
    }
    found = {one.version: (one.hash("en").hex(), one.hash("zh").hex()) for one in terms.VERSIONS}
    assert found == published


def test_a_consent_is_the_members_own(session: Session, said: Member, makers: Makers) -> None:
    other = makers.member(makers.district())
    assert ledger.proofs(session, other.district_id, other.id, Purpose.MARKETING)[0] == []
    assert session.query(Consent).filter_by(member_id=other.id).count() == 0

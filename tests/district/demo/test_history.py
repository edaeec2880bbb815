"""Four weeks of visits stand behind a new demo: labelled, over by now, and the walkers' devices are recognised."""

from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.demo import ground, history
from district.demo.shops import StoreSpot
from district.districts.service import DistrictInfo
from district.members import service as members
from district.members.models import Member
from push.consent import Channel, Purpose
from tests.factories import Makers


def _made(session: Session, makers: Makers, clock: FixedClock) -> tuple[DistrictInfo, history.Past]:
    row = makers.district(label="demo")
    district = makers.info(row)
    zones = [makers.zone(row).id for _ in range(3)]
    store = makers.store(row)
    spots = [StoreSpot(id=str(store.id), name="Zio", category="clothes", position=district.center)]
    past = history.make(
        session, district, zone_ids=zones, stores=spots, clock=clock, members=300, passers_by=500
    )
    return district, past


def test_visits_are_of_the_last_four_weeks_and_labelled(
    session: Session, makers: Makers, clock: FixedClock
) -> None:
    district, past = _made(session, makers, clock)
    values = {"id": district.id}
    row = session.execute(
        text(
            "SELECT count(*), min(trading_day), max(trading_day), bool_and(is_demo), bool_and(ended_at > started_at),"
            " count(DISTINCT member_id), count(DISTINCT device), max(ended_at) FROM visit WHERE district_id = :id"
        ),
        values,
    ).one()
    today = district.trading_day(clock.now())
    assert row[0] == past.visits
    assert row[1] >= today - timedelta(days=28)
    assert row[2] <= today
    assert row[7] <= clock.now() - history.STILL_HERE
    assert (row[3], row[4]) == (True, True)
    assert row[5] == 300
    assert 500 <= row[6] <= 500 + 500 // 28
    rows = session.execute(
        text("SELECT place_kind, count(*) FROM visit WHERE district_id = :id GROUP BY 1"), values
    )
    kinds = {kind: count for kind, count in rows}  # noqa: C416 rows are no pairs to mypy
    assert kinds["district"] >= 300 * 2 + 500
    assert kinds["zone"] > kinds["district"] / 2
    assert kinds["store"] > 300


def test_a_place_is_visited_within_the_visit_of_the_district(
    session: Session, makers: Makers, clock: FixedClock
) -> None:
    district, _ = _made(session, makers, clock)
    outside = session.scalar(
        text(
            "SELECT count(*) FROM visit v WHERE district_id = :id AND place_kind <> 'district' AND NOT EXISTS"
            " (SELECT 1 FROM visit d WHERE d.district_id = v.district_id AND d.place_kind = 'district'"
            "  AND d.member_id IS NOT DISTINCT FROM v.member_id AND d.device IS NOT DISTINCT FROM v.device"
            "  AND d.started_at <= v.started_at AND d.ended_at >= v.ended_at)"
        ),
        {"id": district.id},
    )
    assert outside == 0


def test_most_past_members_agreed_to_offers_and_all_keep_their_words(
    session: Session, makers: Makers, clock: FixedClock
) -> None:
    district, _ = _made(session, makers, clock)
    ids = session.scalars(select(Member.id).where(Member.district_id == district.id)).all()
    agreed = [
        consents.holds(Purpose.MARKETING, Channel.INBOX) and consents.holds(Purpose.LOCATION, None)
        for consents in (members.consents_of(session, district.id, member_id) for member_id in ids)
    ]
    assert 0.5 < sum(agreed) / len(agreed) < 0.9
    unknown = session.scalar(
        text(
            "SELECT count(*) FROM consent c LEFT JOIN consent_text t USING (district_id, text_hash)"
            " WHERE c.district_id = :id AND t.text IS NULL"
        ),
        {"id": district.id},
    )
    assert unknown == 0


def test_walkers_find_the_past_members_again(session: Session, makers: Makers, clock: FixedClock) -> None:
    district, past = _made(session, makers, clock)
    assert sorted(ground.past_sessions(session, district, clock)) == list(range(past.members))

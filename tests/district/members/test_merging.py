"""Two memberships of one person become one, no consent widens, and it can be undone exactly."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from district.auth.models import Role
from district.clock import FixedClock
from district.database import make_sessions
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.members import contacts
from district.members import service as members
from district.members.models import Member
from district.offers.claim_models import DropTicket
from district.offers.models import CapSlot, Offer
from push.consent import Channel, Purpose
from tests.conftest import refresh
from tests.factories import Makers

KEPT_MAC, MERGED_MAC = "02aa22334466", "06aa22334477"


class Two:
    """Two members of a district, each with a device, a coupon and consents, and an operator."""

    def __init__(self, makers: Makers, district: District, client: httpx.AsyncClient) -> None:
        self.makers, self.district, self.client = makers, district, client
        self.info: DistrictInfo = makers.info(district)
        unique = uuid.uuid4().int % 10**7
        self.kept = makers.member(district, phone=f"+35840{unique:07d}")
        self.merged = makers.member(district, email=f"m{unique}@example.com")
        self.operator = {"authorization": f"Bearer {makers.token(district, Role.OPERATOR)}"}
        for member, mac in ((self.kept, KEPT_MAC), (self.merged, MERGED_MAC)):
            members.see_device(makers.session, self.info, member, mac=mac, clock=makers.clock)
        campaign = makers.campaign(district, makers.merchant(district), [])
        self.offer = makers.offer(campaign, self.merged)
        makers.offer(campaign, self.kept, occurrence_key="same")
        makers.offer(campaign, self.merged, occurrence_key="same")
        makers.done()

    def say(self, member: Member, *, granted: bool, purpose: Purpose = Purpose.LOCATION) -> None:
        self.makers.clock.advance(timedelta(seconds=1))
        members.decide(
            self.makers.session,
            self.info,
            member,
            purpose=purpose,
            channel=Channel.INBOX if purpose is Purpose.MARKETING else None,
            granted=granted,
            language="en",
            action="box",
            source="test",
            at=self.makers.clock.now(),
        )
        self.makers.done()

    async def merge(self, **values: Any) -> httpx.Response:
        given = {
            "kept_id": str(self.kept.id),
            "merged_id": str(self.merged.id),
            "reason": "asked at the desk",
        }
        address = f"/v1/districts/{self.district.slug}/member-merges"
        return await self.client.post(address, json=given | values, headers=self.operator)

    async def undo(self, merge_id: str) -> httpx.Response:
        address = f"/v1/districts/{self.district.slug}/member-merges/{merge_id}/undo"
        return await self.client.post(address, headers=self.operator)

    def holds(self, member: Member, purpose: Purpose) -> bool:
        self.makers.session.expire_all()
        channel = Channel.INBOX if purpose is Purpose.MARKETING else None
        return members.consents_of(self.makers.session, self.info.id, member.id).holds(purpose, channel)


@pytest.fixture
async def two(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Two:
    district = committed.district()
    await refresh(app)
    return Two(committed, district, client)


Snap = Callable[[], dict[str, list[str]]]


@pytest.fixture
def snap(engine: Engine, two: Two) -> Snap:
    """Whose is what: every row of a member, in every table but those that only say what was done."""

    def rows() -> dict[str, list[str]]:
        with make_sessions(engine)() as session:
            tables = session.scalars(
                text(
                    "SELECT table_name FROM information_schema.columns WHERE column_name = 'member_id' "
                    "AND table_name NOT IN ('consent', 'login_session')"
                )
            ).all()
            found = {
                table: sorted(
                    str(row[0])
                    for row in session.execute(
                        text(f"SELECT t::text FROM {table} t WHERE district_id = :d"), {"d": two.district.id}
                    )
                )
                for table in [*tables, "member"]
                if table != "member"
            }
            found["member"] = sorted(
                str(row[0])
                for row in session.execute(
                    text("SELECT t::text FROM member t WHERE district_id = :d"), {"d": two.district.id}
                )
            )
            return found

    return rows


async def test_devices_coupons_and_contacts_follow_the_person(two: Two) -> None:
    answer = await two.merge()
    assert answer.status_code == 201, answer.text
    assert (answer.json()["moved"]["device_alias"], answer.json()["moved"]["offer"]) == (1, 1)
    session = two.makers.session
    session.expire_all()
    alias = members.alias_of(two.info, MERGED_MAC)
    met = members.by_alias(session, two.info, alias, clock=two.makers.clock)
    assert met is not None
    assert (met.id, met.phone is not None, met.email is not None) == (two.kept.id, True, True)
    assert members.find(session, two.info.id, two.merged.id) is None


async def test_both_browsers_are_logged_out(two: Two) -> None:
    tokens = [
        two.makers.token(two.district, Role.SHOPPER, subject_id=one.id) for one in (two.kept, two.merged)
    ]
    await two.merge()
    answers = [
        await two.client.get("/v1/me", headers={"authorization": f"Bearer {token}"}) for token in tokens
    ]
    assert [answer.status_code for answer in answers] == [401, 401]


@pytest.mark.parametrize(
    ("kept", "merged", "after"),
    [
        pytest.param(True, True, True, id="both"),
        pytest.param(True, False, False, id="merged-refused"),
        pytest.param(False, True, False, id="kept-refused"),
        pytest.param(True, None, True, id="merged-never-asked"),
        pytest.param(None, True, False, id="kept-never-asked"),
    ],
)
async def test_no_consent_widens(two: Two, kept: bool | None, merged: bool | None, after: bool) -> None:
    for member, granted in ((two.kept, kept), (two.merged, merged)):
        if granted is not None:
            two.say(member, granted=granted)
    await two.merge()
    assert two.holds(two.kept, Purpose.LOCATION) is after


async def test_who_wants_no_personal_offers_in_one_has_none_afterwards(two: Two) -> None:
    two.merged.is_personalised = False
    two.makers.done()
    await two.merge()
    two.makers.session.expire_all()
    assert two.kept.is_personalised is False


async def test_undoing_gives_back_exactly_what_was_each_ones(two: Two, snap: Snap) -> None:
    two.say(two.kept, granted=True)
    two.say(two.merged, granted=False)
    before = snap()
    made = (await two.merge()).json()
    assert snap() != before
    undone = await two.undo(made["id"])
    assert undone.status_code == 200, undone.text
    assert snap() == before
    assert two.holds(two.kept, Purpose.LOCATION)
    assert not two.holds(two.merged, Purpose.LOCATION)


async def test_undoing_grants_nothing_that_the_person_took_back_since(two: Two) -> None:
    two.say(two.kept, granted=True)
    two.say(two.merged, granted=False)
    made = (await two.merge()).json()
    two.makers.session.expire_all()
    two.say(two.kept, granted=True)
    two.say(two.kept, granted=False)
    await two.undo(made["id"])
    assert not two.holds(two.kept, Purpose.LOCATION)


async def test_a_merge_is_undone_once(two: Two) -> None:
    made = (await two.merge()).json()
    statuses = [(await two.undo(made["id"])).status_code for _ in range(2)]
    assert statuses == [200, 409]


async def test_whoever_proves_either_contact_meets_the_kept(two: Two, clock: FixedClock) -> None:
    two.merged.phone = f"+35841{uuid.uuid4().int % 10**7:07d}"
    two.makers.done()
    phone = two.merged.phone
    await two.merge()
    two.makers.session.expire_all()
    contact = contacts.Contact(kind=contacts.ContactKind.PHONE, value=phone)
    found = members.by_contact(two.makers.session, two.info, contact)
    assert found is not None
    assert found.id == two.kept.id


async def test_a_merge_says_who_and_why_and_is_for_operators(two: Two) -> None:
    await two.merge()
    address = f"/v1/districts/{two.district.slug}/member-merges"
    [row] = (await two.client.get(address, headers=two.operator)).json()["items"]
    assert (row["reason"], row["by"].partition(":")[0]) == ("asked at the desk", "operator")
    merchant = {"authorization": f"Bearer {two.makers.token(two.district, Role.MERCHANT)}"}
    assert (await two.client.get(address, headers=merchant)).status_code == 403
    assert (await two.client.get(address)).status_code == 401


@pytest.mark.parametrize(
    ("values", "status"),
    [
        pytest.param({"merged_id": "00000000-0000-0000-0000-000000000001"}, 404, id="nobody"),
        pytest.param({"merged_id": None}, 422, id="absent"),
        pytest.param({"reason": ""}, 422, id="no-reason"),
        pytest.param({"reason": "a\x00bcd"}, 422, id="nul"),
    ],
)
async def test_a_merge_without_two_members_and_a_reason_is_refused(
    two: Two, values: dict[str, Any], status: int
) -> None:
    assert (await two.merge(**values)).status_code == status
    assert (await two.merge(merged_id=str(two.kept.id))).status_code == 422


async def test_what_one_owes_of_points_is_the_kept_ones_to_pay(two: Two) -> None:
    session, values = two.makers.session, {"d": two.district.id, "merged": two.merged.id}
    session.execute(
        text("INSERT INTO points_wallet (district_id, member_id, debt) VALUES (:d, :merged, 7)"), values
    )
    session.commit()

    def debts() -> dict[uuid.UUID, int]:
        session.rollback()
        rows = session.execute(
            text("SELECT member_id, debt FROM points_wallet WHERE district_id = :d AND debt > 0"), values
        )
        return {row[0]: row[1] for row in rows}

    made = (await two.merge()).json()
    assert debts() == {two.kept.id: 7}
    await two.undo(made["id"])
    assert debts() == {two.merged.id: 7}


async def test_a_place_in_line_follows_the_person_and_goes_back(two: Two) -> None:
    session = two.makers.session
    campaigns = [two.makers.campaign(two.district, two.makers.merchant(two.district), []) for _ in range(2)]
    for campaign, member in (
        (campaigns[0], two.merged),
        (campaigns[1], two.kept),
        (campaigns[1], two.merged),
    ):
        session.add(
            DropTicket(
                district_id=two.district.id,
                campaign_id=campaign.id,
                member_id=member.id,
                joined_at=two.makers.clock.now(),
            )
        )
    two.makers.done()

    def places() -> set[tuple[uuid.UUID, uuid.UUID]]:
        session.rollback()
        rows = session.query(DropTicket).filter_by(district_id=two.district.id)
        return {(row.campaign_id, row.member_id) for row in rows.populate_existing()}

    before = places()
    answer = await two.merge()
    assert answer.status_code == 201, answer.text
    assert places() == {
        (campaigns[0].id, two.kept.id),
        (campaigns[1].id, two.kept.id),
        (campaigns[1].id, two.merged.id),
    }
    assert (await two.undo(answer.json()["id"])).status_code == 200
    assert places() == before


def slots(two: Two, member: Member) -> set[tuple[int, uuid.UUID]]:
    """The numbers of a member's slots, and whose offers they are of."""
    two.makers.session.expire_all()
    rows = two.makers.session.query(CapSlot).filter_by(district_id=two.district.id, member_id=member.id)
    return {(row.slot, row.offer_id) for row in rows}


def take_slot(two: Two, member: Member, slot: int, offer_id: uuid.UUID) -> None:
    two.makers.session.add(
        CapSlot(
            district_id=two.district.id,
            member_id=member.id,
            scope="global:7d",
            slot=slot,
            taken_at=two.makers.clock.now(),
            offer_id=offer_id,
        )
    )
    two.makers.done()


async def test_what_both_had_of_a_cap_counts_together_and_goes_with_its_offers(two: Two) -> None:
    """Both have taken the first slot, the merged one of an offer that the kept one has, too, besides."""
    of = {
        (row.member_id, row.occurrence_key): row.id
        for row in two.makers.session.query(Offer).filter_by(district_id=two.district.id)
    }
    own, moving = of[two.kept.id, "same"], two.offer.id
    staying = of[two.merged.id, "same"]
    take_slot(two, two.kept, 0, own)
    take_slot(two, two.merged, 0, moving)
    take_slot(two, two.merged, 1, staying)
    made = await two.merge()
    assert slots(two, two.kept) == {(0, own), (1, moving)}
    assert slots(two, two.merged) == {(1, staying)}
    await two.undo(made.json()["id"])
    assert slots(two, two.kept) == {(0, own)}
    assert slots(two, two.merged) == {(0, moving), (1, staying)}

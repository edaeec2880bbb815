"""The last piece of a pool in a batch: who is refused for another reason never draws it before who may have it."""

from typing import Any

from district.campaigns.models import Campaign
from district.members.models import Member
from push.suppression import Suppression
from tests.district.offers.claiming import claimable, draft
from tests.district.offers.conftest import Ground

DRAWN = "SELECT count(offer_id) FROM pool_piece WHERE district_id = %(d)s"
LEFT = "SELECT count(*) FROM pool_piece WHERE district_id = %(d)s AND offer_id IS NULL"
OFFERS = "SELECT count(*) FROM offer WHERE district_id = %(d)s"


def packets(ground: Ground, count: int, **rule: Any) -> Campaign:
    value = {"type": "random", "total_minor": 100 * count, "count": count, "least_minor": 50}
    return claimable(ground, offer={"kind": "red_packet", "value": value}, rule=rule)


def in_turn(ground: Ground, count: int) -> list[Member]:
    """Members in the order in which a batch takes them."""
    return sorted((ground.member() for _ in range(count)), key=lambda one: one.id)


async def full(ground: Ground, member: Member) -> None:
    """The member's cap is taken by another campaign."""
    await ground.issue(ground.draft(ground.campaign(), member, reservations=(ground.cap("global:day"),)))


async def test_one_whose_cap_is_full_does_not_draw_the_last_piece(ground: Ground) -> None:
    campaign, (capped, free) = packets(ground, 1), in_turn(ground, 2)
    await full(ground, capped)
    cap = ground.cap("global:day")
    batch = await ground.issue(*(ground.draft(campaign, one, reservations=(cap,)) for one in (capped, free)))
    assert [one.draft.member_id for one in batch.issued] == [free.id]
    assert {one.member_id: one.reason for one in batch.refused} == {capped.id: Suppression.FREQUENCY_CAP}
    assert await ground.number(DRAWN) == 1


async def test_one_who_has_it_already_does_not_draw_the_last_piece(ground: Ground) -> None:
    campaign, (first, second) = packets(ground, 2), in_turn(ground, 2)
    had = draft(ground, campaign, first)
    await ground.issue(had)
    batch = await ground.issue(had, draft(ground, campaign, second))
    assert [one.draft.member_id for one in batch.issued] == [second.id]
    assert [one.reason for one in batch.refused] == [Suppression.DUPLICATE]
    assert (await ground.number(DRAWN), await ground.number(OFFERS)) == (2, 2)


async def test_who_finds_no_piece_gives_back_money_and_slot_and_is_told_so(ground: Ground) -> None:
    campaign = packets(ground, 2, per_day=100)
    members = in_turn(ground, 5)
    batch = await ground.issue(*(ground.draft(campaign, one) for one in members))
    assert [one.draft.member_id for one in batch.issued] == [one.id for one in members[:2]]
    assert {one.reason for one in batch.refused} == {Suppression.SOLD_OUT}
    slots = await ground.number("SELECT count(*) FROM cap_slot WHERE district_id = %(d)s")
    assert (slots, await ground.number(OFFERS), await ground.number(LEFT)) == (2, 2, 0)
    held = await ground.rows("SELECT offers FROM allowance WHERE district_id = %(d)s")
    assert held == [(2,), (2,)]


async def test_what_a_packet_holds_is_what_its_offer_says(ground: Ground) -> None:
    campaign = packets(ground, 6)
    batch = await ground.issue(*(draft(ground, campaign, one) for one in in_turn(ground, 6)))
    rows = await ground.rows(
        "SELECT offer.id, (offer.value ->> 'minor_units')::int, offer.value ->> 'type', offer.title ->> 'en', piece.amount_minor"
        " FROM offer JOIN pool_piece AS piece ON piece.district_id = offer.district_id AND piece.offer_id = offer.id"
        " WHERE offer.district_id = %(d)s"
    )
    assert sum(row[1] for row in rows) == 600
    assert all(row[1] == row[4] and row[2] == "amount" for row in rows)
    assert {row[0]: row[3] for row in rows} == {one.id: one.told.title["en"] for one in batch.issued}
    assert all(row[3] == f"€{row[1] / 100:.2f} off" for row in rows)

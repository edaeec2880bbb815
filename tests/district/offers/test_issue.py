"""One batch: what is written, what is refused and that nothing is left behind."""

from datetime import timedelta

from district.database import transaction
from district.offers import reservations
from district.offers import service as offers
from district.offers.models import OfferState
from push.decision import Refusal
from push.identifiers import CampaignId, MemberId
from push.suppression import Suppression
from tests.district.offers.conftest import Ground

SLOTS = "SELECT count(*) FROM cap_slot WHERE district_id = %(d)s"
OFFERS = "SELECT count(*) FROM offer WHERE district_id = %(d)s"
EXPIRE_MESSAGES = "UPDATE outbox_message SET state = 'expired' WHERE district_id = %(d)s"
ISSUED = "SELECT sum(issued) FROM campaign_stock WHERE district_id = %(d)s"
QUEUED = "SELECT count(*) FROM outbox_message WHERE district_id = %(d)s"


async def test_an_issued_offer_has_its_words_slot_stock_and_message(ground: Ground) -> None:
    campaign, member = ground.campaign(stock=5), ground.member()
    batch = await ground.issue(ground.draft(campaign, member))
    assert len(batch.issued) == 1
    offer = (
        await ground.rows(
            "SELECT state, title, value, length(code), why FROM offer WHERE district_id = %(d)s"
        )
    )[0]
    assert offer[:4] == (
        OfferState.ISSUED,
        {"zh": "八折", "en": "20 % off"},
        {"type": "percent", "percent": 20},
        26,
    )
    assert "Zio" in offer[4]["en"]
    assert [await ground.number(sql) for sql in (SLOTS, ISSUED, QUEUED)] == [1, 1, 1]
    message = (
        await ground.rows(
            "SELECT channel, purpose, state, payload FROM outbox_message WHERE district_id = %(d)s"
        )
    )[0]
    assert message[:3] == ("inbox", "marketing", "queued")
    assert message[3]["title"] == {"zh": "八折", "en": "20 % off"}


async def test_the_same_occurrence_again_is_a_duplicate_and_takes_nothing(ground: Ground) -> None:
    campaign, member = ground.campaign(stock=5), ground.member()
    draft = ground.draft(campaign, member, reservations=(ground.cap("x", slots=3),))
    await ground.issue(draft)
    again = await ground.issue(draft, draft)
    assert [one.reason for one in again.refused] == [Suppression.DUPLICATE, Suppression.DUPLICATE]
    assert [await ground.number(sql) for sql in (OFFERS, SLOTS, ISSUED, QUEUED)] == [1, 1, 1, 1]


async def test_a_full_cap_refuses_and_gives_back_the_other_caps_slot(ground: Ground) -> None:
    first, second, member = ground.campaign(), ground.campaign(stock=9), ground.member()
    shared = ground.cap("global:day")
    await ground.issue(ground.draft(first, member, reservations=(shared,)))
    own = ground.cap(f"campaign:{second.id}:day", slots=2)
    batch = await ground.issue(ground.draft(second, member, reservations=(own, shared)))
    assert [one.reason for one in batch.refused] == [Suppression.FREQUENCY_CAP]
    assert [await ground.number(sql) for sql in (OFFERS, SLOTS, ISSUED, QUEUED)] == [1, 1, 1, 1]


async def test_a_cap_of_two_lets_two_of_three_drafts_of_one_batch_through(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    cap = ground.cap("campaign:x:day", slots=2)
    batch = await ground.issue(*(ground.draft(campaign, member, reservations=(cap,)) for _ in range(3)))
    assert (len(batch.issued), [one.reason for one in batch.refused]) == (2, [Suppression.FREQUENCY_CAP])
    assert await ground.number(SLOTS) == 2


async def test_a_slot_is_free_again_once_its_period_is_over(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    await ground.issue(ground.draft(campaign, member))
    ground.clock.advance(timedelta(hours=6) - timedelta(microseconds=1))
    early = await ground.issue(ground.draft(campaign, member))
    ground.clock.advance(timedelta(microseconds=1))
    late = await ground.issue(ground.draft(campaign, member))
    assert (len(early.issued), len(late.issued)) == (0, 1)


async def test_the_last_piece_goes_to_one_and_the_other_keeps_his_slot_free(ground: Ground) -> None:
    campaign, members = ground.campaign(stock=1), [ground.member(), ground.member()]
    batch = await ground.issue(*(ground.draft(campaign, member) for member in members))
    assert (len(batch.issued), [one.reason for one in batch.refused]) == (1, [Suppression.SOLD_OUT])
    assert [await ground.number(sql) for sql in (OFFERS, SLOTS, ISSUED, QUEUED)] == [1, 1, 1, 1]


async def test_what_no_longer_holds_is_refused_with_its_reason(ground: Ground) -> None:
    live, paused = ground.campaign(), ground.campaign(state="paused")
    agrees, refuses, gone = ground.member(), ground.member(agrees=False), ground.member(state="erased")
    withdrew = ground.member()
    ground.say(withdrew, granted=False)
    now = ground.clock.now()
    batch = await ground.issue(
        ground.draft(paused, agrees),
        ground.draft(live, refuses),
        ground.draft(live, gone),
        ground.draft(live, agrees, send_before=now),
        ground.draft(live, withdrew),
    )
    assert not batch.issued
    assert [one.reason for one in batch.refused] == [
        Suppression.PAUSED,
        Suppression.NO_CONSENT,
        Suppression.ERASED,
        Suppression.STALE,
        Suppression.NO_CONSENT,
    ]


async def test_refusals_are_kept_once_a_day_campaign_and_reason_with_their_number(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    one = Refusal(
        campaign_id=CampaignId(campaign.id),
        member_id=MemberId(member.id),
        reason=Suppression.NOT_IN_AUDIENCE,
        at=ground.clock.now(),
    )
    await ground.issue(refusals=(one, one))
    await ground.issue(refusals=(one,))
    ground.clock.advance(timedelta(days=1))
    later = Refusal(
        campaign_id=one.campaign_id, member_id=one.member_id, reason=one.reason, at=ground.clock.now()
    )
    await ground.issue(refusals=(later,))
    rows = await ground.rows("SELECT times FROM refusal WHERE district_id = %(d)s ORDER BY trading_day")
    assert rows == [(3,), (1,)]


async def test_a_rolled_back_batch_leaves_nothing(ground: Ground) -> None:
    campaign, member = ground.campaign(stock=1), ground.member()
    async with ground.pool.connection() as connection, connection.transaction(force_rollback=True):
        await offers.issue_batch(
            connection, ground.info, [ground.draft(campaign, member)], now=ground.clock.now()
        )
    assert [await ground.number(sql) for sql in (OFFERS, SLOTS, ISSUED, QUEUED)] == [0, 0, 0, 0]


async def test_a_released_offer_gives_back_its_slot_and_its_piece(ground: Ground) -> None:
    campaign, member = ground.campaign(stock=1), ground.member()
    batch = await ground.issue(ground.draft(campaign, member))
    async with transaction(ground.pool) as connection:
        await connection.execute(EXPIRE_MESSAGES, {"d": ground.info.id})
        released = await reservations.void_unsent(connection, ground.info.id, [batch.issued[0].id])
    again = await ground.issue(ground.draft(campaign, member))
    assert (released, len(again.issued)) == (1, 1)
    assert await ground.number(ISSUED) == 1

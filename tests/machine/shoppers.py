"""What members get and do: offers that are pushed, held, drawn, claimed, looked at; and members who leave."""

import uuid
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from district.database import new_id, transaction
from district.members.models import Member
from district.offers import claim_service, reservations, wallet
from district.offers import service as offers
from district.offers.claims import Asked
from district.offers.drops import TicketState
from district.offers.issuing import Batch
from district.privacy import service as privacy
from push.consent import Channel
from push.decision import OfferDraft
from push.identifiers import CampaignId, MemberId, MerchantId, StoreId
from push.limits import CapRule, CapScope, Period, TradingDay, reservation
from push.message import Why
from push.rule import TriggerKind
from push.wording import both
from tests.machine.base import CUTS, PEOPLE, PICKS, Life
from tests.machine.model import ZONE, Offer
from tests.machine.world import AGREED_TO, PLANS

PUSHED = [place for place, plan in enumerate(PLANS) if plan.bounds.is_pushed]
CLAIMED = [place for place, plan in enumerate(PLANS) if not plan.bounds.is_pushed]
ENDED_SQL = "UPDATE outbox_message SET state = 'expired' WHERE district_id = %s AND offer_id = %s"
SAYS_SQL = "INSERT INTO consent (district_id, id, member_id, purpose, granted, action, at) VALUES (%s, %s, %s, %s, %s, 'box', %s)"
HOURS = st.sampled_from([1, 2, 30, 24 * 40])
_WHY = Why(trigger=TriggerKind.ENTER, store_name=both(zh="店", en="Zio"))


class Shoppers(Life):
    """The rules of members."""

    def draft(self, campaign: int, member: int, key: str, hours: int) -> OfferDraft:
        now, bounds = self.now(), PLANS[campaign].bounds
        row = self.world.campaigns[campaign]
        assert row.merchant_id is not None
        caps = (
            (
                reservation(
                    CapScope.CAMPAIGN,
                    CapRule(n=bounds.cap, per=Period.DAY),
                    owner=row.id,
                    now=now,
                    day=TradingDay(zone=ZONE),
                ),
            )
            if bounds.cap
            else ()
        )
        return OfferDraft(
            campaign_id=CampaignId(row.id),
            campaign_version=1,
            merchant_id=MerchantId(row.merchant_id),
            store_ids=(StoreId(self.world.stores[0].id),),
            member_id=MemberId(self.members[member]),
            occurrence_key=key,
            trigger=TriggerKind.ENTER,
            position=None,
            at=now,
            valid_from=now,
            valid_until=now + timedelta(hours=hours),
            send_before=now + timedelta(minutes=30),
            channels=(Channel.INBOX,),
            reservations=caps,
            score=1.0,
            why=_WHY,
        )

    async def issue_batch(self, drafts: list[OfferDraft]) -> Batch:
        async with transaction(self.pool) as connection:
            return await offers.issue_batch(connection, self.info, drafts, now=self.now())

    @rule(campaign=st.sampled_from(PUSHED), member=PEOPLE, again=st.integers(0, 5), hours=HOURS, cut=CUTS)
    def push(self, campaign: int, member: int, again: int, hours: int, cut: int) -> None:
        key = f"k{self.number}" if again == 0 else f"k{self.next_number()}"
        draft = self.draft(campaign, member, key, hours)
        expected = self.model.refuses_issue(campaign, member, key, self.now())
        known = set(self.model.offers)
        batch, was_cut = self.cut_short(cut, lambda: self.issue_batch([draft]))
        assert isinstance(batch, Batch)
        reasons = [one.reason.value for one in batch.refused]
        if expected is None and was_cut and reasons:
            # Done before the line was cut: the repeat finds the occasion taken, and adds nothing.
            assert reasons == ["duplicate"]
            self.adopt(campaign, member, draft, known)
        elif expected is None:
            assert not reasons, reasons
            self.made(batch.issued[0].id, campaign, member, draft)
        else:
            assert reasons == [expected], (reasons, expected)
        self.check()

    @rule(campaign=st.sampled_from(PUSHED), hours=HOURS, cut=CUTS)
    def push_to_all(self, campaign: int, hours: int, cut: int) -> None:
        """Everybody in one batch, which may ask for more than is left. Who gets the rest is the product's to say."""
        number = self.next_number()
        drafts = [self.draft(campaign, one, f"k{number}", hours) for one in range(len(self.members))]
        before = [
            self.model.refuses_issue(campaign, one, f"k{number}", self.now()) for one in range(len(drafts))
        ]
        contested = self.model.contested(campaign, len(drafts), self.now())
        batch, was_cut = self.cut_short(cut, lambda: self.issue_batch(drafts))
        assert isinstance(batch, Batch)
        refused = {one.member_id: one.reason.value for one in batch.refused}
        made = self.offers_of(f"k{number}")
        assert was_cut or len(made) == len(batch.issued)
        for member_id, id_ in made.items():
            member = self.members.index(member_id)
            assert before[member] is None
            self.made(id_, campaign, member, drafts[member])
        for member, member_id in enumerate(self.members):
            if member_id not in made:
                after = self.model.refuses_issue(campaign, member, f"k{number}", self.now())
                allowed = {before[member] or after} | contested(before[member])
                assert refused[MemberId(member_id)] in allowed, (refused, before, after, allowed)
        self.check()

    def offers_of(self, key: str) -> dict[uuid.UUID, uuid.UUID]:
        """Who has an offer of this occasion, and which."""
        rows = self.world.checker.execute(
            "SELECT member_id, id FROM offer WHERE district_id = %s AND occurrence_key = %s",
            (self.info.id, key),
        ).fetchall()
        return dict(rows)

    def adopt(self, campaign: int, member: int, draft: OfferDraft, known: set[uuid.UUID]) -> None:
        """Find the offer that was made just before the line was cut."""
        rows = self.world.checker.execute(
            "SELECT id FROM offer WHERE district_id = %s AND member_id = %s AND occurrence_key = %s",
            (self.info.id, draft.member_id, draft.occurrence_key),
        ).fetchall()
        (made,) = [row[0] for row in rows if row[0] not in known]
        self.made(made, campaign, member, draft)

    def made(self, id_: uuid.UUID, campaign: int, member: int, draft: OfferDraft) -> None:
        bounds = PLANS[campaign].bounds
        is_held = bounds.mode == "reserve"
        offer = Offer(
            campaign=campaign,
            member=member,
            key=draft.occurrence_key,
            starts_at=draft.valid_from,
            until=draft.valid_until,
            state="reserved" if is_held else "issued",
            reserved_until=self.now() + timedelta(seconds=bounds.hold_s) if is_held else None,
        )
        self.model.add(id_, offer, self.now())

    @rule(campaign=st.sampled_from(CLAIMED), member=PEOPLE, again=st.integers(0, 3), cut=CUTS)
    def claim(self, campaign: int, member: int, again: int, cut: int) -> None:
        key = f"c{self.number}" if again == 0 else f"c{self.next_number()}"
        before = dict(self.model.tickets)
        outcome, _ = self.claim_of(self.campaigns[campaign], member, key, cut)
        expected: Any
        if member in self.model.gone:
            expected = "not-found"
            if PLANS[campaign].bounds.mode == "drop":
                self.read_ticket(campaign, member, before)
                expected = outcome
            assert outcome == expected
        elif PLANS[campaign].bounds.mode == "drop":
            self.took_place(campaign, member, outcome)
        else:
            self.took(campaign, member, key, outcome)
        self.check()

    def claim_of(self, id_: uuid.UUID, member: int, key: str, cut: int) -> tuple[Any, bool]:
        asked = Asked(member_id=self.members[member], id=id_, now=self.now(), key=key)
        return self.cut_short(cut, lambda: claim_service.claim(self.pool, self.info, asked))

    def took(self, campaign: int, member: int, key: str, outcome: Any) -> None:
        own = [
            id_
            for id_, one in self.model.offers.items()
            if (one.campaign, one.member, one.key) == (campaign, member, f"claim:{key}")
        ]
        expected = None if own else self.model.refuses_claim(campaign, member, self.now())
        if expected is not None:
            assert outcome == expected
            return
        assert not isinstance(outcome, str), outcome
        id_ = outcome.answer.offer.id
        if own:
            assert own == [id_]
            assert outcome.status == 200
            return
        self.claimed(id_, campaign, member, f"claim:{key}")

    def claimed(self, id_: uuid.UUID, campaign: int, member: int, key: str) -> None:
        offer = Offer(
            campaign=campaign,
            member=member,
            key=key,
            starts_at=self.now(),
            until=self.now() + timedelta(hours=2),
        )
        self.model.add(id_, offer, self.now())

    def took_place(self, campaign: int, member: int, outcome: Any) -> None:
        ticket = self.model.tickets.get((campaign, member))
        expected = self.model.refuses_claim(campaign, member, self.now())
        if ticket == "lost":
            assert outcome == "sold-out"
        elif ticket == "won":
            assert not isinstance(outcome, str), outcome
        elif expected is None:
            assert not isinstance(outcome, str), outcome
            assert outcome.answer.ticket.state is TicketState.WON
            self.model.tickets[campaign, member] = "won"
            self.claimed(outcome.answer.offer.id, campaign, member, "claim:drop")
        else:
            stock = self.model.stocks[campaign]
            assert outcome == expected
            if stock.state == "live" and expected == "sold-out":
                self.model.tickets[campaign, member] = "lost"

    def read_ticket(self, campaign: int, member: int, before: dict[tuple[int, int], str]) -> None:
        """A member who has left may not get anything."""
        assert self.model.tickets == before
        assert (campaign, member) not in before or member in self.model.into

    @precondition(lambda self: any(one.state == "reserved" for one in self.model.offers.values()))
    @rule(pick=PICKS, other=st.integers(0, 5), cut=CUTS)
    def claim_held(self, pick: int, other: int, cut: int) -> None:
        held = [id_ for id_, one in self.model.offers.items() if one.state == "reserved"]
        id_ = held[pick % len(held)]
        offer = self.model.offers[id_]
        member = (offer.member + 1) % len(self.members) if other == 0 else offer.member
        outcome, _ = self.claim_of(id_, member, f"h{self.next_number()}", cut)
        if (
            member != offer.member or member in self.model.gone
        ):  # what a kept one has already stays with the merged
            assert outcome == "not-found"
        elif offer.until <= self.now():
            assert outcome == "claim-over"
        else:
            assert not isinstance(outcome, str), outcome
            assert outcome.answer.offer.id == id_
            offer.state, offer.reserved_until, offer.starts_at = "issued", None, self.now()
        self.check()

    @precondition(lambda self: self.model.offers)
    @rule(pick=PICKS)
    def look(self, pick: int) -> None:
        id_ = list(self.model.offers)[pick % len(self.model.offers)]
        offer = self.model.offers[id_]
        if offer.member in self.model.gone:
            return  # who has left has no session to look with
        member_id, now = self.members[offer.member], self.now()
        shown, _ = self.cut_short(0, lambda: wallet.find(self.pool, self.info.id, member_id, id_, now=now))
        assert not isinstance(shown, str), shown
        if offer.state == "issued":
            offer.state, offer.is_opened = "opened", True
        self.check()

    def untold(self) -> list[uuid.UUID]:
        """Offers whose message may still be on its way; what was claimed has none."""
        return [
            id_
            for id_, one in self.model.offers.items()
            if one.state in {"issued", "reserved"} and one.campaign in PUSHED
        ]

    @precondition(lambda self: self.untold())
    @rule(pick=PICKS, cut=CUTS)
    def give_up_telling(self, pick: int, cut: int) -> None:
        """A delivery that ends before anything left takes its offer with it."""
        open_ = self.untold()
        id_ = open_[pick % len(open_)]

        async def void() -> int:
            async with transaction(self.pool) as connection:
                await connection.execute(ENDED_SQL, (self.info.id, id_))
                return await reservations.void_unsent(connection, self.info.id, [id_])

        count, was_cut = self.cut_short(cut, void)
        assert count == 1 or (was_cut and count == 0), (count, self.model.offers[id_])
        self.model.void(id_)
        self.check()

    @rule(member=PEOPLE, says=st.booleans(), leaves=st.integers(0, 7))
    def decide(self, member: int, says: bool, leaves: int) -> None:
        """A member says yes or no to offers; now and then he leaves."""
        if leaves == 0 and len(self.model.gone) < len(self.members) - 2 and member not in self.model.gone:
            self.in_session(lambda session: self.erase(session, member))
            self.model.erase(member, self.now())
        elif member not in self.model.gone:
            self.clock.advance(timedelta(microseconds=1))
            for purpose in AGREED_TO:
                said = (self.info.id, new_id(), self.members[member], purpose.value, says, self.now())
                self.world.checker.execute(SAYS_SQL, said)
            (self.model.silent.discard if says else self.model.silent.add)(member)
            self.spoken(member)
        self.check()

    def spoken(self, member: int) -> None:
        """A member has decided; whoever remembers what was decided before forgets it."""

    def erase(self, session: Any, member: int) -> None:
        found = session.get(Member, (self.info.id, self.members[member]))
        privacy.erase(session, self.info, found, clock=self.clock)

"""A campaign with both arms, and what their members did, by rows that the tests themselves add up."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.database import new_id
from district.deliveries.models import InboxItem
from district.districts.models import District
from district.ledger.models import Account, PostingKind
from district.ledger.service import Owned, Posting, Transfer, post_in
from district.merchants.models import Merchant
from district.offers.arbitration_models import Exposure
from district.offers.models import Offer
from district.purchases.models import Purchase
from district.redemptions.models import Redemption
from district.stores.models import Store
from district.visits.models import Visit
from tests.factories import Makers

HOURS = timedelta(hours=1)


@dataclass(kw_only=True)
class Trial:
    """One campaign of one merchant."""

    makers: Makers
    clock: FixedClock
    district: District
    merchant: Merchant
    store: Store
    campaign: Campaign
    luck: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def path(self) -> str:
        return f"/v1/districts/{self.district.slug}/campaigns/{self.campaign.id}/report"

    def headers(self, role: Role = Role.MERCHANT, scope_id: uuid.UUID | None = None) -> dict[str, str]:
        own = scope_id or (self.merchant.id if role is Role.MERCHANT else None)
        return {"Authorization": f"Bearer {self.makers.token(self.district, role, scope_id=own)}"}

    def add(self, row: Any) -> Any:
        self.makers.session.add(row)
        return row

    def exposed(self, arm: str, *, at: datetime | None = None, campaign: Campaign | None = None) -> uuid.UUID:
        """A member of an arm; who is treated has the offer in his inbox."""
        moment, chosen = at or self.clock.now(), campaign or self.campaign
        member = self.makers.member(self.district)
        key = uuid.uuid4().hex
        offer = None
        if arm == "treated":
            offer = self.makers.offer(chosen, member, occurrence_key=key, issued_at=moment)
            self.told(offer, moment)
        self.add(exposure(chosen, member.id, key=key, arm=arm, at=moment, offer=offer))
        return uuid.UUID(str(member.id))

    def told(self, offer: Offer, at: datetime) -> None:
        self.add(
            InboxItem(
                district_id=self.district.id,
                member_id=offer.member_id,
                offer_id=offer.id,
                title={},
                body={},
                why={},
                at=at,
                committed_at=at,
            )
        )

    def visit(self, member_id: uuid.UUID, at: datetime, store: Store | None = None) -> None:
        self.add(
            Visit(
                district_id=self.district.id,
                trading_day=at.date(),
                id=uuid.uuid4(),
                place_kind="store",
                place_id=(store or self.store).id,
                member_id=member_id,
                started_at=at,
                ended_at=at + timedelta(minutes=9),
                fixes=5,
            )
        )

    def buy(self, member_id: uuid.UUID, at: datetime, amount: int, *, refunded: int = 0) -> None:
        self.add(
            Purchase(
                district_id=self.district.id,
                source="till",
                reference=uuid.uuid4().hex,
                member_id=member_id,
                store_id=self.store.id,
                amount_minor=amount,
                refunded_minor=refunded,
                at=at,
                received_at=at,
            )
        )

    def redeem(self, offer: Offer, at: datetime, discount: int | None, *, taken_back: bool = False) -> None:
        """A use and what was booked for it."""
        offer.state, offer.redeemed_at = ("issued", None) if taken_back else ("redeemed", at)
        row = Redemption(
            district_id=self.district.id,
            id=new_id(),
            offer_id=offer.id,
            store_id=self.store.id,
            till="t",
            use_request_no=uuid.uuid4().hex,
            body_hash=b"",
            value={},
            redeemed_at=at,
            reversed_at=at + HOURS if taken_back else None,
            discount_minor=discount,
        )
        self.add(row)
        self.makers.session.flush()
        self._book(row, discount or 0, taken_back)

    def _book(self, row: Redemption, amount: int, taken_back: bool) -> None:
        bearer, till = (
            (Account.MERCHANT_SHARE, self.merchant.id),
            (Account.MERCHANT_PAYABLE, self.merchant.id),
        )
        first = new_id()
        ways: list[tuple[PostingKind, uuid.UUID, Owned, Owned, uuid.UUID, uuid.UUID | None]] = [
            (PostingKind.REDEMPTION, row.id, bearer, till, first, None)
        ]
        if taken_back:
            ways.append((PostingKind.REVERSAL, new_id(), till, bearer, new_id(), first))
        for kind, subject, source, target, own_id, before in ways:
            moves = [Transfer(source=source, target=target, amount_minor=amount)] if amount else []
            posting = Posting(
                kind=kind,
                subject_id=subject,
                at=row.redeemed_at,
                transfers=moves,
                merchant_id=self.merchant.id,
                campaign_id=self.campaign.id,
                reverses_id=before,
                id=own_id,
            )
            assert post_in(self.makers.session, self.district.id, posting)


def exposure(
    campaign: Campaign, member_id: uuid.UUID, *, key: str, arm: str, at: datetime, offer: Offer | None
) -> Exposure:
    return Exposure(
        district_id=campaign.district_id,
        campaign_id=campaign.id,
        member_id=member_id,
        occurrence_key=key,
        campaign_version=1,
        merchant_id=campaign.merchant_id,
        arm=arm,
        at=at,
        offer_id=offer.id if offer else None,
        kind="percent:normal",
        chance=0.1,
        score_minor=1.0,
        features=[],
        model_version=0,
    )


@pytest.fixture
def trial(committed: Makers, clock: FixedClock) -> Trial:
    """A campaign that holds out a fifth of the members."""
    committed._commit = False  # one commit at the end: a trial has hundreds of rows
    district = committed.district()
    merchant = committed.merchant(district)
    store = committed.store(district, merchant_id=merchant.id)
    campaign = committed.campaign(district, merchant, [store])
    campaign.rule = {**campaign.rule, "holdout": {"pct": 20}}
    return Trial(
        makers=committed, clock=clock, district=district, merchant=merchant, store=store, campaign=campaign
    )

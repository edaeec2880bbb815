"""Drafts of offers, and a district to issue them in."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.database import Pool, make_pool, transaction
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.members.models import Consent, Member
from district.merchants.models import Merchant
from district.offers import service as offers
from district.offers.issuing import Batch
from push.consent import Channel, Purpose
from push.decision import OfferDraft, Refusal
from push.identifiers import CampaignId, MemberId, MerchantId, StoreId
from push.limits import Reservation
from push.message import Why
from push.rule import TriggerKind
from push.wording import both
from tests.factories import Makers


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A district with a merchant, and makers of what stands on it."""

    makers: Makers
    district: District
    info: DistrictInfo
    merchant: Merchant
    pool: Pool
    clock: FixedClock

    def campaign(self, *, stock: int | None = None, **values: Any) -> Campaign:
        return self.makers.campaign(self.district, self.merchant, [], stock=stock, **values)

    def member(self, *, agrees: bool = True, **values: Any) -> Member:
        member = self.makers.member(self.district, **values)
        if agrees:
            self.say(member, granted=True)
        return member

    def say(self, member: Member, *, granted: bool) -> None:
        for purpose in (Purpose.MARKETING, Purpose.LOCATION):
            self.makers.session.add(
                Consent(
                    district_id=self.district.id,
                    member_id=member.id,
                    purpose=purpose,
                    granted=granted,
                    action="box",
                    at=self.clock.now(),
                )
            )
        self.makers.done()

    def draft(self, campaign: Campaign, member: Member, **values: Any) -> OfferDraft:
        now = self.clock.now()
        assert campaign.merchant_id is not None
        given: dict[str, Any] = {
            "campaign_id": CampaignId(campaign.id),
            "campaign_version": 1,
            "merchant_id": MerchantId(campaign.merchant_id),
            "store_ids": (StoreId(uuid.uuid4()),),
            "member_id": MemberId(member.id),
            "occurrence_key": uuid.uuid4().hex,
            "trigger": TriggerKind.ENTER,
            "position": None,
            "at": now,
            "valid_from": now,
            "valid_until": now + timedelta(hours=1),
            "send_before": now + timedelta(hours=1),
            "channels": (Channel.INBOX,),
            "reservations": (self.cap(f"campaign:{campaign.id}:day"),),
            "score": 1.0,
            "why": Why(trigger=TriggerKind.ENTER, store_name=both(zh="店", en="Zio")),
        }
        return OfferDraft(**(given | values))

    def cap(self, scope: str, *, slots: int = 1, period: timedelta = timedelta(hours=6)) -> Reservation:
        return Reservation(scope=scope, slots=slots, reusable_at_or_before=self.clock.now() - period)

    async def issue(self, *drafts: OfferDraft, refusals: tuple[Refusal, ...] = ()) -> Batch:
        async with transaction(self.pool) as connection:
            return await offers.issue_batch(connection, self.info, drafts, refusals, now=self.clock.now())

    async def race(self, batches: list[list[OfferDraft]]) -> list[Batch]:
        return list(await asyncio.gather(*(self.issue(*batch) for batch in batches)))

    async def number(self, sql: str) -> int:
        async with self.pool.connection() as connection:
            row = await (await connection.execute(sql, {"d": self.info.id})).fetchone()
        assert row is not None
        return int(row[0] or 0)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as connection:
            return await (await connection.execute(sql, {"d": self.info.id})).fetchall()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Thirty connections of the module's database."""
    pool = make_pool(database_url, size=30)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def ground(committed: Makers, pool: Pool, clock: FixedClock) -> Ground:
    """A district of its own for the test."""
    district = committed.district()
    return Ground(
        makers=committed,
        district=district,
        info=committed.info(district),
        merchant=committed.merchant(district),
        pool=pool,
        clock=clock,
    )

"""Segments of live campaigns are written out, and what the engine loads is what they ask."""

import uuid
from typing import Any

import psycopg
import pytest

from district.audiences.contexts import asked_by, load
from district.audiences.models import Segment
from district.campaigns.live import live_campaigns
from district.campaigns.models import Campaign
from district.database import make_pool, new_id
from district.engine.contexts import Contexts
from district.members.models import Consent, Member
from push.audience import Audience, matches, new_to, returning_to
from push.audience_asked import NOTHING, Asked
from push.audience_terms import All, LabelKind, Labelled, VisitScope
from push.campaign import Campaign as CampaignValue
from tests.conftest import dsn
from tests.factories import Makers


class Ground:
    """A district with a merchant's campaign."""

    def __init__(self, makers: Makers, database_url: str) -> None:
        self.makers, self.url = makers, dsn(database_url)
        self.district = makers.district()
        self.info = makers.info(self.district)
        self.merchant = makers.merchant(self.district)
        self.store = makers.store(self.district, merchant_id=self.merchant.id)

    def campaign(self, who: Any, **owner: Any) -> Campaign:
        row = self.makers.campaign(self.district, self.merchant, [self.store])
        changes = {"rule": row.rule | {"who": who}} | owner
        self.makers.session.query(Campaign).filter_by(id=row.id).update(changes)
        self.makers.done()
        return row

    def segment(self, name: str, rule: Any, *, merchant_id: uuid.UUID | None, kind: str = "live") -> None:
        now = self.makers.clock.now()
        row = Segment(
            district_id=self.district.id,
            id=new_id(),
            merchant_id=merchant_id,
            name=name,
            title=name,
            kind=kind,
            rule=rule,
            created_at=now,
            changed_at=now,
        )
        self.makers.session.add(row)
        self.makers.done()

    def tracked(self) -> Member:
        """A member who agrees to be located."""
        member = self.makers.member(self.district)
        consent = Consent(
            district_id=self.district.id,
            id=new_id(),
            member_id=member.id,
            purpose="location",
            granted=True,
            action="box",
            at=self.makers.clock.now(),
        )
        self.makers.session.add(consent)
        self.makers.done()
        return member

    async def live(self) -> list[CampaignValue]:
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            return [one.campaign for one in await live_campaigns(connection, self.info)]


@pytest.fixture
def ground(committed: Makers, database_url: str) -> Ground:
    return Ground(committed, database_url)


async def test_live_segments_are_written_out_and_static_ones_stay_names(ground: Ground) -> None:
    own = ground.merchant.id
    ground.segment("inner", "new", merchant_id=own)
    ground.segment("outer", {"all": [{"seg": "inner"}, {"seg": "frozen"}]}, merchant_id=own)
    ground.segment("frozen", "returning", merchant_id=own, kind="static")
    ground.segment("inner", "returning", merchant_id=None)
    ground.campaign({"seg": "outer"})
    [campaign] = await ground.live()
    frozen = Labelled(kind=LabelKind.SEGMENT, name="frozen")
    assert campaign.rule.audience == Audience(All((new_to().term, frozen)))


async def test_the_operators_campaign_has_the_operators_segments_and_the_districts_scopes(
    ground: Ground,
) -> None:
    ground.segment("inner", "new", merchant_id=ground.merchant.id)
    ground.segment("inner", "returning", merchant_id=None)
    ground.campaign({"seg": "inner"}, merchant_id=None, owner_kind="operator")
    [campaign] = await ground.live()
    assert campaign.rule.audience == returning_to()
    member = ground.tracked()
    async with await psycopg.AsyncConnection.connect(ground.url) as connection:
        known = await load(
            connection, ground.info, [member.id], wanted=asked_by(campaign), now=ground.makers.clock.now()
        )
    owner = known[member.id].for_campaign(campaign).facts.owner
    assert (owner.merchant_id, owner.meant(VisitScope.MERCHANT)) == (None, VisitScope.DISTRICT)


async def test_a_ring_that_got_into_the_table_stops_only_its_own_campaign(ground: Ground) -> None:
    own = ground.merchant.id
    ground.segment("a", {"seg": "b"}, merchant_id=own)
    ground.segment("b", {"seg": "a"}, merchant_id=own)
    ground.campaign({"seg": "a"})
    good = ground.campaign("new")
    assert [campaign.id for campaign in await ground.live()] == [good.id]


async def test_only_what_is_asked_is_loaded_and_more_when_more_is_asked(ground: Ground) -> None:
    member, now = ground.tracked(), ground.makers.clock.now()
    ground.campaign("everyone")
    simple = await ground.live()
    ground.campaign({"attr": "visits", "op": ">=", "value": 2, "window_d": 30})
    both = await ground.live()
    assert asked_by(simple[0]) == NOTHING
    assert asked_by(both[1]) == Asked(stay_days=30)
    pool = make_pool(ground.url, size=1)
    await pool.open()
    try:
        contexts = Contexts(pool, ground.info)
        contexts.want(simple)
        before = (await contexts.of([member.id], now=now))[member.id]
        contexts.want(both)
        after = (await contexts.of([member.id], now=now))[member.id]
    finally:
        await pool.close()
    assert (before.context.facts.stays, after.context.facts.stays) == (None, ())
    assert not matches(both[1].rule.audience, after.for_campaign(both[1]), now=now)

"""A property's own tags, lists and segments: made, named by its campaigns, and nobody else's, nor anybody else's its own."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from district.audiences import contexts, rechecks
from district.audiences.compile import compile_sql
from district.auth.models import Role
from district.campaigns.live import live_campaigns
from district.campaigns.models import Campaign as CampaignRow
from district.database import new_id
from district.members.models import Member
from district.redemptions.models import Redemption
from district.stores.models import Property, PropertyKind
from push.audience import matches
from push.campaign import Campaign
from push.identifiers import CampaignId, MemberId
from tests.conftest import dsn, refresh
from tests.district.audiences.people import Caller, Square, square
from tests.factories import Makers

VIP = {"name": "vip", "title": "Our best"}
KINDS = ["contact-lists", "segments", "tags"]
NAMED = {"attr": "tag", "value": "vip"}


@dataclass(frozen=True, kw_only=True)
class Mall:
    """A property in the square, and one beside it."""

    square: Square
    place: Property
    own: Caller
    beside: Caller
    url: str

    def body(self, who: Any) -> dict[str, Any]:
        within = {"circle": {"lon": 24.9445, "lat": 60.1689, "radius_m": 50}}
        store = self.square.makers.store(
            self.square.district, merchant_id=self.square.merchant.id, property_id=self.place.id
        )
        return {
            "name": "Lunch",
            "store_ids": [str(store.id)],
            "rule": {
                "v": 1,
                "trigger": {"any": [{"on": "fence.enter"}]},
                "where": {"within": within},
                "who": who,
            },
            "offer": {
                "kind": "coupon",
                "value": {"type": "amount", "minor_units": 300},
                "title": {"zh": "减三元", "en": "3 off"},
                "text": {"zh": "今天", "en": "Today"},
            },
        }

    def redemption(self, member: Member, campaign: CampaignRow) -> str:
        """The member redeemed an offer of the campaign."""
        offer = self.square.makers.offer(campaign, member, state="redeemed")
        row = Redemption(
            district_id=self.square.district.id,
            id=new_id(),
            offer_id=offer.id,
            store_id=self.square.store.id,
            till="till",
            use_request_no=offer.id.hex,
            body_hash=b"",
            value={},
            redeemed_at=self.square.makers.clock.now(),
        )
        self.square.makers.session.add(row)
        self.square.makers.done()
        return str(row.id)

    def campaign(self, who: Any, *, property_id: uuid.UUID | None) -> CampaignRow:
        """A live one of a property, or of the operator."""
        makers = self.square.makers
        row = makers.campaign(self.square.district, self.square.merchant, [self.square.store])
        kind = "operator" if property_id is None else "property"
        values: dict[Any, Any] = {
            "rule": row.rule | {"who": who},
            "merchant_id": None,
            "property_id": property_id,
            "owner_kind": kind,
        }
        makers.session.query(CampaignRow).filter_by(id=row.id).update(values)
        makers.done()
        return row

    async def belongs(self, campaign: CampaignRow, member: Member) -> tuple[bool, bool, bool]:
        """By the loaded facts, by the compiled statement, and by the check in the transaction that issues."""
        info, now = self.square.makers.info(self.square.district), self.square.makers.clock.now()
        async with await psycopg.AsyncConnection.connect(dsn(self.url)) as connection:
            (found,) = await live_campaigns(connection, info, only=[campaign.id])
            value: Campaign = found.campaign
            wanted = contexts.asked_by(value)
            known = await contexts.load(connection, info, [member.id], wanted=wanted, now=now)
            by_facts = matches(value.rule.audience, known[member.id].for_campaign(value), now=now)
            compiled = compile_sql(value.rule.audience, info, contexts.owner_of(value, {}), now=now)
            rows = await (await connection.execute(compiled.sql, compiled.params)).fetchall()
            pair = (CampaignId(campaign.id), MemberId(member.id))
            gone = await rechecks.no_longer(connection, info, [pair], now=now)
        return by_facts, (member.id,) in rows, pair not in gone


def building(makers: Makers, here: Square) -> Property:
    row = Property(
        district_id=here.district.id,
        id=new_id(),
        kind=PropertyKind.MALL,
        name="Mall",
        created_at=makers.clock.now(),
    )
    makers.session.add(row)
    makers.done()
    return row


@pytest.fixture
async def mall(app: FastAPI, client: httpx.AsyncClient, committed: Makers, database_url: str) -> Mall:
    here = square(committed, client)
    place, beside = building(committed, here), building(committed, here)
    await refresh(app)

    def caller(one: Property) -> Caller:
        token = committed.token(here.district, Role.PROPERTY, scope_id=one.id)
        return Caller(client=client, base=f"/v1/districts/{here.district.slug}", token=token)

    return Mall(square=here, place=place, own=caller(place), beside=caller(beside), url=database_url)


def made(kind: str) -> dict[str, Any]:
    return VIP | ({"rule": "new"} if kind == "segments" else {})


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_a_propertys_is_not_found_by_anybody_else(mall: Mall, kind: str) -> None:
    assert (await mall.own.ask("POST", kind, json=made(kind))).status_code == 201
    for caller in (mall.beside, mall.square.own, mall.square.operator):
        assert (await caller.ask("GET", f"{kind}/vip")).status_code == 404
        assert (await caller.ask("GET", kind)).json()["items"] == []
        assert (await caller.ask("DELETE", f"{kind}/vip")).status_code == 404
        assert (await caller.ask("POST", kind, json=made(kind))).status_code == 201
    assert len((await mall.own.ask("GET", kind)).json()["items"]) == 1
    assert (await mall.own.ask("POST", kind, json=made(kind))).status_code == 409
    assert (await mall.own.ask("DELETE", f"{kind}/vip")).status_code == 204
    assert (await mall.beside.ask("GET", f"{kind}/vip")).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_property_finds_nobody_elses(mall: Mall, kind: str) -> None:
    for caller in (mall.beside, mall.square.own, mall.square.operator):
        await caller.ask("POST", kind, json=made(kind))
    assert (await mall.own.ask("GET", kind)).json()["items"] == []
    assert (await mall.own.ask("GET", f"{kind}/vip")).status_code == 404


async def test_a_property_tags_whoever_redeemed_its_own_offers(mall: Mall) -> None:
    await mall.own.ask("POST", "tags", json=VIP)
    member = mall.square.member
    mine = mall.redemption(member, mall.campaign("everyone", property_id=mall.place.id))
    others = mall.square.redemption(member, mall.square.store)
    named = [{"redemption_id": mine}, {"redemption_id": others}, {"member_id": str(member.id)}]
    answer = (await mall.own.ask("PUT", "tags/vip/members", json={"add": named})).json()
    assert answer == {"added": 1, "removed": 0, "unknown": ["/add/1", "/add/2"]}


async def test_a_propertys_campaign_names_its_own_sets_alone(mall: Mall) -> None:
    for caller in (mall.beside, mall.square.own, mall.square.operator):
        await caller.ask("POST", "tags", json=VIP)
    body = mall.body(NAMED)
    refused = await mall.own.ask("POST", "campaigns", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["reason"]) == (422, "unknown_set")
    await mall.own.ask("POST", "tags", json=VIP)
    answer = await mall.own.ask("POST", "campaigns", json=body)
    assert answer.status_code == 201, answer.text
    used = await mall.own.ask("DELETE", "tags/vip")
    assert (used.status_code, [one["kind"] for one in used.json()["uses"]]) == (409, ["campaign"])
    for caller in (mall.beside, mall.square.own, mall.square.operator):
        assert (await caller.ask("DELETE", "tags/vip")).status_code == 204


@pytest.mark.parametrize("who", [NAMED, {"seg": "best"}], ids=["tag", "segment"])
async def test_a_set_of_one_name_is_the_owners_of_the_campaign(mall: Mall, who: Any) -> None:
    """The property's has the member; the operator's and another property's of the same name have nobody."""
    for caller in (mall.own, mall.beside, mall.square.operator):
        await caller.ask("POST", "tags", json=VIP)
        rule = {"name": "best", "title": "Best", "rule": NAMED}
        assert (await caller.ask("POST", "segments", json=rule)).status_code == 201
    member = mall.square.member
    earlier = mall.redemption(member, mall.campaign("everyone", property_id=mall.place.id))
    await mall.own.ask("PUT", "tags/vip/members", json={"add": [{"redemption_id": earlier}]})
    own = mall.campaign(who, property_id=mall.place.id)
    operators = mall.campaign(who, property_id=None)
    assert await mall.belongs(own, member) == (True, True, True)
    assert await mall.belongs(operators, member) == (False, False, False)


async def test_a_propertys_list_is_asked_for_its_campaign(mall: Mall) -> None:
    for caller in (mall.own, mall.square.operator):
        await caller.ask("POST", "contact-lists", json=VIP)
    await mall.own.ask("PUT", "contact-lists/vip/entries", content=b"phone\n040 123 4567\n")
    await mall.square.operator.ask("PUT", "contact-lists/vip/entries", content=b"phone\n040 765 4321\n")
    who = {"attr": "list", "value": "vip"}
    own = mall.campaign(who, property_id=mall.place.id)
    operators = mall.campaign(who, property_id=None)
    assert await mall.belongs(own, mall.square.member) == (True, True, True)
    assert await mall.belongs(operators, mall.square.member) == (False, False, False)


async def test_a_static_segment_of_a_property_counts_by_its_own_stores_and_sets(mall: Mall) -> None:
    await mall.own.ask("POST", "contact-lists", json=VIP)
    await mall.own.ask("PUT", "contact-lists/vip/entries", content=b"phone\n040 123 4567\n")
    rule = {"name": "best", "title": "Best", "kind": "static", "rule": {"attr": "list", "value": "vip"}}
    assert (await mall.own.ask("POST", "segments", json=rule)).status_code == 201
    campaign = mall.campaign({"seg": "best"}, property_id=mall.place.id)
    assert await mall.belongs(campaign, mall.square.member) == (True, True, True)

"""Campaigns whose offers are claimed, and members who claim them."""

import uuid
from typing import Any

from sqlalchemy import text

from district.campaigns.models import Campaign
from district.database import transaction
from district.members.models import Member
from district.offers import claim_service, jobs
from district.offers.claim_service import Outcome
from district.offers.claims import Asked
from district.offers.drops import TicketState
from district.problems import DistrictError
from push.consent import Channel
from push.decision import OfferDraft
from tests.district.offers.conftest import Ground

RULE: dict[str, Any] = {
    "v": 1,
    "trigger": {"any": [{"on": "fence.enter"}]},
    "where": {"within": {"circle": {"lon": 24.9445, "lat": 60.1689, "radius_m": 80}}},
    "holdout": {"pct": 0},
    "ttl_s": 3600,
}
OFFER: dict[str, Any] = {
    "kind": "coupon",
    "value": {"type": "amount", "minor_units": 500},
    "title": {"zh": "立减 {value}", "en": "{value} off"},
    "text": {"zh": "在{store}使用，{until} 前有效", "en": "At {store} until {until}"},
}
DROP = {"mode": "drop", "opens_at": "2026-05-01T11:00:00+03:00"}
OPEN = {"mode": "open", "pushed": False}
RESERVE = {"mode": "reserve", "hold_s": 600}
PACKETS = {
    "kind": "red_packet",
    "value": {"type": "random", "total_minor": 10_000, "count": 40, "least_minor": 50},
}


def claimable(
    ground: Ground,
    claim: dict[str, Any] | None = None,
    *,
    stock: int | None = None,
    rule: dict[str, Any] | None = None,
    offer: dict[str, Any] | None = None,
    **values: Any,
) -> Campaign:
    """A live campaign of one store; rule and offer name what differs from RULE and OFFER."""
    store = ground.makers.store(ground.district, merchant_id=ground.merchant.id)
    document = {**OFFER, **(offer or {}), **({"claim": claim} if claim else {})}
    return ground.makers.campaign(
        ground.district,
        ground.merchant,
        [store],
        stock=stock,
        rule={**RULE, **(rule or {})},
        offer=document,
        **values,
    )


def asked(ground: Ground, campaign: Campaign | uuid.UUID, member: Member | uuid.UUID, **values: Any) -> Asked:
    return Asked(
        member_id=member if isinstance(member, uuid.UUID) else member.id,
        id=campaign if isinstance(campaign, uuid.UUID) else campaign.id,
        now=ground.clock.now(),
        **values,
    )


async def claim(
    ground: Ground, campaign: Campaign | uuid.UUID, member: Member | uuid.UUID, **values: Any
) -> Outcome:
    return await claim_service.claim(ground.pool, ground.info, asked(ground, campaign, member, **values))


async def attempt(ground: Ground, campaign: Campaign, member: Member | uuid.UUID) -> str:
    """The source of what was claimed, ``waiting``, or the slug of the refusal."""
    try:
        outcome = await claim(ground, campaign, member)
    except DistrictError as refused:
        return refused.slug
    ticket = outcome.answer.ticket
    return "waiting" if ticket is not None and ticket.state is TicketState.WAITING else outcome.answer.source


async def sweep(ground: Ground) -> int:
    return await jobs.sweep(ground.pool, ground.info.id, now=ground.clock.now())


def draft(ground: Ground, campaign: Campaign, member: Member, **values: Any) -> OfferDraft:
    """A draft without caps of its own."""
    return ground.draft(campaign, member, **({"reservations": (), "channels": (Channel.INBOX,)} | values))


def strangers(ground: Ground, count: int) -> list[uuid.UUID]:
    """Members in bulk, as a rush brings them."""
    rows = ground.makers.session.execute(
        text(
            "INSERT INTO member (district_id, id, bucket, language, joined_at)"
            " SELECT :d, gen_random_uuid(), 5000, 'en', :now FROM generate_series(1, :n) RETURNING id"
        ),
        {"d": ground.district.id, "now": ground.clock.now(), "n": count},
    )
    ids = [row[0] for row in rows]
    ground.makers.done()
    return ids


async def execute(ground: Ground, sql: str, **values: Any) -> None:
    async with transaction(ground.pool) as connection:
        await connection.execute(sql, {"d": ground.info.id, **values})

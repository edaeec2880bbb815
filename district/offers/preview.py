"""The dry run: the planner itself at a frozen moment, writes and all, in a transaction that is rolled back.

Nothing that it does is seen by anybody else; it holds few locks, and for seconds at most.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from district.campaigns.live import LiveCampaign, live_campaigns
from district.channels import standing as channels
from district.database import Pool
from district.districts.service import DistrictInfo
from district.offers import policies, terms
from district.offers import preview_queries as queries
from district.offers.deciding import Connection, Occasion, decide_all, known_of
from district.offers.issuing import Batch, IssuedOffer
from district.offers.looks import Scene, ShownLook, looks
from district.offers.member_price import Better, better
from district.offers.planning import Checked, Range, check
from district.offers.preview_channels import by_channel
from district.offers.preview_occasion import crossing_of, moment_of, tried
from district.offers.preview_others import Overlap, overlap
from district.offers.preview_people import has_positions, visitors, walkers
from district.offers.preview_schemas import Basis
from district.offers.service import issue_batch
from district.offers.terms import Terms
from district.problems import Invalid, Unavailable
from push.campaign import Campaign, closes_at
from push.consent import Channel
from push.decision import OfferDraft
from push.message import Why
from push.policy import DecisionPolicy
from push.rule import FENCE_TRIGGERS, TriggerKind
from push.suppression import Suppression

LONGEST_S = 10.0
SAMPLED = 200
"""Of those whom the set statement lets through, so many are decided about and issued to, one by one."""
SHOWN = 5


class PreviewTooLong(Unavailable):
    """A dry run that did not end in time."""

    slug, title = "preview-too-long", "The preview took too long"


class PreviewUnreadable(Invalid):
    """A campaign whose rule cannot be planned."""

    slug, title = "preview-unreadable", "This campaign cannot be previewed"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One trigger of the rule, as far as the set statement judges it."""

    number: int
    trigger: TriggerKind
    at: datetime
    basis: Basis
    checked: Checked
    passing: Sequence[uuid.UUID]

    def count(self, campaign_id: uuid.UUID, reason: Suppression | None) -> int:
        groups = self.checked.groups.get(campaign_id, ())
        return sum(one.count for one in groups if one.passes and one.reason is reason)


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What the planner came to, in exact numbers: for rounding, never for showing."""

    campaign: Campaign
    terms: Terms
    trigger: TriggerKind
    at: datetime
    audience: int
    passing: int
    by_channel: Mapping[Channel, float]
    """As if stock and budget had no bounds."""
    control: int
    refused: Mapping[Suppression, int]
    sampled: int
    sample_refused: Mapping[Suppression, int]
    chance: float
    issued: Sequence[IssuedOffer]
    overlap: Sequence[Overlap]
    better: Sequence[Better]
    came: int
    tried: Sequence[Tried]
    """Every kind of trigger, as the rule names them; the other figures are of the one that reaches most."""
    left: int | None
    closes_at: datetime | None
    looks: Sequence[ShownLook]


async def dry_run(
    pool: Pool,
    district: DistrictInfo,
    campaign_id: uuid.UUID,
    *,
    now: datetime,
    fresh_for: timedelta,
    origin: str = "",
) -> DryRun:
    """Plan the campaign as if it were live; origin is the installation's own address, for links in messages.

    Raises: PreviewTooLong, PreviewUnreadable.
    """
    try:
        async with (
            asyncio.timeout(LONGEST_S),
            pool.connection() as connection,
            connection.transaction(force_rollback=True),
        ):
            return await _run(connection, district, campaign_id, now=now, fresh_for=fresh_for, origin=origin)
    except (TimeoutError, psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
        raise PreviewTooLong(
            "The audience is too large or the database too busy to preview now: try again, or narrow the fence or "
            "the audience.",
            detail_zh="人群过大或数据库繁忙，预览未能及时完成：请稍后重试，或缩小围栏或目标人群。",
            retry_after_s=30,
        ) from error


async def _run(
    connection: Connection,
    district: DistrictInfo,
    campaign_id: uuid.UUID,
    *,
    now: datetime,
    fresh_for: timedelta,
    origin: str,
) -> DryRun:
    values = {"district_id": district.id, "campaign_id": campaign_id}
    await connection.execute(queries.LIMITS_SQL, {"timeout": f"{LONGEST_S:.0f}s"})
    await _take_newest(connection, values)
    await connection.execute(queries.MAKE_LIVE_SQL, values)
    found = await live_campaigns(connection, district, only=[campaign_id])
    if not found:
        raise PreviewUnreadable("Its rule cannot be read any more: open it and save it anew.")
    live, campaign = found[0], found[0].campaign
    policy = await policies.decision_policy(connection, district, fresh_for=fresh_for)
    every = [
        await _try(connection, district, live, number, policy=policy, now=now) for number in tried(campaign)
    ]
    main = max(every, key=lambda one: len(one.passing))  # of equals the first
    trigger, at, checked = main.trigger, main.at, main.checked
    left = await _left(connection, values)  # before the sample takes its pieces
    sample = _spread(main.passing, SAMPLED)
    drafts, batch = await _issue(connection, district, campaign, main.number, sample, at=at, policy=policy)
    known = (await terms.load(connection, district.id, [campaign.id]))[campaign.id]
    scene = Scene(
        district=district,
        standing=await channels.load(connection, district.id),
        channels=checked.channels,
        origin=origin.rstrip("/"),
        at=at,
        why=Why(trigger=trigger, store_name=known.store_name).text(),
    )
    return DryRun(
        campaign=campaign,
        terms=known,
        trigger=trigger,
        at=at,
        audience=checked.size,
        passing=main.count(campaign.id, None),
        by_channel=await by_channel(
            connection, district.id, checked, campaign.id, sample=sample, batch=batch
        ),
        control=main.count(campaign.id, Suppression.HOLDOUT),
        tried=every,
        refused=_refused(checked, campaign.id),
        sampled=len(sample),
        sample_refused=Counter(one.reason for one in batch.refused),
        chance=sum(one.appeal.chance for one in drafts) / len(drafts) if drafts else 0.0,
        issued=batch.issued[:SHOWN],
        overlap=await overlap(connection, district, campaign, sample, trigger, at=at, policy=policy),
        better=await better(connection, district.id, known, typical_spend_minor=policy.typical_spend_minor),
        came=await _came(connection, values, sample, at),
        left=left,
        closes_at=closes_at(campaign, at),
        looks=await looks(connection, known, scene, lasts=campaign.rule.ttl),
    )


async def _take_newest(connection: Connection, values: Mapping[str, object]) -> None:
    """Put the version that waits for approval in force, if there is one."""
    row = await (await connection.execute(queries.NEWEST_SQL, values)).fetchone()
    if row is None or row[1]:  # the stores of a joint event are those that enrolled
        return
    stores = {**values, "stores": row[0]}
    await connection.execute(queries.NO_STORES_SQL, stores)
    await connection.execute(queries.STORES_SQL, stores)


async def _try(
    connection: Connection,
    district: DistrictInfo,
    live: LiveCampaign,
    number: int,
    *,
    policy: DecisionPolicy,
    now: datetime,
) -> Tried:
    campaign = live.campaign
    trigger, at = campaign.rule.triggers[number].on, moment_of(campaign, number, district, now)
    among, basis = await _among(connection, district, live, trigger, now=now)
    checked = await check(
        connection, district, [campaign], trigger=trigger, policy=policy, now=at, among=among
    )
    return Tried(
        number=number,
        trigger=trigger,
        at=at,
        basis=basis,
        checked=checked,
        passing=checked.free(campaign.id),
    )


async def _among(
    connection: Connection,
    district: DistrictInfo,
    live: LiveCampaign,
    trigger: TriggerKind,
    *,
    now: datetime,
) -> tuple[Range, Basis]:
    """Whom such an occasion may meet, and what that is taken from."""
    ground = live.campaign.ground
    if not live.campaign.rule.has_fence or ground is None or trigger not in FENCE_TRIGGERS:
        return Range(), Basis.AUDIENCE
    if await has_positions(connection, district, now=now):
        return await walkers(connection, district, live, ground, now=now), Basis.POSITIONS
    return await visitors(connection, district, live, now=now), Basis.VISITS


def _spread(members: Sequence[uuid.UUID], most: int) -> list[uuid.UUID]:
    """At most so many of them, evenly spread over the order of their ids."""
    ordered = sorted(members)
    return ordered[:: max(1, -(-len(ordered) // most))][:most]


def _refused(checked: Checked, campaign_id: uuid.UUID) -> dict[Suppression, int]:
    found: Counter[Suppression] = Counter()
    for one in checked.groups.get(campaign_id, ()):
        if one.reason is not None:
            found[one.reason] += one.count
    return dict(found)


async def _issue(
    connection: Connection,
    district: DistrictInfo,
    campaign: Campaign,
    number: int,
    sample: Sequence[uuid.UUID],
    *,
    at: datetime,
    policy: DecisionPolicy,
) -> tuple[Sequence[OfferDraft], Batch]:
    """Decide about the sample and write its offers, as a worker would; why some got none."""
    occasions = [
        Occasion(
            member_id=member_id,
            moment=member_id,
            campaign=campaign,
            crossing=crossing_of(campaign, number, member_id, at),
        )
        for member_id in sample
    ]
    known = await known_of(connection, district, occasions, now=at)
    decided = decide_all(occasions, known, policy, now=at)
    return decided.drafts, await issue_batch(connection, district, decided.drafts, decided.refusals, now=at)


async def _came(
    connection: Connection, values: Mapping[str, object], sample: Sequence[uuid.UUID], at: datetime
) -> int:
    """How many of the sample came to the campaign's stores in the week before, without it."""
    given = {**values, "members": list(sample), "since": at - timedelta(days=7), "until": at}
    row = await (await connection.execute(queries.CAME_SQL, given)).fetchone()
    return int(row[0]) if row else 0


async def _left(connection: Connection, values: Mapping[str, object]) -> int | None:
    row = await (await connection.execute(queries.LEFT_SQL, values)).fetchone()
    return None if row is None or row[0] is None else int(row[0])

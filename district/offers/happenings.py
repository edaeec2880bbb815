"""Happenings that wait: claimed, decided by the rules that crossings are decided by, and issued in the commit that
marks them done, so that a worker that dies in between has done nothing."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog

from district.campaigns.live import live_campaigns
from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.offers import waiting_queries as queries
from district.offers.deciding import Connection, Decided, Occasion, decide_all, known_of
from district.offers.service import issue_batch
from geo.coordinates import LonLat
from push import triggers
from push.campaign import Campaign, next_change
from push.decision import Crossing, DecisionPolicy, Refusal
from push.identifiers import StoreId, VisitId
from push.rule import TriggerKind
from push.suppression import Suppression

BATCH = 200
MAX_ATTEMPTS = 5
AGAIN_AFTER = timedelta(minutes=1)
_KEYS = uuid.UUID("0f9f1a52-4a3e-5d0c-9f53-7d2f1f6b7a60")
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A row of the queue."""

    id: uuid.UUID
    kind: TriggerKind
    member_id: uuid.UUID
    campaign_id: uuid.UUID | None
    subject_id: uuid.UUID | None
    key: str
    at: datetime
    due_at: datetime
    expires_at: datetime
    facts: Mapping[str, Any]

    @property
    def occurrence(self) -> VisitId:
        """What its offers are known by: the same whenever it is decided."""
        return VisitId(uuid.uuid5(_KEYS, f"{self.kind}|{self.key}"))

    def crossing(self, campaign: Campaign, *, visits: int, position: LonLat | None) -> Crossing:
        """The occasion that it is for a campaign; it is as fresh as its due time."""
        at = max(self.at, self.due_at)
        return Crossing(
            trigger=self.kind,
            campaign_id=campaign.id,
            visit_id=self.occurrence,
            at=at,
            received_at=at,
            position=position,
            store_id=StoreId(self.subject_id) if self.subject_id else None,
            joins=int(self.facts.get("joins", 0)),
            visits=visits,
            away_for=timedelta(seconds=int(self.facts.get("away_s", 0))),
        )


async def decide_due(pool: Pool, district: DistrictInfo, *, now: datetime, policy: DecisionPolicy) -> int:
    """Decide what is due, some rows of it; how many. Any number of workers may ask.

    When a row cannot be decided at all, it is tried by itself, a minute apart, and given up after five times.
    """
    try:
        return await _settle(pool, district, now=now, policy=policy, limit=BATCH)
    except psycopg.OperationalError:
        raise
    except Exception as error:  # whatever one row brings about must not hold back the others
        log.warning("triggers.apart", district=district.slug, error=type(error).__name__)
        return await _settle_apart(pool, district, now=now, policy=policy)


async def _settle_apart(pool: Pool, district: DistrictInfo, *, now: datetime, policy: DecisionPolicy) -> int:
    async with pool.connection() as connection:
        values = {"district_id": district.id, "now": now, "limit": BATCH}
        rows = await (await connection.execute(queries.DUE_TRIGGERS_SQL, values)).fetchall()
    done = 0
    for (id_,) in rows:
        try:
            done += await _settle(pool, district, now=now, policy=policy, limit=1, only=id_)
        except psycopg.OperationalError:
            raise
        except Exception:
            log.exception("triggers.failed", district=district.slug, trigger=str(id_))
            async with transaction(pool) as connection:
                failed = {"district_id": district.id, "id": id_, "now": now, "most": MAX_ATTEMPTS}
                await connection.execute(queries.FAIL_TRIGGER_SQL, failed | {"again_at": now + AGAIN_AFTER})
    return done


async def _settle(
    pool: Pool,
    district: DistrictInfo,
    *,
    now: datetime,
    policy: DecisionPolicy,
    limit: int,
    only: uuid.UUID | None = None,
) -> int:
    async with transaction(pool) as connection:
        values = {"district_id": district.id, "now": now, "limit": limit, "only": only}
        rows = await (await connection.execute(queries.CLAIM_TRIGGERS_SQL, values)).fetchall()
        claimed = [_waiting(row) for row in rows]
        fresh = [one for one in claimed if one.expires_at > now]
        later: dict[uuid.UUID, datetime] = {}
        if fresh:
            pairs = await _occasions(connection, district, fresh)
            occasions = [occasion for _, occasion in pairs]
            known = await known_of(connection, district, occasions, now=now)
            decided = decide_all(occasions, known, policy, now=now)
            later = _later(pairs, decided, now)
            await issue_batch(connection, district, decided.drafts, decided.refusals, now=now)
        await _finish(connection, district, claimed, later, now=now)
    return len(claimed)


def _waiting(row: Sequence[Any]) -> Waiting:
    id_, kind, member_id, campaign_id, subject_id, key, at, due_at, expires_at, facts = row
    return Waiting(
        id=id_,
        kind=TriggerKind(kind),
        member_id=member_id,
        campaign_id=campaign_id,
        subject_id=subject_id,
        key=key,
        at=at,
        due_at=due_at,
        expires_at=expires_at,
        facts=facts,
    )


async def _occasions(
    connection: Connection, district: DistrictInfo, fresh: Sequence[Waiting]
) -> list[tuple[Waiting, Occasion]]:
    """Each happening with each live campaign that it triggers."""
    values: dict[str, Any] = {"district_id": district.id, "kinds": sorted({one.kind.value for one in fresh})}
    ids = await (await connection.execute(queries.LISTENING_SQL, values)).fetchall()
    if not ids:
        return []
    live = await live_campaigns(connection, district, only=[row[0] for row in ids])
    pairs = [
        (one, each.campaign)
        for one in fresh
        for each in live
        if one.campaign_id in {None, each.campaign.id} and _listens(each.campaign, one)
    ]
    places = await _places(connection, district, fresh)
    visits = await _visits(connection, district, pairs)
    found = []
    for number, (one, campaign) in enumerate(pairs):
        position = places.get(one.subject_id or one.facts.get("access_point"))
        crossing = one.crossing(campaign, visits=visits.get(number, 0), position=position)
        if any(True for _ in triggers.firing(campaign, crossing)):
            occasion = Occasion(member_id=one.member_id, moment=one.id, campaign=campaign, crossing=crossing)
            found.append((one, occasion))
    return found


def _listens(campaign: Campaign, one: Waiting) -> bool:
    return any(trigger.on is one.kind for trigger in campaign.rule.triggers)


async def _places(
    connection: Connection, district: DistrictInfo, fresh: Sequence[Waiting]
) -> dict[Any, LonLat]:
    """Where the stores and access points are at which something happened, by id and by MAC address."""
    stores = sorted({one.subject_id for one in fresh if one.subject_id})
    macs = sorted({str(mac) for one in fresh if (mac := one.facts.get("access_point"))})
    rows: list[tuple[Any, ...]] = []
    if stores:
        values: dict[str, Any] = {"district_id": district.id, "stores": stores}
        rows += await (await connection.execute(queries.STORE_PLACES_SQL, values)).fetchall()
    if macs:
        values = {"district_id": district.id, "macs": macs}
        rows += await (await connection.execute(queries.ACCESS_POINT_PLACES_SQL, values)).fetchall()
    return {key: LonLat(lon=lon, lat=lat) for key, lon, lat in rows}


async def _visits(
    connection: Connection, district: DistrictInfo, pairs: Sequence[tuple[Waiting, Campaign]]
) -> dict[int, int]:
    """Of each pair that asks for an n-th visit, which visit to the campaign's stores it was."""
    asked = [
        (number, one, campaign)
        for number, (one, campaign) in enumerate(pairs)
        if one.kind is TriggerKind.VISITS
    ]
    if not asked:
        return {}
    values = {
        "district_id": district.id,
        "numbers": [number for number, _, _ in asked],
        "members": [one.member_id for _, one, _ in asked],
        "ats": [one.at for _, one, _ in asked],
        "campaigns": [campaign.id for _, _, campaign in asked],
    }
    rows = await (await connection.execute(queries.VISITS_UNTIL_SQL, values)).fetchall()
    return {number: count for number, count in rows}  # noqa: C416 rows are no pairs to dict()


def _later(
    pairs: Sequence[tuple[Waiting, Occasion]], decided: Decided, now: datetime
) -> dict[uuid.UUID, datetime]:
    """When to try those again that were only too early: each at the first moment at which an answer may change."""
    offered: set[uuid.UUID] = set()
    found: dict[uuid.UUID, datetime] = {}
    for (one, occasion), decision in zip(pairs, decided.decisions, strict=True):
        if not isinstance(decision, Refusal):
            offered.add(one.id)
            continue
        again = _again(decision, occasion.campaign, now)
        if again is not None and now < again < one.expires_at:
            found[one.id] = min(again, found.get(one.id, again))
    return {id_: at for id_, at in found.items() if id_ not in offered}


def _again(refusal: Refusal, campaign: Campaign, now: datetime) -> datetime | None:
    if refusal.reason is Suppression.OUT_OF_WINDOW:
        return next_change(campaign, now)
    return refusal.deferred_to if refusal.reason is Suppression.QUIET_HOURS else None


async def _finish(
    connection: Connection,
    district: DistrictInfo,
    claimed: Sequence[Waiting],
    later: Mapping[uuid.UUID, datetime],
    *,
    now: datetime,
) -> None:
    over = [one for one in claimed if one.id not in later]
    values = {"district_id": district.id, "now": now}
    if over:
        outcomes = ["expired" if one.expires_at <= now else "decided" for one in over]
        await connection.execute(
            queries.FINISH_TRIGGERS_SQL, values | {"ids": [one.id for one in over], "outcomes": outcomes}
        )
    if later:
        await connection.execute(
            queries.DEFER_TRIGGERS_SQL, values | {"ids": list(later), "dues": list(later.values())}
        )

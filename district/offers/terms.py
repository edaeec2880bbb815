"""What a campaign promises and holds back, as issuing and claiming read it from its row."""

import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.campaigns import checks
from district.offers import claim_queries
from push.limits import Reservation
from push.offer import ClaimMode, OfferContent, OfferKind
from push.offer_document import parse_offer
from push.wording import Localised

MOST_PARSED = 2_000
DEFAULT_TTL_S = 5_400
"""As in the rule's own parser; issuing must not wait for a fence to be parsed."""
_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
Connection = AsyncConnection[TupleRow]
_parsed: OrderedDict[tuple[uuid.UUID, int], OfferContent] = OrderedDict()


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """A campaign's offer, and the bounds within which it may be given out; None is without bound."""

    campaign_id: uuid.UUID
    version: int
    merchant_id: uuid.UUID | None
    state: str
    offer: OfferContent
    store_name: Localised
    quota: int | None
    per_member: int | None
    per_day: int | None
    budget_minor: int | None
    day_budget_minor: int | None
    ttl: timedelta
    starts_at: datetime | None
    ends_at: datetime | None
    point_minor: int | None = None
    """What the district's points pay; None while it gives none."""

    @property
    def is_pooled(self) -> bool:
        """Whether its pieces are rows made in advance: amounts of their own, or a drop's rush."""
        claim = self.offer.claim
        is_drop = claim is not None and claim.mode is ClaimMode.DROP
        return self.offer.kind is OfferKind.RED_PACKET or (is_drop and self.quota is not None)

    @property
    def has_allowance(self) -> bool:
        """Whether anything but the stock bounds it."""
        return any(one is not None for one in (self.per_day, self.budget_minor, self.day_budget_minor))

    @property
    def cost_minor(self) -> int:
        """What one offer holds of the budget: the most that it can cost; a red packet's total is a budget of its own."""
        if self.offer.kind is OfferKind.RED_PACKET:
            return 0
        if self.offer.kind is OfferKind.POINTS:
            return (self.offer.value.points or 0) * (self.point_minor or 0)
        return self.offer.value.most_cost_minor or 0

    @property
    def has_points_off(self) -> bool:
        """Whether it promises points in a district that gives none."""
        return self.offer.kind is OfferKind.POINTS and self.point_minor is None

    def own_slots(self, per_member: int | None) -> tuple[Reservation, ...]:
        """The slots of a member in this campaign, for ever; none when it does not bound him."""
        if per_member is None:
            return ()
        return (
            Reservation(scope=f"held:{self.campaign_id}", slots=per_member, reusable_at_or_before=_NEVER),
        )


async def load(
    connection: Connection, district_id: uuid.UUID, campaign_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Terms]:
    """The terms of these campaigns, by their ids. Raises: DocumentRefused for a row that cannot be read."""
    values = {"district_id": district_id, "campaigns": list(campaign_ids)}
    rows = await (await connection.execute(claim_queries.TERMS_SQL, values)).fetchall()
    return {row[0]: of_row(row) for row in rows}


def of_row(row: Sequence[Any]) -> Terms:
    """A row of TERMS_SQL, which the driver leaves untyped."""
    id_, version, merchant_id, state, rule, offer, quota, starts_at, ends_at, name, name_zh = row[:11]
    budget = rule.get("budget") or {}
    starts_at, ends_at = checks.window(starts_at, ends_at, rule)
    return Terms(
        campaign_id=id_,
        version=version,
        merchant_id=merchant_id,
        state=state,
        offer=_offer(id_, version, offer),
        store_name=Localised(zh=name_zh or name or "本店", en=name or name_zh or "the shop"),
        quota=quota,
        per_member=rule.get("per_member"),
        per_day=rule.get("per_day"),
        budget_minor=budget.get("total_minor"),
        day_budget_minor=budget.get("per_day_minor"),
        ttl=timedelta(seconds=int(rule.get("ttl_s", DEFAULT_TTL_S))),
        starts_at=starts_at,
        ends_at=ends_at,
        point_minor=row[12],
    )


def _offer(campaign_id: uuid.UUID, version: int, document: Mapping[str, Any]) -> OfferContent:
    """The parsed offer; a version never changes, so it is parsed once."""
    key = (campaign_id, version)
    known = _parsed.get(key)
    if known is None:
        known = _parsed[key] = parse_offer(document)
        while len(_parsed) > MOST_PARSED:
            _parsed.popitem(last=False)
    return known

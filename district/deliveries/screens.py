"""Screens in shops: what anybody may claim in each store, said to brokers whenever it changes, and again before it ends."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from pydantic import ValidationError

from district.channels import queries as channels
from district.channels.kinds import screens
from district.channels.kinds.kind import Building
from district.channels.kinds.screens import topic
from district.clock import Clock
from district.database import Pool
from district.deliveries import screen_queries as queries
from district.deliveries.building import building_of
from district.deliveries.channels import provider_policy_of
from district.districts.service import DistrictInfo
from district.offers import offer_centre
from district.offers.terms import Terms
from district.offers.wording import told
from district.sealing import SealBroken
from district.settings import Settings
from push.channels.mqtt import Notice
from push.channels.outbound import Outbound
from push.channels.screen_notice import Shop, Teaser, notice
from push.offer import OfferValue, ValueKind
from push.receipts import Failure

log = structlog.get_logger()
EVERY: Final = timedelta(seconds=2)
LASTS: Final = timedelta(hours=1)
"""A notice ends by itself so long after it was said: a screen never shows for long what nobody vouches for."""
AGAIN_AFTER: Final = timedelta(minutes=30)
REST: Final = timedelta(seconds=30)
MOST_A_ROUND: Final = 400
Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A broker's row of channel_provider."""

    id: uuid.UUID
    slug: str
    kind: str
    options: Mapping[str, Any]
    sealed: bytes = field(repr=False)

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row of BROKERS_SQL, which the driver leaves untyped."""
        return cls(id=row[0], slug=row[1], kind=row[2], options=row[3], sealed=bytes(row[4]))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the screens of one store are to show. ends_at is business time."""

    topic: str
    body: bytes
    ends_at: datetime | None = None

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.topic.encode() + b"\0" + self.body).digest()


@dataclass(frozen=True, kw_only=True)
class Screens:
    """Tells the screens of one district."""

    pool: Pool
    district: DistrictInfo
    settings: Settings
    clock: Clock

    async def tell(self) -> int:
        """Say what has changed to every broker; how many notices were said. Raises: psycopg.Error."""
        async with self.pool.connection() as connection:
            values = {"district_id": self.district.id, "kind": screens.NAME, "longest_pause": REST}
            rows = await (await connection.execute(queries.BROKERS_SQL, values)).fetchall()
        if not rows:
            return 0
        origin, now = self.settings.public_url or "", self.clock.now()
        wanted = await shown_in(self.pool, self.district, origin=origin, now=now)
        return sum([await self._tell(_Row.of(row), wanted) for row in rows])

    async def _tell(self, broker: _Row, wanted: Mapping[uuid.UUID, Wanted]) -> int:
        """One broker. Of several workers one speaks to it at a time: the older word must not come last."""
        lock = {"lock": f"screens:{broker.id}"}
        outbound = Outbound(policy=provider_policy_of(self.settings))
        async with self.pool.connection() as connection:
            got = await (await connection.execute(queries.LOCK_SQL, lock)).fetchone()
            if got is None or not got[0]:
                return 0
            try:
                building = building_of(
                    self.settings, self.district, broker, clock=self.clock, outbound=outbound
                )
                return await self._tell_locked(connection, building, wanted)
            except (SealBroken, ValidationError) as error:
                log.error("screens.unusable", provider=str(broker.id), error=type(error).__name__)
                return 0
            finally:
                await outbound.close()
                await connection.execute(queries.UNLOCK_SQL, lock)

    async def _tell_locked(
        self, connection: Connection, building: Building, wanted: Mapping[uuid.UUID, Wanted]
    ) -> int:
        keys = {"district_id": self.district.id, "provider_id": uuid.UUID(building.provider_id)}
        rows = await connection.execute(queries.SAID_SQL, keys | {"again_after": AGAIN_AFTER})
        said = {one[0]: one for one in await rows.fetchall()}
        changes = _changes(said, wanted)
        if not changes:
            return 0
        notices = {
            store_id: Notice(topic=one.topic, body=one.body, lasts=_lasts(one, self.clock.now()))
            for store_id, one in changes.items()
        }
        # A store that was renamed leaves nothing under its old name.
        old = [Notice(topic=said[one][1], body=b"", lasts=LASTS) for one in changes if one in said]
        new = {one.topic for one in notices.values()}
        told = [*(one for one in old if one.topic not in new), *notices.values()]
        taken, outcome = await screens.publisher(building).publish(told)
        heard = {one.topic for one in taken}
        await _keep(connection, keys, {one: to for one, to in changes.items() if to.topic in heard})
        if isinstance(outcome, Failure):
            rest = {"district_id": self.district.id, "id": keys["provider_id"], "pause": REST}
            await connection.execute(channels.PAUSE_SQL, rest | {"reason": outcome.detail[:200]})
            log.warning("screens.unheard", provider=building.provider_id, why=outcome.detail, said=len(taken))
        return len(taken)


async def shown_in(
    pool: Pool, district: DistrictInfo, *, origin: str, now: datetime
) -> dict[uuid.UUID, Wanted]:
    """By store: what anybody may claim there now, the newest first. Nothing in it comes from a member."""
    listing = await offer_centre.read(pool, district.id, now=now)
    by_store: dict[uuid.UUID, list[Terms]] = {}
    for terms in sorted(listing.terms, key=lambda one: one.campaign_id, reverse=True):
        if _is_to_be_had(terms, listing.left.get(terms.campaign_id), now):
            for store_id in listing.stores.get(terms.campaign_id, ()):
                by_store.setdefault(store_id, []).append(terms)
    async with pool.connection() as connection:
        values = {"district_id": district.id, "stores": list(by_store)}
        shops = await (await connection.execute(queries.SHOPS_SQL, values)).fetchall()
    return {
        store_id: _wanted(
            district, Shop(ref=ref, name=name, name_zh=name_zh), by_store[store_id], origin, now
        )
        for store_id, ref, name, name_zh in shops
    }


def _is_to_be_had(terms: Terms, left: int | None, now: datetime) -> bool:
    closes_at = _closes_at(terms)
    opens_at = terms.offer.claim.opens_at if terms.offer.claim else None
    is_left = terms.state == "live" and (left is None or left > 0)
    return is_left and (closes_at is None or closes_at > now) and (opens_at is None or opens_at <= now)


def _closes_at(terms: Terms) -> datetime | None:
    claim = terms.offer.claim
    ends = [one for one in (claim.closes_at if claim else None, terms.ends_at) if one is not None]
    return min(ends, default=None)


def _wanted(
    district: DistrictInfo, shop: Shop, offers: Sequence[Terms], origin: str, now: datetime
) -> Wanted:
    teasers = [_teaser(district, terms, origin, now) for terms in offers]
    ends = [one.until for one in teasers if one.until is not None]
    return Wanted(
        topic=topic(district.slug, shop.ref), body=notice(shop, teasers), ends_at=min(ends, default=None)
    )


def _teaser(district: DistrictInfo, terms: Terms, origin: str, now: datetime) -> Teaser:
    value = terms.offer.value
    # A price that is told in the shop only, by who works there, is not told by its screen either.
    shown = OfferValue(kind=ValueKind.NONE) if value.kind is ValueKind.IN_STORE_PRICE else value
    closes_at = _closes_at(terms)
    # By the full hour, so that the words of an offer without an end change seldom.
    hour = now.replace(minute=0, second=0, microsecond=0)
    words = told(terms, district, variant=None, value=shown, until=closes_at or hour + terms.ttl)
    link = f"{origin.rstrip('/')}/d/{district.slug}/centre/{terms.campaign_id}" if origin else ""
    return Teaser(id=str(terms.campaign_id), title=words.title, text=words.text, until=closes_at, link=link)


def _changes(
    said: Mapping[uuid.UUID, Sequence[Any]], wanted: Mapping[uuid.UUID, Wanted]
) -> dict[uuid.UUID, Wanted]:
    """What is over comes first, then what is new or other, then what would end: at most MOST_A_ROUND."""
    over = {one: Wanted(topic=row[1], body=b"") for one, row in said.items() if one not in wanted}
    new = {one: to for one, to in wanted.items() if one not in said or bytes(said[one][2]) != to.hash}
    due = {one: to for one, to in wanted.items() if one not in new and said[one][3]}
    return dict(list((over | new | due).items())[:MOST_A_ROUND])


def _lasts(wanted: Wanted, now: datetime) -> timedelta:
    """Until the first of its offers is over, LASTS at most."""
    left = LASTS if wanted.ends_at is None else wanted.ends_at - now
    return max(timedelta(seconds=1), min(left, LASTS))


async def _keep(connection: Connection, keys: Mapping[str, Any], changes: Mapping[uuid.UUID, Wanted]) -> None:
    """Remember what the broker has, and forget what it was made to forget."""
    over = [one for one, to in changes.items() if not to.body]
    kept = {one: to for one, to in changes.items() if to.body}
    async with connection.transaction():
        await connection.execute(queries.FORGET_SQL, {**keys, "stores": over})
        values = {
            "stores": list(kept),
            "topics": [one.topic for one in kept.values()],
            "hashes": [one.hash for one in kept.values()],
            "again_after": AGAIN_AFTER,
        }
        await connection.execute(queries.KEEP_SQL, {**keys, **values})

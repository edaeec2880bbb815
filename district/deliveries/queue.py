"""The outbox of one district as the dispatcher sees it: every method is one committed transaction."""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import PoolTimeout

from district.campaigns.live import live_campaigns
from district.channels import addresses
from district.channels.addresses import Address
from district.clock import Clock, monotonic
from district.database import Pool, new_id, transaction
from district.deliveries import fresh_codes, queries
from district.deliveries.clock_steps import DatabaseTime
from district.deliveries.exchange import EXCHANGE_SQL, marks_of, values_of
from district.deliveries.leased import addressed, readable
from district.deliveries.messages import address_of, endpoint_of
from district.deliveries.own_times import quiet_of, zone_of
from district.deliveries.recording import Recorded, consequences
from district.districts.service import DistrictInfo
from district.members.newest_consents import newest_consents
from district.offers import policies
from district.offers.links import Links
from push.campaign import Campaign, may_offer
from push.campaign_life import IN_FORCE
from push.channels import signing
from push.consent import NO_CONSENT, Channel, Consents
from push.delivery import FINAL, DeliveryState, LeasedDelivery, Result, SendFacts, after_lease_ended
from push.identifiers import DeliveryId
from push.limits import QuietHours
from push.message import MessagePurpose
from push.outbox import DispatchPolicy, StoreAway

INBOX_CHANNEL = "inbox"
"""The notice of an arrival; its payload is district:member."""

CAMPAIGN_AGE_S = 30.0
ALONE_AFTER, PARKED_AFTER = 3, 8
"""A row whose worker went away with it so often in a row is leased alone, then no more."""
SUSPECTS_EVERY_S = 30.0
"""How often at most one of these is leased while others wait."""
_TAKEN = (DeliveryState.LEASED, DeliveryState.SENDING)
Connection = AsyncConnection[TupleRow]


@dataclass(slots=True, kw_only=True)
class SqlOutbox:
    """The rows of one district on some channels. ``secrets`` is filled with what the webhook channel signs by."""

    pool: Pool
    district: DistrictInfo
    clock: Clock
    channels: frozenset[Channel] = frozenset(Channel)
    secrets: dict[str, Sequence[str]] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    """The installation's, which opens the keys of addresses."""
    time: DatabaseTime = field(default_factory=lambda: DatabaseTime(settles=DispatchPolicy().lease_for))
    origin: str = ""
    """The installation's address, at which links in messages lead to their pages."""
    _campaigns: dict[tuple[uuid.UUID, int], tuple[float, Campaign]] = field(default_factory=dict)
    _addresses: dict[uuid.UUID, Address] = field(default_factory=dict)
    """Of the rows that were leased last."""
    _suspect_at_s: float = -math.inf
    _alone: frozenset[uuid.UUID] = frozenset()
    """Of these, what no other channel stands by for and nobody reads here: once taken, nothing follows."""

    async def reclaim(self) -> int:
        """Give back or give up every row whose lease ended.

        An inbox row counts as not sent even in `sending`: its arrival commits together with its record.
        """
        rules = [
            (state, purpose, after_lease_ended(state, purpose))
            for state in _TAKEN
            for purpose in MessagePurpose
        ]
        values = {
            "district_id": self.district.id,
            "channels": list(self.channels),
            "final": list(FINAL),
            "parked_after": PARKED_AFTER,
            "states": [rule[0] for rule in rules],
            "purposes": [rule[1] for rule in rules],
            "next": [rule[2] for rule in rules],
            "leases_end": self.time.leases_end,
            "longest_lease": self.time.longest_lease,
            "is_settled": self.time.is_settled,
        }
        async with transaction(self.pool) as connection:
            return (await connection.execute(queries.RECLAIM_SQL, values)).rowcount

    async def lease(self, *, limit: int, lease_for: timedelta) -> Sequence[LeasedDelivery]:
        """Take due rows. A lease that a crash of the database forgets costs nothing: it need not be synced."""
        async with self.pool.connection() as connection:
            rows = await fresh_codes.renewed(
                connection,
                self.district,
                await self.claim(connection, limit=limit, lease_for=lease_for),
                machine_now=self.clock.machine_now(),
            )
            urls = await self._endpoint_urls(connection, rows)
            found = await addresses.find(connection, self.district.id, addressed(rows), secret=self.secret)
        self._addresses = {row[0]: one for row in rows if (one := found.get((row[5], Channel(row[3]))))}
        links = Links(district_id=self.district.id, origin=self.origin, secret=self.secret)
        deliveries, unreadable = readable(rows, urls, found, links)
        if unreadable:
            await self.record(unreadable)
        return deliveries

    async def claim(
        self, connection: Connection, *, limit: int, lease_for: timedelta
    ) -> list[tuple[Any, ...]]:
        """The lease itself, on a connection that commits each statement: rows of LEASE_SQL.

        A suspect is taken alone, and seldom while anything else waits: it may take as long as a call may.
        """
        takes_suspects = monotonic() - self._suspect_at_s >= SUSPECTS_EVERY_S
        rows = await self._claim(connection, limit, lease_for, takes_suspects=takes_suspects)
        if not rows and not takes_suspects:
            rows = await self._claim(connection, limit, lease_for, takes_suspects=True)
        if any(row[11] >= ALONE_AFTER for row in rows):
            self._suspect_at_s = monotonic()
        self._alone = frozenset(row[0] for row in rows if not row[10] and row[3] != Channel.INBOX)
        return rows

    async def _claim(
        self, connection: Connection, limit: int, lease_for: timedelta, *, takes_suspects: bool
    ) -> list[tuple[Any, ...]]:
        values = {
            "district_id": self.district.id,
            "now": self.clock.now(),
            "channels": list(self.channels),
            "limit": limit,
            "lease_for": lease_for,
            "alone_after": ALONE_AFTER,
            "takes_suspects": takes_suspects,
        }
        cursor = connection.cursor(binary=True)
        set_json_loads(msgspec.json.decode, cursor)
        return await (await cursor.execute(queries.LEASE_SQL, values, prepare=True)).fetchall()

    async def _endpoint_urls(
        self, connection: Connection, rows: Sequence[tuple[Any, ...]]
    ) -> dict[uuid.UUID, str]:
        """Where webhooks go now; an endpoint that was removed has no secret any more."""
        wanted = [
            one for row in rows if row[3] == Channel.WEBHOOK and (one := endpoint_of(row[7])) is not None
        ]
        if not wanted:
            return {}
        cursor = await connection.execute(
            queries.ENDPOINTS_SQL, {"district_id": self.district.id, "endpoints": wanted}
        )
        found = await cursor.fetchall()
        self.secrets.clear()
        for endpoint_id, url, secret in found:
            self.secrets[address_of(endpoint_id, url)] = (signing.secret_from(bytes(secret)),)
        return {row[0]: row[1] for row in found}

    async def facts(self, deliveries: Sequence[LeasedDelivery]) -> Mapping[DeliveryId, SendFacts]:
        """What holds now of members, offers and campaigns, for those that are marketing."""
        asked = [one for one in deliveries if one.message.purpose is MessagePurpose.MARKETING]
        if not asked:
            return {}
        values = {
            "district_id": self.district.id,
            "ids": [one.id for one in asked],
            "members": [one.message.member_id for one in asked],
            "offers": [one.message.offer_id for one in asked],
        }
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(queries.FACTS_SQL, values)).fetchall()
            consents = await newest_consents(
                connection, self.district.id, [one.message.member_id for one in asked]
            )
            campaigns = await self._campaigns_of(connection, {(row[7], row[9]) for row in rows})
            venue = (await policies.load(connection, self.district.id)).quiet
        now = self.clock.now()
        return {
            DeliveryId(row[0]): self._facts(row, consents, campaigns.get(row[7]), venue, now) for row in rows
        }

    async def _campaigns_of(
        self, connection: Connection, wanted: set[tuple[uuid.UUID, int]]
    ) -> dict[uuid.UUID, Campaign]:
        """Live campaigns by id; parsed anew after half a minute, as stores' hours may change meanwhile."""
        fresh_since = monotonic() - CAMPAIGN_AGE_S
        known = {key: one for key, one in self._campaigns.items() if one[0] > fresh_since}
        if missing := {campaign_id for campaign_id, version in wanted if (campaign_id, version) not in known}:
            for live in await live_campaigns(connection, self.district, only=missing):
                known[live.campaign.id, live.campaign.version] = (monotonic(), live.campaign)
        self._campaigns = known
        return {key[0]: known[key][1] for key in wanted if key in known}

    def _facts(
        self,
        row: tuple[Any, ...],
        consents: Mapping[uuid.UUID, Consents],
        campaign: Campaign | None,
        venue: QuietHours,
        now: datetime,
    ) -> SendFacts:
        _, member_id, member_state, zone, quiet_from, quiet_until, offer_state = row[:7]
        campaign_state, by_location, is_muted = row[8], row[10], row[11]
        return SendFacts(
            consents=consents.get(member_id, NO_CONSENT),
            by_location=by_location,
            is_live=campaign_state in IN_FORCE and campaign is not None,
            may_offer=campaign is not None and may_offer(campaign, now),
            is_erased=member_state != "active",
            is_void=offer_state in {"void", "redeemed"},
            is_muted=is_muted,
            member_zone=zone_of(zone),
            district_zone=self.district.zone,
            quiet=(venue, *quiet_of(quiet_from, quiet_until)),
            store_hours=campaign.store_hours if campaign is not None else None,
        )

    async def exchange(
        self, results: Sequence[Result], deliveries: Sequence[LeasedDelivery]
    ) -> frozenset[DeliveryId]:
        """Record, and commit that these are about to leave; one statement where that is all there is to do."""
        try:
            return await self._exchange(results, deliveries)
        except (psycopg.OperationalError, PoolTimeout, OSError) as error:
            raise StoreAway(type(error).__name__) from error

    async def _exchange(
        self, results: Sequence[Result], deliveries: Sequence[LeasedDelivery]
    ) -> frozenset[DeliveryId]:
        if any(one.state is not DeliveryState.ACCEPTED or one.id not in self._alone for one in results):
            await self.record(results)
            results = ()
        if any(one.message.channel is Channel.INBOX for one in deliveries):
            return await self._mark_inbox(deliveries)
        found = (self._addresses.get(one.id) for one in results)
        values = {
            "district_id": self.district.id,
            "endpoints": [one.endpoint_id for one in found if one is not None and one.endpoint_id],
            **marks_of(deliveries),
            **values_of(results, [_uuid(one.via) for one in results]),
        }
        async with self.pool.connection() as connection:
            cursor = connection.cursor(binary=True)
            rows = await (await cursor.execute(EXCHANGE_SQL, values, prepare=True)).fetchall()
        return frozenset(DeliveryId(row[0]) for row in rows)

    async def _mark_inbox(self, deliveries: Sequence[LeasedDelivery]) -> frozenset[DeliveryId]:
        """What only lies here leaves nothing: that it is about to need not be synced."""
        values = {
            "district_id": self.district.id,
            "ids": [one.id for one in deliveries],
            "fences": [one.fence for one in deliveries],
        }
        async with transaction(self.pool) as connection:
            if all(one.message.channel is Channel.INBOX for one in deliveries):
                await connection.execute("SET LOCAL synchronous_commit = off")
            rows = await (await connection.execute(queries.MARK_SENDING_SQL, values)).fetchall()
        return frozenset(DeliveryId(row[0]) for row in rows)

    async def record(self, results: Sequence[Result]) -> None:
        """Write results; what is accepted for the inbox arrives by this, what will not leave gives back.

        Members are locked before their items get their sequence, so that one member's items become visible
        in the order of their sequence: a stream that has seen one has missed none before it.
        """
        values = {
            "district_id": self.district.id,
            "now": self.clock.now(),
            "notice": INBOX_CHANNEL,
            "ids": [one.id for one in results],
            "fences": [one.fence for one in results],
            "states": [one.state for one in results],
            "reasons": [one.reason for one in results],
            "delays": [one.delay for one in results],
            "due": [one.due_at for one in results],
            "counts": [one.counts for one in results],
            "finals": [one.state in FINAL for one in results],
            "next_channels": [one.channel or "" for one in results],
            "providers": [_uuid(one.via) for one in results],
            "message_ids": [one.provider_id for one in results],
            "tried": [one.by for one in results],
            "attempts": [new_id() for _ in results],
        }
        async with transaction(self.pool) as connection:
            await connection.execute(queries.LOCK_READERS_SQL, values)
            rows = await (await connection.execute(queries.RECORD_SQL, values)).fetchall()
            asked = {one.id: one for one in results}
            recorded = [Recorded.of(row, asked[row[0]], self._addresses.get(row[0])) for row in rows]
            await consequences(connection, self.district, recorded, now=self.clock.now())

    async def release(self, deliveries: Sequence[LeasedDelivery]) -> None:
        """Give rows back untouched."""
        values = {
            "district_id": self.district.id,
            "ids": [one.id for one in deliveries],
            "fences": [one.fence for one in deliveries],
        }
        async with transaction(self.pool) as connection:
            await connection.execute(queries.RELEASE_SQL, values)


@lru_cache(maxsize=1_024)
def _uuid(text: str) -> uuid.UUID | None:
    """The provider's id; the channels of this installation itself have none."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None

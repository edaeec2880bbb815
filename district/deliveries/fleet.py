"""Everything that one worker sends by: the installation's own channels, and the providers of each district."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Self, TypeAlias

import structlog
from psycopg.rows import TupleRow
from pydantic import ValidationError

from district import clock as clocks
from district.channels import queries
from district.channels.kinds import KINDS
from district.channels.kinds.kind import Beside
from district.channels.shelves import shared
from district.channels.texts import read_texts
from district.clock import Clock
from district.database import Pool
from district.deliveries import retiring
from district.deliveries.building import building_of
from district.deliveries.channels import InboxChannel, console_channels, policy_of, provider_policy_of
from district.deliveries.keeping import Keeper
from district.districts.service import DistrictInfo
from district.sealing import SealBroken
from district.settings import Settings
from push.channels.outbound import Outbound
from push.channels.pooled import Pooled
from push.channels.providers import LONGEST_PAUSE, Provider, ProviderChannel, Sender
from push.channels.webhook import WebhookChannel
from push.consent import Channel
from push.dispatch import Channel as ChannelSender

log = structlog.get_logger()
REFRESH_S: Final = 2.0
BRING_FORWARD_SQL: Final = """
UPDATE outbox_message SET retry_at = clock_timestamp()
WHERE district_id = %(district_id)s AND state = 'queued' AND channel = ANY(%(channels)s::text[])
  AND retry_at > clock_timestamp() AND (attempts = 0 OR reason = '')
"""
"""What was held for its provider: a message that failed by itself has counted its attempt, and says why."""
Senders: TypeAlias = Mapping[Channel, ChannelSender]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Of a row of PROVIDERS_SQL, what its sender is made of."""

    id: uuid.UUID
    slug: str
    kind: str
    options: Mapping[str, Any]
    sealed: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True)
class _District:
    """The senders of one district, made of these rows."""

    district: DistrictInfo
    rows: tuple[TupleRow, ...]
    changed_at: Mapping[uuid.UUID, datetime]
    """When an operator last changed which provider."""
    read_at_s: float
    senders: Senders
    providers: Mapping[uuid.UUID, Provider]
    """What was made of which row."""
    has_pauses: bool = False
    """Whether a provider is to be left alone: as its row said when it was read, or as was found here since."""


@dataclass(slots=True, kw_only=True)
class Fleet:
    """The senders of every district. ``own`` calls webhooks, ``outbound`` providers."""

    pool: Pool
    settings: Settings
    clock: Clock
    own: Pooled
    outbound: Outbound
    keeper: Keeper
    _districts: dict[uuid.UUID, _District] = field(default_factory=dict)
    _pausing: set[asyncio.Task[None]] = field(default_factory=set)
    _rests: dict[uuid.UUID, tuple[datetime, float]] = field(default_factory=dict)
    """Of each provider that was to be left alone: until when by the database, and until when by counting."""
    _retiring: set[asyncio.Task[None]] = field(default_factory=set)
    _secrets: dict[uuid.UUID, dict[str, Sequence[str]]] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def opened(cls, pool: Pool, settings: Settings, clock: Clock) -> Self:
        """A fleet with its own ways out; close it at the end."""
        own, outbound = Pooled(policy=policy_of(settings)), Outbound(policy=provider_policy_of(settings))
        keeper = Keeper(settings=settings, clock=clock)
        return cls(pool=pool, settings=settings, clock=clock, own=own, outbound=outbound, keeper=keeper)

    def secrets_of(self, district_id: uuid.UUID) -> dict[str, Sequence[str]]:
        """What webhooks of a district are signed by, by address: filled by who leases them."""
        return self._secrets.setdefault(district_id, {})

    async def of(self, district: DistrictInfo) -> Senders:
        """What a district sends by, read again every moment. Raises: psycopg.Error."""
        async with self._one_at_a_time:
            return await self._of(district)

    async def listen(self, district: DistrictInfo) -> None:
        """Have the connections open by which providers tell things. Raises: psycopg.Error."""
        await self.of(district)
        known = self._districts[district.id]
        opened = [getattr(one.sender, "open", None) for one in known.providers.values()]
        await asyncio.gather(*(open_() for open_ in opened if open_ is not None))

    async def _of(self, district: DistrictInfo) -> Senders:
        known, now_s = self._districts.get(district.id), clocks.monotonic()
        if known is not None and now_s - known.read_at_s < REFRESH_S:
            return known.senders
        async with self.pool.connection() as connection:
            cursor = await connection.execute(queries.PROVIDERS_SQL.encode(), {"district_id": district.id})
            rows = tuple(await cursor.fetchall())
        lifted = [row for row in rows if known is not None and known.changed_at.get(row[0]) != row[-3]]
        if known is None or known.rows != _steady(rows) or known.district != district:
            before, known = known, self._made(district, rows, known)
            self._districts[district.id] = known
            self._retire(before, known)
        known.read_at_s = now_s
        self._resume(known.senders, lifted)
        known.has_pauses = self._keep_pauses(known.senders, rows)
        await self._bring_forward(district, lifted)
        known.changed_at = {row[0]: row[-3] for row in rows}
        return known.senders

    async def look_again(self) -> None:
        """See which pauses operators have ended; nothing that is due would lead there. Raises: psycopg.Error."""
        for known in list(self._districts.values()):
            if known.has_pauses:
                await self.of(known.district)

    async def close(self) -> None:
        """Let every connection go."""
        for known in self._districts.values():
            for provider in known.providers.values():
                await retiring.close(provider)
        await asyncio.gather(*self._retiring, return_exceptions=True)
        for task in self._pausing:
            task.cancel()
        await self.keeper.close()
        await self.own.close()
        await self.outbound.close()

    def _retire(self, before: _District | None, known: _District) -> None:
        """Let go of the providers that are there no more, or are others now, each once its calls have ended."""
        for id_, provider in before.providers.items() if before else ():
            if before is not None and known.providers.get(id_) is not provider:
                task = asyncio.create_task(retiring.retire(provider, before.senders.values()))
                self._retiring.add(task)
                task.add_done_callback(self._retiring.discard)

    def _made(self, district: DistrictInfo, rows: Sequence[TupleRow], before: _District | None) -> _District:
        """The senders of these rows; those whose row is as it was go on as they are."""
        is_same = before is not None and before.district == district
        known = {row[0]: row for row in before.rows} if before and is_same else {}
        providers: dict[uuid.UUID, Provider] = {}
        channels: dict[Channel, list[Provider]] = {}
        for row, steady in zip(rows, _steady(rows), strict=True):
            is_kept = before is not None and known.get(row[0]) == steady and row[0] in before.providers
            made = before.providers[row[0]] if before and is_kept else self._provider(district, row)
            if made is not None:
                providers[row[0]] = made
                channels.setdefault(Channel(row[2]), []).append(made)
        senders: dict[Channel, ChannelSender] = {Channel.INBOX: InboxChannel()}
        senders[Channel.WEBHOOK] = WebhookChannel(
            pooled=self.own,
            secrets=lambda address: self.secrets_of(district.id).get(address, ()),
            machine_now=self.clock.machine_now,
        )
        senders |= console_channels(self.settings)
        old = before.senders if before else {}
        senders |= {
            name: self._channel(district, name, found, old.get(name)) for name, found in channels.items()
        }
        return _District(
            district=district,
            rows=_steady(rows),
            changed_at={},
            read_at_s=0.0,
            senders=senders,
            providers=providers,
        )

    def _channel(
        self,
        district: DistrictInfo,
        name: Channel,
        providers: Sequence[Provider],
        before: ChannelSender | None,
    ) -> ProviderChannel:
        def pause(provider_id: str, how_long: timedelta, why: str) -> None:
            task = asyncio.create_task(self._write_pause(district.id, uuid.UUID(provider_id), how_long, why))
            self._pausing.add(task)
            task.add_done_callback(self._pausing.discard)
            if (known := self._districts.get(district.id)) is not None:
                known.has_pauses = True

        made = ProviderChannel(name=name, providers=providers, monotonic=clocks.monotonic, on_pause=pause)
        if isinstance(before, ProviderChannel):
            made.take_over(before)
        return made

    async def _write_pause(
        self, district_id: uuid.UUID, provider_id: uuid.UUID, pause: timedelta, why: str
    ) -> None:
        log.warning("provider.rests", provider=str(provider_id), seconds=pause.total_seconds(), why=why)
        values = {"district_id": district_id, "id": provider_id, "pause": pause, "reason": why[:200]}
        async with self.pool.connection() as connection:
            await connection.execute(queries.PAUSE_SQL, values)

    def _provider(self, district: DistrictInfo, row: TupleRow) -> Provider | None:
        sender = self._sender(district, row)
        columns: dict[str, Any] = {"weight": row[7], "in_flight": row[8], "per_s": row[9]}
        return Provider(id=str(row[0]), sender=sender, **columns) if sender is not None else None

    def _sender(self, district: DistrictInfo, row: TupleRow) -> Sender | None:
        """The sender of a provider; None, and a line in the log, for one whose settings no longer hold."""
        kind = KINDS.get(row[3])
        if kind is None or isinstance(kind.channel, Beside):
            return None
        known = _Row(id=row[0], slug=row[1], kind=row[3], options=row[5], sealed=bytes(row[6]))
        try:
            building = building_of(
                self.settings,
                district,
                known,
                clock=self.clock,
                outbound=self.outbound,
                tell=partial(self.keeper.keep, district, row[0]),
                texts=read_texts(row[10]),
            )
            secret = self.settings.secret.get_secret_value() if self.settings.secret else ""
            return kind.build(shared(building, self.pool, district, secret=secret))
        except (SealBroken, ValidationError, ValueError) as error:
            log.error("provider.unusable", provider=str(row[0]), error=type(error).__name__)
            return None

    def _keep_pauses(self, senders: Senders, rows: Sequence[TupleRow]) -> bool:
        """Leave alone what another worker found to rest; whether there is any."""
        found = False
        for row in rows:
            channel = senders.get(row[2])
            if not isinstance(channel, ProviderChannel):
                continue
            if row[-1] is None and self._rests.pop(row[0], None) is not None:
                channel.resume(str(row[0]))  # somebody ended it
            left = self._left(row)
            if left > timedelta(0):
                channel.paused_for(str(row[0]), left)
                found = True
        return found

    def _left(self, row: TupleRow) -> timedelta:
        """Of a pause, counted from when it was heard of: a clock that is set back makes it no longer."""
        paused_until, left = row[-2], row[-1]
        if left is None:
            return timedelta(0)
        known, now_s = self._rests.get(row[0]), clocks.monotonic()
        if known is None or known[0] != paused_until:
            known = self._rests[row[0]] = (paused_until, now_s + min(left, LONGEST_PAUSE).total_seconds())
        return timedelta(seconds=known[1] - now_s)

    def _resume(self, senders: Senders, lifted: Sequence[TupleRow]) -> None:
        """An operator's word ends what this worker found by itself, too: he may know that it works again."""
        for row in lifted:
            channel = senders.get(row[2])
            if isinstance(channel, ProviderChannel):
                channel.resume(str(row[0]))

    async def _bring_forward(self, district: DistrictInfo, lifted: Sequence[TupleRow]) -> None:
        """What waited for the end of a pause is due now. Each worker does so, as it may have put off some itself."""
        channels = sorted({row[2] for row in lifted if row[-1] is None})
        if channels:
            values = {"district_id": district.id, "channels": channels}
            async with self.pool.connection() as connection:
                await connection.execute(BRING_FORWARD_SQL, values)


def _steady(rows: Sequence[TupleRow]) -> tuple[TupleRow, ...]:
    """What senders are made of: neither when it was changed, nor a pause."""
    return tuple(row[:-3] for row in rows)

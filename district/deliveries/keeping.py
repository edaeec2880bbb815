"""What providers tell over connections of ours, instead of posting it: kept as if it had been posted."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Engine

from district.channels.kinds.kind import Reply
from district.channels.models import ChannelProvider
from district.clock import Clock
from district.database import make_engine, make_sessions, session_scope
from district.deliveries import receipts, replies
from district.districts.service import DistrictInfo
from district.settings import Settings

log = structlog.get_logger()
SESSIONS: Final = 2


@dataclass(slots=True, kw_only=True)
class Keeper:
    """Writes what was told, with a few connections of its own, made when they are first needed."""

    settings: Settings
    clock: Clock
    _engine: Engine | None = field(default=None, init=False)
    _underway: set[asyncio.Future[None]] = field(default_factory=set, init=False)

    async def keep(self, district: DistrictInfo, provider_id: uuid.UUID, reply: Reply) -> None:
        """It is committed when this returns. Raises: SQLAlchemyError while the database is away."""
        if self._engine is None:
            assert self.settings.database_url is not None  # noqa: S101 the worker's pool came from it
            self._engine = make_engine(self.settings.database_url, pool_size=SESSIONS)
        work = asyncio.ensure_future(
            asyncio.to_thread(self._keep, self._engine, district, provider_id, reply)
        )
        self._underway.add(work)
        work.add_done_callback(self._underway.discard)
        await asyncio.shield(work)  # a thread goes on, whoever stops waiting for it

    async def close(self) -> None:
        """Let the connections go, once nobody writes any more."""
        await asyncio.gather(*self._underway, return_exceptions=True)
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    def _keep(self, engine: Engine, district: DistrictInfo, provider_id: uuid.UUID, reply: Reply) -> None:
        with session_scope(make_sessions(engine)) as session:
            provider = session.get(ChannelProvider, (district.id, provider_id))
            if provider is None:
                return
            taken = receipts.take(session, district, provider, reply.events, clock=self.clock)
            stopped = replies.hear(session, district, provider, reply.heard, clock=self.clock)
        log.info("receipts.taken", provider=provider.slug, new=taken, stopped=stopped)

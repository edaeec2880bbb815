"""One answer to a scrape: from the database and the event log, within a bounded time."""

import asyncio
import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
import structlog
from nats.js import JetStreamContext
from pydantic import SecretStr
from starlette.requests import Request

from district.clock import monotonic
from district.database import Pool
from district.districts.service import DistrictInfo
from district.monitoring.database import of_district
from district.monitoring.event_log import ASKED_WITHIN_S, of_stream
from district.monitoring.figures import Sample, rendered
from district.problems import NotAllowed

KEPT_FOR_S = 5.0
"""A second scrape within this time gets the same answer: several scrapers cost no more than one."""
log = structlog.get_logger()


def check_scraper(request: Request) -> None:
    """Raises: NotAllowed unless the request comes from this machine, or shows the token of the settings.

    The figures are the district's own business: how many offers it makes is for its operators.
    """
    host = request.client.host if request.client else ""
    wanted: SecretStr | None = request.app.state.settings.metrics_token
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if wanted is not None and scheme.lower() == "bearer":
        if hmac.compare_digest(shown.strip().encode(), wanted.get_secret_value().encode()):
            return
    elif _is_loopback(host):
        return
    raise NotAllowed("Metrics are for this machine, or for who shows the token of DISTRICT_METRICS_TOKEN.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(kw_only=True)
class Monitor:
    """Gathers, and keeps what it gathered for a few seconds."""

    pool: Pool
    _text: bytes = b""
    _gathered_s: float = field(default=-KEPT_FOR_S)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def text(
        self, stream: JetStreamContext | None, districts: Iterable[DistrictInfo], *, now: datetime
    ) -> bytes:
        """Prometheus's text form; what does not answer in time is missing, and ``shangquan_up`` says so."""
        async with self._turn:
            if monotonic() - self._gathered_s >= KEPT_FOR_S:
                self._text = rendered(await self._gather(stream, list(districts), now=now))
                self._gathered_s = monotonic()
            return self._text

    async def _gather(
        self, stream: JetStreamContext | None, districts: Sequence[DistrictInfo], *, now: datetime
    ) -> list[Sample]:
        slugs = {info.id: info.slug for info in districts}
        stored, logged = await asyncio.gather(
            self._of_database(districts, now), of_stream(stream, slugs), return_exceptions=False
        )
        return [
            Sample(name="shangquan_up", value=float(stored is not None), labels=("database",)),
            Sample(name="shangquan_up", value=float(logged is not None), labels=("events",)),
            *(stored or ()),
            *(logged or ()),
        ]

    async def _of_database(self, districts: Sequence[DistrictInfo], now: datetime) -> list[Sample] | None:
        found: list[Sample] = []
        try:
            async with asyncio.timeout(ASKED_WITHIN_S), self.pool.connection() as connection:
                for info in districts:
                    found += await of_district(connection, info, now)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("metrics.database_away", error=type(error).__name__)
            return None
        return found

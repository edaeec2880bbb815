"""Metrics of the whole product for Prometheus: what the database and the event log say of every district, asked at a scrape.

Any web role answers for all roles, so none needs a port of its own. Labels are slugs and fixed words, never people.
"""

import asyncio
import hmac
import ipaddress
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import nats.errors
import psycopg
import structlog
from nats.js import JetStreamContext
from nats.js.errors import APIError
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from pydantic import SecretStr
from starlette.requests import Request

from district.clock import monotonic
from district.database import Pool
from district.deliveries.queries import WAITING_SQL as QUEUE_SQL
from district.districts.service import DistrictInfo
from district.events import SIGHTINGS_STREAM, SIGHTINGS_SUBJECT
from district.feeds.recorder import DURABLE
from district.problems import NotAllowed

ASKED_WITHIN_S = 3.0
KEPT_FOR_S = 5.0
"""A second scrape within this time gets the same answer: several scrapers cost no more than one."""
log = structlog.get_logger()

NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "shangquan_up": ("1 while the part answers the web role", ("part",)),
    "shangquan_sightings_today": (
        "Rows of feeds on this trading day, by what became of them",
        ("district", "outcome"),
    ),
    "shangquan_offers_today": ("Offers issued on this trading day", ("district",)),
    "shangquan_refusals_today": ("Offers not made on this trading day, by reason", ("district", "reason")),
    "shangquan_deliveries": ("Messages in the outbox, by state", ("district", "state")),
    "shangquan_deliveries_waiting": ("Messages that are due and have not left", ("district", "channel")),
    "shangquan_deliveries_oldest_seconds": (
        "How long the oldest of them has been due, machine time",
        ("district", "channel"),
    ),
    "shangquan_deliveries_sending_oldest_seconds": (
        "How long the oldest call to a provider has lasted, machine time",
        ("district", "channel"),
    ),
    "shangquan_redemptions_today": (
        "Coupons used on this trading day, reversed ones left out",
        ("district",),
    ),
    "shangquan_recorded_at_seconds": (
        "When the newest recorded sighting came in, business time",
        ("district",),
    ),
    "shangquan_engine_epoch": ("Rises each time that an engine takes the district", ("district",)),
    "shangquan_engine_rewinds": (
        "How often the event log was found to have lost what the engine had taken from it",
        ("district",),
    ),
    "shangquan_engine_reading": ("Engines that wait for the district's sightings: 1 is right", ("district",)),
    "shangquan_engine_waiting_messages": (
        "Messages that the district's engine has not taken yet",
        ("district",),
    ),
    "shangquan_recorder_waiting_messages": ("Messages that are not recorded yet", ()),
    "shangquan_session_endings_waiting": ("Wi-Fi sessions that are to end and have not", ("district",)),
    "shangquan_session_endings_oldest_seconds": (
        "How long the oldest of them waits, machine time",
        ("district",),
    ),
    "shangquan_nas_clocks_wrong": (
        "NAS heard in the last hour whose clock is more than two minutes from ours",
        ("district",),
    ),
    "shangquan_nas_times_disbelieved": ("Accounting packets whose time was not believed", ("district",)),
    "shangquan_happenings_waiting": ("Happenings that are due and not decided", ("district",)),
    "shangquan_happenings_oldest_seconds": (
        "How long the oldest of them has been due, business time",
        ("district",),
    ),
    "shangquan_occurrences_late_seconds": (
        "How long the next batch of a schedule's plan has been due, business time",
        ("district",),
    ),
    "shangquan_stream_bytes": ("Bytes of the sighting stream", ()),
    "shangquan_stream_limit_bytes": ("Bytes at which feeds are refused", ()),
}

SIGHTINGS_SQL = """
SELECT outcome, sum(rows) FROM feed_health
WHERE district_id = %(district_id)s AND trading_day = %(day)s GROUP BY outcome
"""
REFUSALS_SQL = """
SELECT reason, sum(times) FROM refusal WHERE district_id = %(district_id)s AND trading_day = %(day)s GROUP BY reason
"""
DELIVERIES_SQL = (
    "SELECT state, count(*) FROM outbox_message WHERE district_id = %(district_id)s GROUP BY state"
)
ACTS_SQL = """
SELECT (SELECT count(*) FROM offer
        WHERE district_id = %(district_id)s AND issued_at >= %(since)s
          AND campaign_id IN (SELECT id FROM campaign WHERE district_id = %(district_id)s)),
       (SELECT count(*) FROM redemption
        WHERE district_id = %(district_id)s AND redeemed_at >= %(since)s AND reversed_at IS NULL),
       (SELECT epoch FROM engine_owner WHERE district_id = %(district_id)s),
       (SELECT rewinds FROM engine_owner WHERE district_id = %(district_id)s),
       (SELECT max(last_at) FROM feed_health
        WHERE district_id = %(district_id)s AND trading_day = %(day)s AND outcome = 'recorded')
"""


WIFI_SQL = """
SELECT (SELECT count(*) FROM session_ending WHERE district_id = %(district_id)s AND done_at IS NULL),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(requested_at)), 0) FROM session_ending
        WHERE district_id = %(district_id)s AND done_at IS NULL),
       (SELECT count(*) FROM nas_clock WHERE district_id = %(district_id)s AND abs(ahead_s) > 120
          AND heard_at > clock_timestamp() - interval '1 hour'),
       (SELECT coalesce(sum(packets), 0) FROM nas_clock WHERE district_id = %(district_id)s)
"""
WAITING_SQL = """
SELECT count(*), coalesce(extract(epoch FROM %(now)s - min(due_at)), 0),
       (SELECT coalesce(extract(epoch FROM %(now)s - min(next_at)), 0) FROM occurrence
        JOIN campaign ON campaign.district_id = occurrence.district_id AND campaign.id = occurrence.campaign_id
        WHERE occurrence.district_id = %(district_id)s AND occurrence.state IN ('due', 'planning')
          AND next_at <= %(now)s AND campaign.state = 'live')
FROM pending_trigger WHERE district_id = %(district_id)s AND done_at IS NULL AND due_at <= %(now)s
"""
WAITING_NAMES = (
    "shangquan_happenings_waiting",
    "shangquan_happenings_oldest_seconds",
    "shangquan_occurrences_late_seconds",
)
WIFI_NAMES = (
    "shangquan_session_endings_waiting",
    "shangquan_session_endings_oldest_seconds",
    "shangquan_nas_clocks_wrong",
    "shangquan_nas_times_disbelieved",
)


QUEUE_NAMES = (
    "shangquan_deliveries_waiting",
    "shangquan_deliveries_oldest_seconds",
    "shangquan_deliveries_sending_oldest_seconds",
)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value of one metric."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


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
            self._of_database(districts, now), _of_stream(stream, slugs), return_exceptions=False
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
                    found += await _of_district(connection, info, now)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("metrics.database_away", error=type(error).__name__)
            return None
        return found


async def _of_district(
    connection: psycopg.AsyncConnection[tuple[object, ...]], info: DistrictInfo, now: datetime
) -> list[Sample]:
    day = info.trading_day(now)
    values = {"district_id": info.id, "day": day, "since": info.day_starts_at(day)}
    found: list[Sample] = []
    for name, sql in (
        ("shangquan_sightings_today", SIGHTINGS_SQL),
        ("shangquan_refusals_today", REFUSALS_SQL),
        ("shangquan_deliveries", DELIVERIES_SQL),
    ):
        rows = await (await connection.execute(sql.encode(), values)).fetchall()
        found += [
            Sample(name=name, value=float(str(count)), labels=(info.slug, str(word))) for word, count in rows
        ]
    found += await _of_queue(connection, info, now)
    row = await (await connection.execute(ACTS_SQL.encode(), values)).fetchone()
    assert row is not None  # noqa: S101  a row of sub-selects
    offers, redemptions, epoch, rewinds, recorded_at = row
    numbers = {
        "shangquan_offers_today": offers,
        "shangquan_redemptions_today": redemptions,
        "shangquan_engine_epoch": epoch,
        "shangquan_engine_rewinds": rewinds,
        "shangquan_recorded_at_seconds": recorded_at.timestamp()
        if isinstance(recorded_at, datetime)
        else None,
    }
    of_wifi = await (await connection.execute(WIFI_SQL.encode(), values)).fetchone()
    numbers |= dict(zip(WIFI_NAMES, of_wifi or (), strict=True))
    waiting = await (await connection.execute(WAITING_SQL.encode(), values | {"now": now})).fetchone()
    numbers |= dict(zip(WAITING_NAMES, waiting or (), strict=True))
    return found + [
        Sample(name=name, value=max(0.0, float(str(value))), labels=(info.slug,))
        for name, value in numbers.items()
        if value is not None
    ]


async def _of_queue(
    connection: psycopg.AsyncConnection[tuple[object, ...]], info: DistrictInfo, now: datetime
) -> list[Sample]:
    """What is due and what is on its way, by channel."""
    values = {"district_id": info.id, "now": now}
    rows = await (await connection.execute(QUEUE_SQL.encode(), values)).fetchall()
    found: list[Sample] = []
    for channel, waiting, oldest_s, _sending, oldest_sending_s in rows:
        for name, value in zip(QUEUE_NAMES, (waiting, oldest_s, oldest_sending_s), strict=True):
            figure = max(0.0, float(str(value)))
            found.append(Sample(name=name, value=figure, labels=(info.slug, str(channel))))
    return found


async def _of_stream(stream: JetStreamContext | None, slugs: dict[uuid.UUID, str]) -> list[Sample] | None:
    if stream is None:
        return None
    try:
        async with asyncio.timeout(ASKED_WITHIN_S):
            info = await stream.stream_info(SIGHTINGS_STREAM)
            consumers = await stream.consumers_info(SIGHTINGS_STREAM)
    except (nats.errors.Error, APIError, OSError, TimeoutError) as error:
        log.warning("metrics.events_away", error=type(error).__name__)
        return None
    found = [
        Sample(name="shangquan_stream_bytes", value=float(info.state.bytes)),
        Sample(name="shangquan_stream_limit_bytes", value=float(info.config.max_bytes or 0)),
    ]
    reading: dict[str, list[int]] = {slug: [] for slug in slugs.values()}
    for consumer in consumers:
        waiting = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
        if consumer.name == DURABLE:
            found.append(Sample(name="shangquan_recorder_waiting_messages", value=float(waiting)))
        subject = consumer.config.filter_subject or ""
        slug = slugs.get(_district_of(subject))
        if slug is not None and consumer.num_waiting:
            reading[slug].append(consumer.num_pending or 0)
    for slug, pending in reading.items():
        found.append(Sample(name="shangquan_engine_reading", value=float(len(pending)), labels=(slug,)))
        if pending:
            found.append(
                Sample(name="shangquan_engine_waiting_messages", value=float(min(pending)), labels=(slug,))
            )
    return found


NOWHERE = uuid.UUID(int=0)


def _district_of(subject: str) -> uuid.UUID:
    head, _, text = subject.partition(".")
    try:
        return uuid.UUID(text) if head == SIGHTINGS_SUBJECT else NOWHERE
    except ValueError:
        return NOWHERE


def rendered(samples: Iterable[Sample]) -> bytes:
    """The samples, with the process's own metrics before them."""
    registry = CollectorRegistry()
    gauges = {name: Gauge(name, text, labels, registry=registry) for name, (text, labels) in NAMES.items()}
    for sample in samples:
        gauge = gauges[sample.name]
        (gauge.labels(*sample.labels) if sample.labels else gauge).set(sample.value)
    return generate_latest() + generate_latest(registry)

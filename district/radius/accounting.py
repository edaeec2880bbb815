"""Accounting on its way: each packet into the event log before the NAS is told that it was taken."""

import hashlib
import uuid
from datetime import datetime, timedelta

import msgspec
import nats.errors
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

from district.problems import Unavailable
from district.radius.packets import AccountingRequest
from district.settings import Settings

STREAM = "RADIUS"
SUBJECT = "radius"
MAX_BYTES = 2 << 30
"""Some ten million packets: three days of a model district with the database away."""
ACKNOWLEDGE_WITHIN_S = 3.0
SKEW_ALLOWED = timedelta(seconds=120)
LONGEST_DELAY = timedelta(days=7)


class Told(msgspec.Struct, array_like=True, frozen=True, kw_only=True, tag="a"):
    """One accounting packet as the event log keeps it."""

    status: str
    unique_id: str
    at: datetime
    """Business time of what it tells."""
    received_at: datetime
    """Machine time of its arrival here."""
    session_id: str
    username: str
    client_id: str
    nas_address: str
    nas_identifier: str
    calling_station: str
    mac: str
    access_point_mac: str
    ssid: str
    framed_address: str
    session_s: int
    up_octets: int
    down_octets: int
    view: int
    terminate_cause: str
    mark: bytes
    ahead_s: int | None = None
    """How far the NAS's clock is ahead of ours; None: it said no time."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Told)


def told(request: AccountingRequest, *, now: datetime, machine_now: datetime) -> Told:
    """A packet with its instant: by the NAS's clock if that is right, else by ours less the delay that was told."""
    delay = min(timedelta(seconds=request.delay_s), LONGEST_DELAY)
    ahead = None if request.event_at is None else request.event_at - (machine_now - delay)
    if ahead is not None and abs(ahead) <= SKEW_ALLOWED:
        delay = max(delay - ahead, timedelta())
    return Told(
        status=request.status,
        unique_id=request.unique_id or unique_id_of(request),
        at=now - delay,
        received_at=machine_now,
        session_id=request.session_id,
        username=request.username,
        client_id=request.nas.client_id,
        nas_address=request.nas.address,
        nas_identifier=request.nas.identifier,
        calling_station=request.calling_station,
        mac=request.mac,
        access_point_mac=request.access_point_mac,
        ssid=request.ssid,
        framed_address=request.framed_address,
        session_s=request.session_s,
        up_octets=request.up_octets,
        down_octets=request.down_octets,
        view=request.view,
        terminate_cause=request.terminate_cause,
        mark=request.mark,
        ahead_s=None if ahead is None else round(ahead.total_seconds()),
    )


def unique_id_of(request: AccountingRequest) -> str:
    """What names the session when FreeRADIUS does not: who, which session, on which NAS."""
    parts = (request.username, request.session_id, request.nas.address, request.nas.identifier)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def subject_of(district_id: uuid.UUID) -> str:
    """Where a district's packets go."""
    return f"{SUBJECT}.{district_id}"


def unpack(data: bytes) -> Told:
    """A packet as it was kept. Raises: msgspec.DecodeError."""
    return _decoder.decode(data)


async def keep(
    stream: JetStreamContext | None, settings: Settings, district_id: uuid.UUID, packet: Told
) -> None:
    """Returns once the event log has the packet. The same twice is harmless: the rows are the same.

    Raises: Unavailable while the log is away or full; the NAS, or FreeRADIUS's spool, sends again.
    """
    if stream is None:
        raise Unavailable("The event log is not connected; send the same packet again.")
    data = _encoder.encode(packet)
    try:
        await _publish(stream, settings, district_id, data)
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise Unavailable("The event log is full or does not answer; send the same packet again.") from error


async def _publish(stream: JetStreamContext, settings: Settings, district_id: uuid.UUID, data: bytes) -> None:
    subject = subject_of(district_id)
    try:
        await stream.publish(subject, data, timeout=ACKNOWLEDGE_WITHIN_S)
    except NoStreamResponseError:
        await ensure_stream(stream, settings)
        await stream.publish(subject, data, timeout=ACKNOWLEDGE_WITHIN_S)


async def ensure_stream(stream: JetStreamContext, settings: Settings) -> None:
    """Make the stream when it is missing: file store, bounded age and bytes, full means refused."""
    try:
        await stream.stream_info(STREAM)
    except NotFoundError:
        await stream.add_stream(
            StreamConfig(
                name=STREAM,
                subjects=[f"{SUBJECT}.>"],
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                max_age=settings.event_max_age.total_seconds(),
                max_bytes=MAX_BYTES,
                num_replicas=settings.nats_replicas,
            )
        )

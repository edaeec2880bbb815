"""What is left of a closed membership: a keyed hash, in the database and in the event log, so that a backup brings nobody back.

A backup that is restored holds members who have left since. The event log does not go back with it: whoever is closed
there and open here is closed again, at the start of a worker and by ``district privacy replay-erasures``.
"""

import hmac
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import nats.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.members.models import Erasure, Member, MemberState
from district.settings import Settings

STREAM = "ERASURES"
SUBJECT = "erasures"
KEPT = timedelta(days=400)
"""Far longer than any backup may be."""
MAX_BYTES = 256 << 20
FETCH = 500
FETCH_WAIT_S = 1.0
COPIED_AT_ONCE = 200
LOOKED_AT_ONCE = 10_000


class Tombstone(msgspec.Struct, array_like=True, frozen=True, kw_only=True, tag="e"):
    """A closed membership, as the event log keeps it."""

    member_hash: bytes
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a replay did in one district."""

    known: int
    """Closed memberships of which the event log tells."""
    missing: int
    """Of which this database knew nothing."""
    erased: tuple[uuid.UUID, ...]


def hash_of(district: DistrictInfo, member_id: uuid.UUID) -> bytes:
    """Names a member to nobody but who has the district's key and the member's id."""
    return hmac.digest(district.alias_key, b"erased:" + member_id.bytes, "sha256")


def leave(session: Session, district: DistrictInfo, member_id: uuid.UUID, *, at: datetime) -> None:
    """In the transaction that closes the membership."""
    values = {"district_id": district.id, "member_hash": hash_of(district, member_id), "at": at}
    session.execute(insert(Erasure).values(values).on_conflict_do_nothing())


async def ensure_stream(stream: JetStreamContext, settings: Settings) -> None:
    """Make the stream when it is missing."""
    try:
        await stream.stream_info(STREAM)
    except NotFoundError:
        await stream.add_stream(
            StreamConfig(
                name=STREAM,
                subjects=[f"{SUBJECT}.>"],
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                max_age=KEPT.total_seconds(),
                max_bytes=MAX_BYTES,
                num_replicas=settings.nats_replicas,
            )
        )


def waiting(session: Session, district_id: uuid.UUID) -> Sequence[Erasure]:
    """Those that the event log does not have yet, the oldest first."""
    rows = select(Erasure).where(Erasure.district_id == district_id, Erasure.kept_at.is_(None))
    return session.scalars(rows.order_by(Erasure.at).limit(COPIED_AT_ONCE)).all()


async def publish(stream: JetStreamContext, district_id: uuid.UUID, rows: Iterable[Erasure]) -> list[bytes]:
    """Put them into the event log; what it has taken. The same one twice is harmless."""
    taken = []
    for row in rows:
        data = msgspec.msgpack.encode(Tombstone(member_hash=row.member_hash, at=row.at))
        await stream.publish(f"{SUBJECT}.{district_id}", data, headers={"Nats-Msg-Id": row.member_hash.hex()})
        taken.append(row.member_hash)
    return taken


def note_kept(session: Session, district_id: uuid.UUID, hashes: Sequence[bytes], *, clock: Clock) -> None:
    """The event log has them."""
    session.execute(
        update(Erasure)
        .where(Erasure.district_id == district_id, Erasure.member_hash.in_(hashes))
        .values(kept_at=clock.machine_now())
    )


async def read(stream: JetStreamContext, district_id: uuid.UUID) -> list[Tombstone]:
    """All that the event log has of a district."""
    subscription = await stream.pull_subscribe(
        f"{SUBJECT}.{district_id}",
        stream=STREAM,
        config=ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.ALL,
            inactive_threshold=60.0,
            mem_storage=True,
        ),
    )
    found: list[Tombstone] = []
    try:
        left = (await subscription.consumer_info()).num_pending or 0
        while len(found) < left:
            for message in await subscription.fetch(min(FETCH, left - len(found)), timeout=FETCH_WAIT_S):
                found.append(msgspec.msgpack.decode(message.data, type=Tombstone))  # noqa: PERF401 a page at a time
    except (nats.errors.TimeoutError, TimeoutError):
        pass
    finally:
        await subscription.unsubscribe()
    return found


def come_back(
    session: Session, district: DistrictInfo, told: Sequence[Tombstone]
) -> tuple[int, list[Member]]:
    """How many of these the database did not know, and which of those are members in it."""
    known = set(session.scalars(select(Erasure.member_hash).where(Erasure.district_id == district.id)))
    missing = {one.member_hash for one in told} - {bytes(one) for one in known}
    return len(missing), _open_members(session, district, missing) if missing else []


def _open_members(session: Session, district: DistrictInfo, hashes: set[bytes]) -> list[Member]:
    ids = session.execute(
        select(Member.id).where(Member.district_id == district.id, Member.state != MemberState.ERASED),
        execution_options={"yield_per": LOOKED_AT_ONCE},
    )
    found = [row[0] for row in ids if hash_of(district, row[0]) in hashes]
    members: list[Any] = [session.get(Member, (district.id, member_id)) for member_id in found]
    return [member for member in members if member is not None]

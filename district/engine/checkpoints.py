"""Checkpoints of a district's state in the event log's object store: where to go on after a restart."""

import asyncio
import contextlib
import uuid
from dataclasses import dataclass

import msgspec
import nats.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import ObjectStoreConfig
from nats.js.errors import (
    BadObjectMetaError,
    BucketNotFoundError,
    DigestMismatchError,
    NotFoundError,
)
from nats.js.object_store import ObjectStore

from district.engine.core import Core
from district.engine.places import Place
from geo.errors import GeoError

BUCKET = "engine"
READ_WITHIN_S = 5.0
"""Reading an object whose chunks are not there would wait for them for ever."""
log = structlog.get_logger()


class Checkpoint(msgspec.Struct, array_like=True, frozen=True):
    """The state after all messages up to the first of ``places``, whose effects are all committed."""

    version: int
    places: tuple[Place, ...]
    """Where the engine had been, the newest first."""
    epoch: int
    now_ms: int
    state: bytes
    rows: bytes
    devices: bytes
    members: bytes


VERSION = 2


@dataclass(kw_only=True)
class Checkpoints:
    """The object store, one object a district."""

    stream: JetStreamContext
    replicas: int

    async def save(self, district_id: uuid.UUID, checkpoint: Checkpoint) -> None:
        """Replace the district's checkpoint. Raises: nats.errors.Error."""
        bucket = await self._bucket()
        await bucket.put(str(district_id), msgspec.msgpack.encode(checkpoint))

    async def load(self, district_id: uuid.UUID) -> Checkpoint | None:
        """The last one; None when there is none that this version reads.

        A server that ends while a checkpoint is stored may leave one without its chunks. It counts as none, but only if
        the server answers all the same. Raises: nats.errors.Error, TimeoutError.
        """
        try:
            found = await self._read(district_id)
            return msgspec.msgpack.decode(found, type=Checkpoint)
        except NotFoundError:
            return None
        except TimeoutError as error:
            await self.stream.account_info()
            unreadable: Exception = error
        except (msgspec.DecodeError, BadObjectMetaError, DigestMismatchError) as error:
            unreadable = error
        log.error("engine.checkpoint_unreadable", district=str(district_id), error=type(unreadable).__name__)
        return None

    async def _read(self, district_id: uuid.UUID) -> bytes:
        """Twice, for the server may have been away the first time. Raises: nats.errors.Error, TimeoutError."""
        with contextlib.suppress(TimeoutError):
            return await self._read_once(district_id)
        return await self._read_once(district_id)

    async def _read_once(self, district_id: uuid.UUID) -> bytes:
        async with asyncio.timeout(READ_WITHIN_S):
            found = await (await self._bucket()).get(str(district_id))
        return found.data or b""

    async def _bucket(self) -> ObjectStore:
        try:
            return await self.stream.object_store(BUCKET)
        except (BucketNotFoundError, NotFoundError):
            config = ObjectStoreConfig(bucket=BUCKET, replicas=self.replicas)
            return await self.stream.create_object_store(BUCKET, config=config)


def take(core: Core, *, places: tuple[Place, ...], epoch: int) -> Checkpoint:
    """The state of this moment."""
    state, (rows, devices, members) = core.freeze()
    return Checkpoint(
        version=VERSION,
        places=places,
        epoch=epoch,
        now_ms=core.now_ms,
        state=state,
        rows=rows,
        devices=devices,
        members=members,
    )


def restore(core: Core, checkpoint: Checkpoint | None) -> tuple[Place, ...]:
    """Go on from a checkpoint; the places that it stands for, none when it cannot be used."""
    if checkpoint is None or checkpoint.version != VERSION:
        return ()
    try:
        core.thaw(
            checkpoint.state,
            (checkpoint.rows, checkpoint.devices, checkpoint.members),
            now_ms=checkpoint.now_ms,
        )
    except (GeoError, ValueError) as error:
        log.error("engine.checkpoint_refused", error=str(error))
        return ()
    return checkpoint.places


Unsaved = (nats.errors.Error, OSError, TimeoutError)

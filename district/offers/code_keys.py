"""Keys that sign what members' pages show: one signs, the next is told to tills before it does, the last is still believed.

Tills that are off line hold a district's public keys. So a key is published ANNOUNCED before it signs anything, and what
the one before it signed is believed for LEFT longer than it signs. All times are machine times.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.database import Pool, transaction
from district.problems import Conflict
from district.sealing import SealBroken, seal, unseal
from district.settings import Settings
from push.signed_code import Keyring, Sign

Connection = AsyncConnection[TupleRow]
ANNOUNCED = timedelta(hours=24)
LEFT = timedelta(minutes=10)
LIFE = timedelta(days=30)
KEPT = timedelta(days=30)
"""Codes that tills took off line are brought in late: so long the public half of a retired key is kept."""
_MOST_ID = 255
_OWN_SECRET = secrets.token_urlsafe(32)
"""Without a secret of the installation keys live as long as the process."""
log = structlog.get_logger()

KEYS_SQL = """
SELECT key_id, public, sealed, created_at, signs_from, retires_at FROM code_key
WHERE district_id = %(district_id)s AND (retires_at IS NULL OR retires_at > %(since)s)
ORDER BY signs_from DESC, created_at DESC, key_id
"""
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('code_key|' || %(district_id)s::text, 0))"
LAST_ID_SQL = """
SELECT key_id FROM code_key WHERE district_id = %(district_id)s ORDER BY created_at DESC, signs_from DESC LIMIT 1
"""
FREE_ID_SQL = """
DELETE FROM code_key WHERE district_id = %(district_id)s AND key_id = %(key_id)s AND retires_at <= %(now)s
"""
ADD_SQL = """
INSERT INTO code_key (district_id, key_id, public, sealed, created_at, signs_from)
VALUES (%(district_id)s, %(key_id)s, %(public)s, %(sealed)s, %(now)s, %(signs_from)s)
ON CONFLICT DO NOTHING RETURNING key_id
"""
RETIRE_SQL = """
UPDATE code_key SET retires_at = least(retires_at, %(retires_at)s)
WHERE district_id = %(district_id)s AND key_id <> %(key_id)s AND (retires_at IS NULL OR retires_at > %(retires_at)s)
"""
FORGET_SQL = "DELETE FROM code_key WHERE district_id = %(district_id)s AND retires_at <= %(before)s"


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """A key as it is stored."""

    key_id: int
    public: bytes
    sealed: bytes
    created_at: datetime
    signs_from: datetime
    retires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Signer:
    """The key that signs now."""

    key_id: int
    sign: Sign


def secret_of(settings: Settings) -> str:
    """What keys are sealed with: the installation's secret."""
    return settings.secret.get_secret_value() if settings.secret else _OWN_SECRET


async def live(connection: Connection, district_id: uuid.UUID, *, since: datetime) -> Sequence[StoredKey]:
    """The keys that are believed, or were at ``since``; the newest to sign first."""
    cursor = await connection.execute(KEYS_SQL, {"district_id": district_id, "since": since})
    return [
        StoredKey(
            key_id=key_id,
            public=bytes(public),
            sealed=bytes(sealed),
            created_at=created_at,
            signs_from=signs_from,
            retires_at=retires_at,
        )
        for key_id, public, sealed, created_at, signs_from, retires_at in await cursor.fetchall()
    ]


async def keyring(connection: Connection, district_id: uuid.UUID, *, since: datetime) -> Keyring:
    """The public keys that are believed, or were at ``since``."""
    keys = await live(connection, district_id, since=since)
    return Keyring(
        district_id=district_id,
        keys={one.key_id: Ed25519PublicKey.from_public_bytes(one.public) for one in keys},
    )


async def signer(connection: Connection, district_id: uuid.UUID, secret: str, *, now: datetime) -> Signer:
    """The key that signs now; a district's first one is made when it is first asked for.

    One that was sealed with another secret signs no more.
    """
    for one in await live(connection, district_id, since=now):
        if one.signs_from <= now:
            opened = _opened(one, district_id, secret)
            if opened is not None:
                return opened
    async with connection.transaction():
        await connection.execute(LOCK_SQL, {"district_id": district_id})
        for one in await live(connection, district_id, since=now):
            opened = _opened(one, district_id, secret) if one.signs_from <= now else None
            if opened is not None:
                return opened
        made = await _add(connection, district_id, secret, now=now, signs_from=now)
        return Signer(key_id=made[0], sign=made[1].sign)


def _opened(key: StoredKey, district_id: uuid.UUID, secret: str) -> Signer | None:
    """The key; None when it was sealed with another secret: a new one takes its place."""
    try:
        raw = unseal(secret, key.sealed, about=_about(district_id, key.key_id))
    except SealBroken:
        log.warning("code_key.sealed_otherwise", district=str(district_id), key_id=key.key_id)
        return None
    return Signer(key_id=key.key_id, sign=Ed25519PrivateKey.from_private_bytes(raw).sign)


async def rotate(
    pool: Pool, district_id: uuid.UUID, secret: str, *, now: datetime, at_once: bool = False
) -> Sequence[StoredKey]:
    """Make the next key; asked again before it signs, nothing new is made. The keys that are believed now.

    ``at_once`` is for a key that others may know: the new one signs now, and nothing else is believed any more.
    Raises: Conflict when no id is free.
    """
    async with transaction(pool) as connection:
        await connection.execute(LOCK_SQL, {"district_id": district_id})
        keys = await live(connection, district_id, since=now)
        if at_once or not any(one.signs_from > now for one in keys):
            signs_from = now if at_once or not keys else now + ANNOUNCED
            key_id, _ = await _add(connection, district_id, secret, now=now, signs_from=signs_from)
            retires_at = now if at_once else signs_from + LEFT
            values = {"district_id": district_id, "key_id": key_id, "retires_at": retires_at}
            await connection.execute(RETIRE_SQL, values)
        return await live(connection, district_id, since=now)


async def renew(pool: Pool, district_id: uuid.UUID, secret: str, *, now: datetime) -> bool:
    """Rotate what has signed for LIFE, and forget what was retired long ago; whether there is a new key."""
    async with pool.connection() as connection:
        await connection.execute(FORGET_SQL, {"district_id": district_id, "before": now - KEPT})
        keys = await live(connection, district_id, since=now)
    if not keys or now - max(one.created_at for one in keys) < LIFE:
        return False
    await rotate(pool, district_id, secret, now=now)
    return True


async def _add(
    connection: Connection, district_id: uuid.UUID, secret: str, *, now: datetime, signs_from: datetime
) -> tuple[int, Ed25519PrivateKey]:
    values = {"district_id": district_id, "now": now, "signs_from": signs_from}
    row = await (await connection.execute(LAST_ID_SQL, values)).fetchone()
    key_id = 1 if row is None else int(row[0]) % _MOST_ID + 1
    private = Ed25519PrivateKey.generate()
    values |= {
        "key_id": key_id,
        "public": private.public_key().public_bytes_raw(),
        "sealed": seal(secret, private.private_bytes_raw(), about=_about(district_id, key_id)),
    }
    await connection.execute(FREE_ID_SQL, values)
    if await (await connection.execute(ADD_SQL, values)).fetchone() is None:
        raise Conflict("All 255 ids of keys are in use: wait until one has retired.")
    return key_id, private


def _about(district_id: uuid.UUID, key_id: int) -> str:
    return f"code_key|{district_id}|{key_id}"

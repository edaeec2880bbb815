"""Which telephones have which coupons: what Apple's wallet asks and tells, by the paths and answers that Apple publishes."""

import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from district.database import Pool, new_id
from district.deliveries import wallet_queries as queries
from district.deliveries.wallet_passes import Desk, WalletRow, token_of
from push.wording import Language, language_of

MOST_DEVICES: Final = 10
"""Telephones of one coupon; the one that registered first makes room."""
MOST_LISTED: Final = 500
LIVE: Final = frozenset({"reserved", "issued", "opened"})
_SCHEME: Final = "ApplePass "
_PUSH_TOKEN: Final = re.compile(r"(?:[0-9a-fA-F]{2}){16,100}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NO_DEVICE: Final = hashlib.sha256(b"").digest()


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Whose a coupon is, and how it stands."""

    offer_id: uuid.UUID
    member_id: uuid.UUID
    language: Language
    state: str


def device_hash(device: str) -> bytes:
    """How a telephone's name for itself is kept."""
    return hashlib.sha256(device.encode()).digest()


def is_push_token(text: object) -> bool:
    """Whether this can be where a wallet is told."""
    return isinstance(text, str) and _PUSH_TOKEN.fullmatch(text) is not None


async def holder(desk: Desk, serial: str, authorization: str) -> Holder | None:
    """The coupon that a wallet shows the token of; None for any other."""
    try:
        offer_id = uuid.UUID(serial)
    except ValueError:
        return None
    wanted = _SCHEME + token_of(desk.secret, desk.district.id, offer_id)
    if not desk.secret or not hmac.compare_digest(wanted.encode(), authorization.encode()):
        return None
    return await holder_of(desk.pool, desk.district.id, offer_id)


async def holder_of(pool: Pool, district_id: uuid.UUID, offer_id: uuid.UUID) -> Holder | None:
    """Whose it is; None when it, or its member, is gone."""
    values = {"district_id": district_id, "offer_id": offer_id}
    async with pool.connection() as connection:
        row = await (await connection.execute(queries.HOLDER_SQL, values)).fetchone()
    if row is None:
        return None
    language = language_of(row[1]) or Language.EN
    return Holder(offer_id=offer_id, member_id=row[0], language=language, state=row[2])


async def register(desk: Desk, row: WalletRow, known: Holder, device: bytes, push_token: str) -> bool:
    """Keep where to tell a wallet of changes; whether it is new."""
    keys = _keys(desk, row, known.offer_id, device)
    values = {
        "id": new_id(),
        "member_id": known.member_id,
        "push_token": push_token.lower(),
        "state": "live" if known.state in LIVE else "over",
        "most": MOST_DEVICES,
    }
    async with desk.pool.connection() as connection, connection.transaction():
        made = await (await connection.execute(queries.REGISTER_SQL, {**keys, **values})).fetchone()
        await connection.execute(queries.MAKE_ROOM_SQL, {**keys, **values})
    return bool(made and made[0])


async def unregister(desk: Desk, row: WalletRow, known: Holder, device: bytes) -> None:
    """Forget a telephone's copy."""
    async with desk.pool.connection() as connection:
        await connection.execute(queries.UNREGISTER_SQL, _keys(desk, row, known.offer_id, device))


async def changed(desk: Desk, row: WalletRow, device: bytes, since: str) -> tuple[list[str], str] | None:
    """The serials that changed for a telephone after a tag, and the next tag; None for a telephone that has none."""
    keys = {"district_id": desk.district.id, "provider_id": row.id, "device_hash": device}
    async with desk.pool.connection() as connection:
        if await (await connection.execute(queries.IS_KNOWN_SQL, keys)).fetchone() is None:
            return None
        values = {**keys, "since": _instant(since), "limit": MOST_LISTED}
        rows = await (await connection.execute(queries.CHANGED_SINCE_SQL, values)).fetchall()
    return [str(one[0]) for one in rows], _tag(rows[-1][1]) if rows else since


def _keys(desk: Desk, row: WalletRow, offer_id: uuid.UUID, device: bytes) -> dict[str, Any]:
    return {
        "district_id": desk.district.id,
        "provider_id": row.id,
        "offer_id": offer_id,
        "device_hash": device,
    }


def _tag(at: datetime) -> str:
    """A time as wallets hand it back: microseconds since 1970."""
    return str((at - _EPOCH) // timedelta(microseconds=1))


def _instant(tag: str) -> datetime:
    """The beginning for what is no tag of ours."""
    is_ours = tag.isascii() and tag.isdigit() and len(tag) <= 17
    return _EPOCH + timedelta(microseconds=int(tag)) if is_ours else _EPOCH

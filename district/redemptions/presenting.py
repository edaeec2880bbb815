"""What a till was shown: the coupon's lasting code, the signed one of the member's page, or one that was typed."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.offers import code_keys
from push import typed_code
from push.coupon import normalise
from push.signed_code import SignedCode, decode, is_signed

Connection = AsyncConnection[TupleRow]


class CodeKind(StrEnum):
    """Which kind of code it is."""

    STATIC = "static"
    SIGNED = "signed"
    TYPED = "typed"


@dataclass(frozen=True, kw_only=True)
class Presented:
    """A code as it was understood."""

    kind: CodeKind
    name: str
    """What is the same when the same coupon is presented again: a till may scan the next of its signed codes."""
    code: str = ""
    signed: SignedCode | None = None
    typed_hash: bytes | None = None


async def read(
    connection: Connection, district_id: uuid.UUID, text: str, *, machine_now: datetime
) -> Presented:
    """What a text is. Its age is not judged yet. Raises: CodeMalformed, ForgedCode."""
    if not is_signed(text):
        return unsigned(district_id, text)
    keyring = await code_keys.keyring(connection, district_id, since=machine_now)
    signed = decode(text, keyring)
    return Presented(kind=CodeKind.SIGNED, name=f"signed:{signed.offer_id}", signed=signed)


def unsigned(district_id: uuid.UUID, text: str) -> Presented:
    """What a text is that claims no signature. Raises: CodeMalformed."""
    if typed_code.is_typed(text):
        typed = typed_code.normalise(text)
        return Presented(
            kind=CodeKind.TYPED, name=f"typed:{typed}", typed_hash=typed_hash(district_id, typed)
        )
    code = normalise(text)
    return Presented(kind=CodeKind.STATIC, name=code, code=code)


def typed_hash(district_id: uuid.UUID, typed: typed_code.TypedCode) -> bytes:
    """How a typed code is stored; it lives for two minutes, so that a plain hash is enough."""
    return hashlib.sha256(f"typed|{district_id}|{typed}".encode()).digest()

"""The code that a member's page shows: it says what it is worth, who gave it and when, and grows old in half a minute.

``encode(code, sign, district_id=…) -> str`` and ``decode(text, keys) -> SignedCode`` are all there is to know: ``sign`` makes an Ed25519
signature of bytes, ``keys`` is a ``Keyring`` of the district's public keys. Both are pure; who decodes judges the age by
``is_fresh``. Layout before Crockford's base 32, integers big-endian: key id (1), district tag (8), offer id (16),
campaign tag (8), member tag (8), store tag (8), step (4), last second (4), flags (1), nonce (4), value (2 to 17), Ed25519 signature (64).
Source: RFC 8032 for the signature, of a context, the district's whole id and all that stands before it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from push.coupon import CodeMalformed, cleaned
from push.crockford import Unreadable, pack, unpack
from push.errors import PushError
from push.identifiers import OfferId
from push.offer import OfferValue, StacksWith, ValueKind
from push.signed_value import ValueUnreadable, read_figures, write_figures

PREFIX = "SQ1"
"""The version; what begins otherwise is another kind of code."""
STEP = timedelta(seconds=30)
GRACE = timedelta(seconds=5)
MAX_SYMBOLS = 262
"""With the prefix: what a QR code of version 9 with correction M holds in its alphanumeric mode; most fit version 8."""
TAG_BYTES = 8
NONCE_BYTES = 4
ANY_STORE = bytes(TAG_BYTES)
"""The store tag of a code that is not bound to one store: a server says where it holds."""

Sign = Callable[[bytes], bytes]
"""An Ed25519 signature (64 bytes) of bytes."""

_CONTEXT = b"shangquan coupon 1\0"
_SIGNATURE_BYTES = 64
_FIXED = 62
_OFFLINE = 1
_STACKS = {StacksWith.MEMBER_PRICE: 2, StacksWith.COUPON: 4, StacksWith.POINTS: 8}
_ALL_FLAGS = _OFFLINE | sum(_STACKS.values())


class ForgedCode(PushError):
    """A code that this district did not sign, or not as it stands."""

    def __init__(self) -> None:
        super().__init__("This code was not made here: ask for the code on the member's own page.")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedCode:
    """What a code says. ``step`` counts STEPs of machine time since 1970; ``valid_until`` is business time, whole seconds."""

    key_id: int
    offer_id: OfferId
    campaign_tag: bytes
    member_tag: bytes
    value: OfferValue
    stacks_with: frozenset[StacksWith]
    step: int
    valid_until: datetime
    nonce: bytes
    store_tag: bytes = ANY_STORE
    """The one store in which it holds."""
    is_offline_ok: bool = False
    """Whether a till may take it that cannot ask."""

    @property
    def expires_at(self) -> datetime:
        """Machine time at which the next code is to be shown."""
        return expires_at(self.step)


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyring:
    """A district's public keys by their ids, all that may have signed what is still to be read."""

    district_id: UUID
    keys: Mapping[int, Ed25519PublicKey]


def tag(id_: UUID) -> bytes:
    """The 8 bytes that stand for an id where there is no room for all: the random half of a UUIDv7."""
    return id_.bytes[TAG_BYTES:]


def member_tag(district_id: UUID, member_id: UUID) -> bytes:
    """The 8 bytes that bind a code to its member and tell nobody who that is."""
    return hashlib.sha256(b"member|" + district_id.bytes + member_id.bytes).digest()[:TAG_BYTES]


def step_of(at: datetime) -> int:
    """The step in which a code shown at this machine time is issued."""
    return int(at.timestamp() // STEP.total_seconds())


def expires_at(step: int) -> datetime:
    """Machine time at which the next step begins."""
    return datetime.fromtimestamp((step + 1) * STEP.total_seconds(), tz=UTC)


def is_fresh(code: SignedCode, now: datetime, *, skew: timedelta = timedelta()) -> bool:
    """Whether a code is of now, by the machine time of who reads it, which may be off by the skew at most."""
    begins = datetime.fromtimestamp(code.step * STEP.total_seconds(), tz=UTC)
    return begins - GRACE - skew <= now < begins + STEP + GRACE + skew


def is_signed(text: str) -> bool:
    """Whether a scanned text claims to be such a code, in whatever case."""
    return len(text) > len(PREFIX) and cleaned(text[: 4 * len(PREFIX)]).startswith(PREFIX)


def encode(code: SignedCode, sign: Sign, *, district_id: UUID) -> str:
    """The text of a code: at most MAX_SYMBOLS letters and digits, for a QR code in alphanumeric mode.

    Raises: ValueError for what no code can say: tags of other lengths, a worth still to be drawn.
    """
    payload = _payload(code, district_id)
    signature = sign(_CONTEXT + district_id.bytes + payload)
    if len(signature) != _SIGNATURE_BYTES:
        raise ValueError("An Ed25519 signature has 64 bytes.")
    text = PREFIX + pack(payload + signature)
    if len(text) > MAX_SYMBOLS:
        raise ValueError(f"A code has {MAX_SYMBOLS} symbols at most.")
    return text


def decode(text: str, keyring: Keyring) -> SignedCode:
    """What a code says, whatever case, blanks and dashes a scanner added.

    Raises: CodeMalformed for what is none; ForgedCode for one that no key of this district signed.
    """
    symbols = cleaned(text)
    if not symbols.startswith(PREFIX) or len(symbols) > MAX_SYMBOLS:
        raise CodeMalformed
    try:
        whole = unpack(symbols[len(PREFIX) :])
    except Unreadable:
        raise CodeMalformed from None
    payload, signature = whole[:-_SIGNATURE_BYTES], whole[-_SIGNATURE_BYTES:]
    if len(payload) <= _FIXED:
        raise CodeMalformed
    _check(payload, signature, keyring)
    try:
        return _read(payload)
    except (ValueUnreadable, ValueError, OverflowError):
        raise CodeMalformed from None


def _check(payload: bytes, signature: bytes, keyring: Keyring) -> None:
    """Raises: ForgedCode."""
    key = keyring.keys.get(payload[0])
    if key is None or payload[1:9] != tag(keyring.district_id):
        raise ForgedCode
    try:
        key.verify(signature, _CONTEXT + keyring.district_id.bytes + payload)
    except InvalidSignature:
        raise ForgedCode from None


def _payload(code: SignedCode, district_id: UUID) -> bytes:
    tags = (code.campaign_tag, code.member_tag, code.store_tag)
    if any(len(one) != TAG_BYTES for one in tags) or len(code.nonce) != NONCE_BYTES:
        raise ValueError(f"A tag has {TAG_BYTES} bytes, a nonce {NONCE_BYTES}.")
    if code.value.kind is ValueKind.RANDOM:
        raise ValueError("A red packet is signed with what was drawn.")
    flags = sum(_STACKS[one] for one in code.stacks_with) | (_OFFLINE if code.is_offline_ok else 0)
    return b"".join(
        (
            code.key_id.to_bytes(1),
            tag(district_id),
            code.offer_id.bytes,
            *tags,
            code.step.to_bytes(4),
            int(code.valid_until.timestamp()).to_bytes(4),
            flags.to_bytes(1),
            code.nonce,
            write_figures(code.value),
        )
    )


def _read(payload: bytes) -> SignedCode:
    flags = payload[57]
    if flags & ~_ALL_FLAGS:
        raise ValueUnreadable
    return SignedCode(
        key_id=payload[0],
        offer_id=OfferId(UUID(bytes=payload[9:25])),
        campaign_tag=payload[25:33],
        member_tag=payload[33:41],
        store_tag=payload[41:49],
        step=int.from_bytes(payload[49:53]),
        valid_until=datetime.fromtimestamp(int.from_bytes(payload[53:57]), tz=UTC),
        is_offline_ok=bool(flags & _OFFLINE),
        stacks_with=frozenset(one for one, bit in _STACKS.items() if flags & bit),
        nonce=payload[58:62],
        value=read_figures(payload[_FIXED:]),
    )

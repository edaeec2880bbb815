"""What a till's entry says, and when it can have been: pure, of values that the settling has read."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from district.offers.code_keys import StoredKey
from district.redemptions.offline_schemas import Entry
from push.coupon import CodeMalformed
from push.signed_code import GRACE, STEP, ForgedCode, Keyring, SignedCode, decode, tag

STEADY = timedelta(seconds=60)
"""A till's clock may drift by so much since its kit; what goes further is not believed at all."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """A journal as its row has it."""

    till: str
    store_id: uuid.UUID
    key: bytes
    opened_at: datetime
    skew: timedelta
    list_until: datetime
    uses_left: int
    minor_left: int


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys that may have signed what is brought in, and since when some sign no more."""

    ring: Keyring
    retired: Mapping[int, datetime]


def keys_of(district_id: uuid.UUID, stored: Sequence[StoredKey]) -> Keys:
    """A district's keys as they are read here."""
    public = {one.key_id: Ed25519PublicKey.from_public_bytes(one.public) for one in stored}
    return Keys(
        ring=Keyring(district_id=district_id, keys=public),
        retired={one.key_id: one.retires_at for one in stored if one.retires_at is not None},
    )


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A coupon's code as it was shown at the counter. Machine times."""

    code: SignedCode
    shown_at: datetime
    """When the district signed it: it cannot have been taken before."""
    believed_at: datetime | None
    """When it was taken, as far as the till's clock is believed."""

    @property
    def at(self) -> datetime:
        """When it was taken."""
        return self.believed_at or self.shown_at


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A code that no till should have taken."""

    reason: str
    offer_id: uuid.UUID | None = None


def mark_of(key: bytes, before: str, entry: Entry) -> str:
    """The authentication code that the entry must have; ``before`` is the mark of the one before it, or the journal's id."""
    bill = "" if entry.bill_minor is None else str(entry.bill_minor)
    text = f"{before}|{entry.seq}|{entry.code}|{bill}|{entry.at_ms}|{entry.tried or ''}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def read(
    entry: Entry, device: Device, keys: Keys, *, now: datetime, is_clock_steady: bool
) -> Shown | Unusable:
    """The code of an entry, when this district signed it for this shop's tills and it was fresh. ``now`` is machine time."""
    try:
        code = decode(entry.code, keys.ring)
    except CodeMalformed:
        return Unusable(reason="unknown-code")
    except ForgedCode:
        return Unusable(reason="forged-code")
    shown_at = datetime.fromtimestamp(code.step * STEP.total_seconds(), tz=UTC)
    offer_id = uuid.UUID(bytes=code.offer_id.bytes)
    retired_at = keys.retired.get(code.key_id)
    if retired_at is not None and retired_at < shown_at:
        return Unusable(reason="forged-code")
    if not code.is_offline_ok:
        return Unusable(reason="online-only", offer_id=offer_id)
    if code.store_tag != tag(device.store_id):
        return Unusable(reason="other-store", offer_id=offer_id)
    believed_at = _believed(entry, device, now=now) if is_clock_steady else None
    if believed_at is not None and not _is_near(shown_at, believed_at):
        return Unusable(reason="code-stale", offer_id=offer_id)
    if shown_at > now + GRACE:
        return Unusable(reason="code-stale", offer_id=offer_id)
    return Shown(code=code, shown_at=shown_at, believed_at=believed_at)


def _believed(entry: Entry, device: Device, *, now: datetime) -> datetime | None:
    """The till's time by the server's clock, when it can be: after its journal began, and not to come."""
    at = entry.at - device.skew
    return min(at, now) if device.opened_at - STEADY <= at <= now + STEADY else None


def _is_near(shown_at: datetime, at: datetime) -> bool:
    return shown_at - GRACE - STEADY <= at < shown_at + STEP + GRACE + STEADY

"""From a MAC address to the pseudonyms under which a device is known: an alias for members, a device for one day.

alias = HMAC-SHA256(district's alias key, the MAC's 6 bytes)[:16], as members.service makes it; device = HMAC-SHA256(day's salt, alias)[:16]. No MAC leaves the edge.
"""

import hashlib
import hmac

from district.sightings.stems import STEM_BYTES

PSEUDONYM_BYTES = 16
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class KeyedHash:
    """HMAC-SHA256 (RFC 2104) under one key, whose two blocks are hashed once: a third of the time of ``hmac.digest``."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyedHash) and hmac.compare_digest(self.digest(b""), other.digest(b""))

    def __hash__(self) -> int:
        return hash(self.digest(b""))

    def digest(self, message: bytes) -> bytes:
        """32 bytes."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def pseudonym(self, message: bytes) -> bytes:
        """16 bytes."""
        return self.digest(message)[:PSEUDONYM_BYTES]


def mac_bytes(text: str) -> bytes | None:
    """The six bytes of a MAC in any of the usual spellings (colons, dashes, dots, none); None for anything else."""
    try:
        found = bytes.fromhex(text.replace(":", "").replace("-", "").replace(".", ""))
    except ValueError:
        return None
    return found if len(found) == 6 else None


def member_alias_of(aliases: KeyedHash, member_id: bytes) -> bytes:
    """The alias that stands for a member, by the 16 bytes of his id, whose own program told where he is."""
    return aliases.pseudonym(b"member:" + member_id)


def stem(key: bytes, alias: bytes) -> bytes:
    """What identifies a device's sightings among those of one feed and instant: the same whenever they are sent again.

    ``key`` is of one trading day, so that rows of two days are not linked by it.
    """
    return hashlib.blake2b(alias, digest_size=STEM_BYTES, key=key).digest()

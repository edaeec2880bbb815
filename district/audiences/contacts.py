"""The key under which uploaded numbers and addresses are kept, and its use."""

import hmac
from dataclasses import dataclass

from district.districts.service import DistrictInfo

HASH_BYTES = 16
_BLOCK_BYTES = 64
_PURPOSE = b"contact-list"


@dataclass(frozen=True)
class ListKey:
    """A district's key for contacts: derived, so that no table of MAC pseudonyms answers for them."""

    secret: bytes

    @classmethod
    def of(cls, district: DistrictInfo) -> "ListKey":
        """The key of this district."""
        return cls(hmac.digest(district.alias_key, _PURPOSE, "sha256"))

    def hash(self, contact: str) -> bytes:
        """What is kept of a number in E.164 or an address in lower case."""
        return hmac.digest(self.secret, contact.encode(), "sha256")[:HASH_BYTES]

    @property
    def padded(self) -> dict[str, bytes]:
        """The two halves of RFC 2104 §2, as the statements take them."""
        key = self.secret.ljust(_BLOCK_BYTES, b"\0")
        return {
            "list_inner": bytes(byte ^ 0x36 for byte in key),
            "list_outer": bytes(byte ^ 0x5C for byte in key),
        }

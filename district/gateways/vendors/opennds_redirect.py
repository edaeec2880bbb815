"""What an openNDS redirect says, at each of its security levels; as seen from Debian's openNDS 9.10."""

import base64
import binascii
import re
from urllib.parse import unquote

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from district.gateways.causes import Cause
from district.gateways.redirects import MAX_QUERY_BYTES, BadRedirect

SEPARATOR = ", "
BLOCK_BITS, BLOCK_BYTES, KEY_BYTES = 128, 16, 32
ORDER = (
    "hid",
    "clientip",
    "clientmac",
    "client_type",
    "gatewayname",
    "gatewayurl",
    "version",
    "gatewayaddress",
    "gatewaymac",
    "authdir",
    "originurl",
    "clientif",
)
"""The fields that we read or know, as openNDS writes them one after the other."""
ALWAYS = frozenset({"hid", "clientip", "clientmac", "gatewayname", "gatewayaddress"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}\Z")


class Unreadable(BadRedirect):
    """One answer for whatever is wrong with an encrypted redirect: more would help to forge one."""

    def __init__(self) -> None:
        super().__init__(
            "The redirect cannot be read with this gateway's key: check faskey and fas_secure_enabled.",
            cause=Cause.SIGNATURE,
        )


def clear_fields(raw_query: bytes) -> dict[str, str]:
    """The fields of levels 1 and 4. Raises: BadRedirect."""
    payload = _decoded(_parameter(raw_query, "fas"))
    return _fields(payload.decode("utf-8", "replace"))


def encrypted_fields(raw_query: bytes, key: str) -> dict[str, str]:
    """The fields of levels 2 and 3: AES-256-CBC, encoded twice.

    ``iv`` is among the fields: it is new in every redirect, where the hid stays a device's for as long as it waits.

    The cipher by itself proves nothing: who holds a redirect of his own can change bits of it, at the price of sixteen
    bytes of noise in front of each change. So the text is believed only if every byte of it is as openNDS writes it.

    Raises: BadRedirect, always the same one for what cannot be decrypted.
    """
    iv = _parameter(raw_query, "iv")
    try:
        sealed = _decoded(_decoded(_parameter(raw_query, "fas")).decode("ascii"))
    except (BadRedirect, UnicodeDecodeError):
        raise Unreadable from None
    if len(iv) != BLOCK_BYTES or not iv.isascii() or not sealed or len(sealed) % BLOCK_BYTES:
        raise Unreadable
    text = _opened(sealed, key=key.strip().encode()[:KEY_BYTES].ljust(KEY_BYTES, b"\0"), iv=iv.encode())
    fields = _fields(text)
    if not text.isascii() or not text.isprintable() or not _is_as_written(text):
        raise Unreadable
    return fields | {"iv": iv}


def _opened(sealed: bytes, *, key: bytes, iv: bytes) -> str:
    opening = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padded = opening.update(sealed) + opening.finalize()
    unpadding = PKCS7(BLOCK_BITS).unpadder()
    try:
        return (unpadding.update(padded) + unpadding.finalize()).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        raise Unreadable from None


def _is_as_written(text: str) -> bool:
    """Whether the named fields are whole, once each, in openNDS's order, with nothing else before the last of them."""
    items = text.split(SEPARATOR)
    names = [item.partition("=")[0] for item in items if "=" in item]
    known = [name for name in names if name in ORDER]
    last = names.index(known[-1]) if known else 0
    return (
        set(known) >= ALWAYS
        and known == sorted(set(known), key=ORDER.index)
        and all("=" in item and _NAME.match(item.partition("=")[0]) for item in items[: last + 1])
    )


def _parameter(raw_query: bytes, name: str) -> str:
    """A parameter as the gateway wrote it: it does not percent-encode base64, so a ``+`` may have become a blank."""
    if len(raw_query) > MAX_QUERY_BYTES:
        raise BadRedirect("The redirect is too long.")
    prefix = f"{name}=".encode()
    found = [part[len(prefix) :] for part in raw_query.split(b"&") if part.startswith(prefix)]
    if len(found) != 1:
        raise BadRedirect(f"The redirect needs exactly one {name}.")
    return unquote(found[0].decode("latin-1")).replace(" ", "+")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadRedirect(
            "The redirect's fas is not base64: the gateway's level differs from fas_secure_enabled.",
            cause=Cause.SIGNATURE,
        ) from None


def _fields(payload: str) -> dict[str, str]:
    """Names and values; of a name that comes twice the first counts, as the last ones are the operator's own."""
    found: dict[str, str] = {}
    for item in payload.split(SEPARATOR):
        name, sign, value = item.partition("=")
        if sign:
            found.setdefault(name.strip(), value)
    return found

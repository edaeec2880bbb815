"""RSA2 signatures of Alipay's open platform: SHA-256 with RSA over sorted parameters, and over an answer's own text.

Source: opendocs.alipay.com/common/02kf5q (signing), 02mse7 (checking answers).
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from push.errors import PushError

LEAST_BITS: Final = 2_048


class KeyInvalid(PushError):
    """A key that is none."""


def private_key_of(text: str) -> RSAPrivateKey:
    """The application's key: PKCS #8 or PKCS #1 in base64, with or without its first and last line. Raises: KeyInvalid."""
    try:
        key = load_der_private_key(_der(text), password=None)
    except (ValueError, TypeError, binascii.Error):
        raise KeyInvalid("This is not a private key in base64 or PEM.") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise KeyInvalid(f"Use an RSA key of {LEAST_BITS} bits: RSA2.")
    return key


def public_key_of(text: str) -> RSAPublicKey:
    """Alipay's key, by which its answers are checked. Raises: KeyInvalid."""
    try:
        key = load_der_public_key(_der(text))
    except (ValueError, binascii.Error):
        raise KeyInvalid("This is not a public key in base64 or PEM.") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
        raise KeyInvalid(f"Use an RSA key of {LEAST_BITS} bits: RSA2.")
    return key


def _der(text: str) -> bytes:
    lines = [line for line in text.strip().splitlines() if not line.startswith("-----")]
    return base64.b64decode("".join("".join(lines).split()), validate=True)


def content(parameters: Mapping[str, str]) -> bytes:
    """What is signed of a request: every parameter that is not empty, in order, but the signature."""
    kept = sorted((name, value) for name, value in parameters.items() if value and name != "sign")
    return "&".join(f"{name}={value}" for name, value in kept).encode()


def sign(key: RSAPrivateKey, signed: bytes) -> str:
    """The signature in base64."""
    return base64.b64encode(key.sign(signed, PKCS1v15(), SHA256())).decode("ascii")


def is_signed(key: RSAPublicKey, signed: bytes, signature: str) -> bool:
    """Whether this was signed by the other half of the key."""
    try:
        key.verify(base64.b64decode(signature, validate=True), signed, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def node(body: bytes, name: str) -> bytes:
    """The text of one member of an answer, exactly as it was sent; empty without it.

    It is what Alipay signs: the same object written anew is not.
    """
    start = body.find(f'"{name}":'.encode())
    if start < 0:
        return b""
    start += len(name) + 3
    depth, in_text, is_escaped = 0, False, False
    for place in range(start, len(body)):
        letter = body[place : place + 1]
        if in_text:
            in_text = is_escaped or letter != b'"'
            is_escaped = letter == b"\\" and not is_escaped
        elif letter == b'"':
            in_text = True
        elif letter in b"{[":
            depth += 1
        elif letter in b"}]":
            depth -= 1
            if depth == 0:
                return body[start : place + 1].strip()
    return b""

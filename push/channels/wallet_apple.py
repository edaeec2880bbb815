"""Coupons as passes of Apple's wallet: a signed archive of a document and its pictures.

Source: Apple, "Wallet Passes" (Creating the source for a pass; Building a pass; Pass type reference).
"""

import hashlib
import io
import json
import ssl
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import NameOID

from push.errors import PushError

MEDIA_TYPE: Final = "application/vnd.apple.pkpass"
MOST_PLACES: Final = 10
"""Apple reads so many locations of a pass."""
_FIRST_DAY_OF_ZIP: Final = (1980, 1, 1, 0, 0, 0)
_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class IdentityInvalid(PushError):
    """Certificates that no pass can be signed with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PassIdentity:
    """Who signs: the certificate of a pass type, its key, and Apple's certificate between it and the root."""

    certificate: x509.Certificate
    key: _Key = field(repr=False)
    intermediate: x509.Certificate

    @classmethod
    def read(cls, *, certificate: str, key: str, intermediate: str) -> Self:
        """From PEM texts. Raises: IdentityInvalid."""
        own, between = _certificate(certificate), _certificate(intermediate)
        try:
            private = load_pem_private_key(key.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise IdentityInvalid("The key is no private key in PEM without a password.") from None
        if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise IdentityInvalid("The key must be RSA or elliptic.")
        if private.public_key() != own.public_key():
            raise IdentityInvalid("The key is not the certificate's.")
        made = cls(certificate=own, key=private, intermediate=between)
        if not made.pass_type or not made.team:
            raise IdentityInvalid("The certificate is none of a pass type: its subject has no UID or no OU.")
        return made

    @property
    def pass_type(self) -> str:
        """passTypeIdentifier, as Apple writes it into the certificate."""
        return _named(self.certificate, NameOID.USER_ID)

    @property
    def team(self) -> str:
        """teamIdentifier."""
        return _named(self.certificate, NameOID.ORGANIZATIONAL_UNIT_NAME)

    @property
    def ends_at(self) -> datetime:
        """When the certificate does."""
        return self.certificate.not_valid_after_utc

    def pem(self) -> bytes:
        """Key and certificate, for a TLS connection in the pass type's name."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)

    def signature(self, manifest: bytes) -> bytes:
        """PKCS #7, detached, in DER, with the certificate between."""
        builder = PKCS7SignatureBuilder().set_data(manifest)
        builder = builder.add_signer(self.certificate, self.key, SHA256()).add_certificate(self.intermediate)
        return builder.sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])


def tls_of(identity: PassIdentity, *, authority: str = "") -> ssl.SSLContext:
    """What shows the pass type's certificate to Apple. authority: PEM of whoever else is believed."""
    context = ssl.create_default_context(cadata=authority or None)
    # Python reads keys from files only; this one is gone before anybody else could open it.
    with tempfile.NamedTemporaryFile() as file:
        file.write(identity.pem())
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _certificate(text: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        raise IdentityInvalid("Give certificates in PEM, from -----BEGIN CERTIFICATE----- on.") from None


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a coupon holds: its lock screen shows it there."""

    lon: float
    lat: float
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coupon:
    """What a pass says. code is the lasting code; empty where only the page's own code, new each half minute, holds."""

    serial: str
    district: str
    title: str
    text: str
    stores: str
    code: str = field(default="", repr=False)
    link: str = ""
    valid_until: datetime
    is_over: bool = False
    places: Sequence[Place] = ()
    language: str = "en"


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "until": "Valid until",
        "where": "Where",
        "terms": "Terms",
        "show": "At the till",
        "live": "The code of this coupon is new every half minute, so it cannot stand here. Open it with this link:",
        "scan": "Show this code at the till.",
    },
    "zh": {
        "until": "有效期至",
        "where": "适用门店",
        "terms": "使用说明",
        "show": "到店使用",
        "live": "此券的二维码每半分钟更新一次，无法放在卡包中。请打开此链接出示：",
        "scan": "结账时出示此码。",
    },
}


def document(coupon: Coupon, identity: PassIdentity, *, service_url: str, token: str) -> dict[str, Any]:
    """pass.json. Without a service's address the pass never changes by itself."""
    words = _WORDS.get(coupon.language, _WORDS["en"])
    until = coupon.valid_until.astimezone(UTC).isoformat(timespec="seconds")
    found: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": identity.pass_type,
        "teamIdentifier": identity.team,
        "serialNumber": coupon.serial,
        "organizationName": coupon.district,
        "description": coupon.title,
        "logoText": coupon.district,
        "foregroundColor": "rgb(255, 255, 255)",
        "labelColor": "rgb(214, 228, 255)",
        "backgroundColor": "rgb(32, 107, 196)",
        "sharingProhibited": True,
        "expirationDate": until,
        "voided": coupon.is_over,
        "coupon": _fields(coupon, words, until),
    }
    if coupon.code and not coupon.is_over:
        found["barcodes"] = [
            {"format": "PKBarcodeFormatQR", "message": coupon.code, "messageEncoding": "iso-8859-1"}
        ]
    if coupon.places:
        found["locations"] = [_location(one, coupon.title) for one in coupon.places[:MOST_PLACES]]
    if service_url:
        found |= {"webServiceURL": service_url, "authenticationToken": token}
    return found


def _fields(coupon: Coupon, words: Mapping[str, str], until: str) -> dict[str, Any]:
    show = words["scan"] if coupon.code else f"{words['live']} {coupon.link}"
    date = {"dateStyle": "PKDateStyleMedium", "timeStyle": "PKDateStyleShort"}
    back = [
        {"key": "show", "label": words["show"], "value": show},
        {"key": "terms", "label": words["terms"], "value": coupon.text or coupon.title},
    ]
    if coupon.code and coupon.link:
        back.append({"key": "link", "label": coupon.district, "value": coupon.link})
    return {
        "primaryFields": [{"key": "offer", "label": coupon.stores or coupon.district, "value": coupon.title}],
        "secondaryFields": [
            {"key": "stores", "label": words["where"], "value": coupon.stores or coupon.district}
        ],
        "auxiliaryFields": [{"key": "until", "label": words["until"], "value": until, **date}],
        "backFields": back,
    }


def _location(place: Place, title: str) -> dict[str, Any]:
    text = f"{title} · {place.name}" if place.name else title
    return {"longitude": place.lon, "latitude": place.lat, "relevantText": text}


def archive(document_: Mapping[str, Any], pictures: Mapping[str, bytes], identity: PassIdentity) -> bytes:
    """The signed pass: its parts, a manifest of their SHA-1, and the manifest's signature."""
    parts = {"pass.json": json.dumps(document_, ensure_ascii=False, sort_keys=True).encode(), **pictures}
    # SHA-1 is what Apple's format asks for; what protects the manifest is its signature.
    sums = {name: hashlib.sha1(part, usedforsecurity=False).hexdigest() for name, part in parts.items()}
    manifest = json.dumps(sums, sort_keys=True).encode()
    whole = {**parts, "manifest.json": manifest, "signature": identity.signature(manifest)}
    taken = io.BytesIO()
    with zipfile.ZipFile(taken, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in whole.items():
            packed.writestr(zipfile.ZipInfo(name, date_time=_FIRST_DAY_OF_ZIP), part)
    return taken.getvalue()

"""Passes for Apple's wallet: openssl verifies the signature, every part is what the manifest says, the document is Apple's."""

import hashlib
import io
import json
import subprocess
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from push.channels.apns import tell_of_change
from push.channels.http2 import Http2
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.wallet_apple import (
    Coupon,
    IdentityInvalid,
    PassIdentity,
    Place,
    archive,
    document,
    tls_of,
)
from push.receipts import Failure, FailureKind, Receipt
from tests.channels.apps.vendors import apple
from tests.channels.certificates import self_signed
from tests.channels.wallet.authority import PASS_TYPE, TEAM, Authority, authority, openssl

UNTIL = datetime(2026, 5, 8, 12, 0, tzinfo=UTC)
COUPON = Coupon(
    serial="0196a000-0000-7000-8000-000000000001",
    district="Vallila",
    title="20 % off",
    text="Today only",
    stores="Zio",
    code="7ZXQ-8P3M",
    link="https://wifi.example/d/vallila/offers/1",
    valid_until=UNTIL,
    places=[Place(lon=24.94, lat=60.17, name="Zio")],
)
PICTURES = {"icon.png": b"\x89PNG icon", "logo.png": b"\x89PNG logo"}
FIELD = {
    "type": "object",
    "required": ["key", "value"],
    "additionalProperties": False,
    "properties": {
        "key": {"type": "string", "minLength": 1},
        "label": {"type": "string"},
        "value": {"type": ["string", "number"]},
        "dateStyle": {"enum": ["PKDateStyleShort", "PKDateStyleMedium", "PKDateStyleLong"]},
        "timeStyle": {"enum": ["PKDateStyleShort", "PKDateStyleMedium", "PKDateStyleLong"]},
    },
}
FIELDS = {"type": "array", "items": FIELD}
COLOUR = {"type": "string", "pattern": r"^rgb\(\d{1,3}, \d{1,3}, \d{1,3}\)$"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "formatVersion",
        "passTypeIdentifier",
        "serialNumber",
        "teamIdentifier",
        "organizationName",
        "description",
        "coupon",
    ],
    "dependentRequired": {"webServiceURL": ["authenticationToken"]},
    "properties": {
        "formatVersion": {"const": 1},
        "passTypeIdentifier": {"type": "string", "pattern": r"^pass\."},
        "serialNumber": {"type": "string", "minLength": 1},
        "teamIdentifier": {"type": "string", "pattern": "^[A-Z0-9]{10}$"},
        "organizationName": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 1},
        "logoText": {"type": "string"},
        "foregroundColor": COLOUR,
        "labelColor": COLOUR,
        "backgroundColor": COLOUR,
        "sharingProhibited": {"type": "boolean"},
        "voided": {"type": "boolean"},
        "expirationDate": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"},
        "webServiceURL": {"type": "string", "pattern": "^https://"},
        "authenticationToken": {"type": "string", "minLength": 16},
        "barcodes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["format", "message", "messageEncoding"],
                "properties": {"format": {"const": "PKBarcodeFormatQR"}},
            },
        },
        "locations": {
            "type": "array",
            "maxItems": 10,
            "items": {
                "type": "object",
                "required": ["longitude", "latitude"],
                "additionalProperties": False,
                "properties": {
                    "longitude": {"type": "number"},
                    "latitude": {"type": "number"},
                    "relevantText": {"type": "string"},
                },
            },
        },
        "coupon": {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(
                ("primaryFields", "secondaryFields", "auxiliaryFields", "backFields"), FIELDS
            ),
        },
    },
}
"""pass.json, after Apple's "Pass" reference."""


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def identity(signer: Authority) -> PassIdentity:
    return PassIdentity.read(**signer.texts)


def made(identity: PassIdentity, coupon: Coupon = COUPON) -> dict[str, bytes]:
    """The parts of a pass."""
    written = document(coupon, identity, service_url="https://wifi.example/wallet/vallila", token="t" * 32)
    with zipfile.ZipFile(io.BytesIO(archive(written, PICTURES, identity))) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def test_the_signature_is_one_that_openssl_verifies_up_to_the_root(
    identity: PassIdentity, signer: Authority, tmp_path: Path
) -> None:
    for name, part in made(identity).items():
        (tmp_path / name).write_bytes(part)
    command = ("smime", "-verify", "-inform", "DER", "-in", str(tmp_path / "signature"), "-binary")
    chain = ("-content", str(tmp_path / "manifest.json"), "-CAfile", str(signer.root), "-purpose", "any")
    assert openssl(*command, *chain) == (tmp_path / "manifest.json").read_bytes()
    changed = tmp_path / "manifest.json"
    changed.write_bytes(changed.read_bytes().replace(b"{", b"{ ", 1))
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*command, *chain)


def test_the_signature_says_when_it_was_made_and_holds_no_copy_of_the_manifest(
    identity: PassIdentity, tmp_path: Path
) -> None:
    parts = made(identity)
    (tmp_path / "signature").write_bytes(parts["signature"])
    shown = openssl("cms", "-cmsout", "-print", "-inform", "DER", "-in", str(tmp_path / "signature")).decode()
    assert "signingTime" in shown
    assert "eContent: <ABSENT>" in shown
    assert PASS_TYPE in shown
    assert "CN=WWDR" in shown.replace(" = ", "=")


def test_the_manifest_names_every_part_by_its_sum(identity: PassIdentity) -> None:
    parts = made(identity)
    manifest = json.loads(parts.pop("manifest.json"))
    parts.pop("signature")
    assert manifest == {name: hashlib.sha1(part).hexdigest() for name, part in parts.items()}
    assert set(manifest) == {"pass.json", "icon.png", "logo.png"}


@pytest.mark.parametrize(
    "coupon",
    [
        COUPON,
        replace(COUPON, code="", language="zh"),
        replace(COUPON, is_over=True),
        replace(COUPON, text=""),
    ],
    ids=["code", "rotating", "over", "no-text"],
)
def test_the_document_is_as_apple_describes_it(identity: PassIdentity, coupon: Coupon) -> None:
    written = json.loads(made(identity, coupon)["pass.json"])
    jsonschema.validate(written, SCHEMA)
    assert (written["passTypeIdentifier"], written["teamIdentifier"]) == (PASS_TYPE, TEAM)
    assert written["serialNumber"] == coupon.serial
    assert written["voided"] is coupon.is_over


def test_a_lasting_code_is_the_barcode(identity: PassIdentity) -> None:
    written = json.loads(made(identity)["pass.json"])
    assert [one["message"] for one in written["barcodes"]] == [COUPON.code]


@pytest.mark.parametrize(("language", "words"), [("en", "every half minute"), ("zh", "每半分钟")])
def test_what_has_no_lasting_code_has_a_link_and_says_why(
    identity: PassIdentity, language: str, words: str
) -> None:
    written = json.loads(made(identity, replace(COUPON, code="", language=language))["pass.json"])
    assert "barcodes" not in written
    back = {one["key"]: one["value"] for one in written["coupon"]["backFields"]}
    assert words in back["show"]
    assert COUPON.link in back["show"]


def test_a_used_coupon_shows_no_code(identity: PassIdentity) -> None:
    assert "barcodes" not in json.loads(made(identity, replace(COUPON, is_over=True))["pass.json"])


def test_of_many_stores_as_many_are_told_as_wallets_read(identity: PassIdentity) -> None:
    places = [Place(lon=24.9, lat=60.1 + number / 100) for number in range(15)]
    written = json.loads(made(identity, replace(COUPON, places=places))["pass.json"])
    jsonschema.validate(written, SCHEMA)
    assert len(written["locations"]) == 10


def test_without_a_service_a_pass_promises_none(identity: PassIdentity) -> None:
    written = document(COUPON, identity, service_url="", token="t" * 32)
    jsonschema.validate(written, SCHEMA)
    assert not {"webServiceURL", "authenticationToken"} & set(written)


def test_certificates_that_cannot_sign_passes_are_refused(signer: Authority, tmp_path: Path) -> None:
    other = authority(tmp_path, subject="/CN=Somebody")
    for changes in (
        {"certificate": "none"},
        {"key": "none"},
        {"key": other.key.read_text()},
        {"intermediate": ""},
        {"certificate": other.certificate.read_text(), "key": other.key.read_text()},
    ):
        with pytest.raises(IdentityInvalid):
            PassIdentity.read(**(signer.texts | changes))


async def test_a_wallet_is_told_in_the_name_of_the_pass_type(
    identity: PassIdentity, signer: Authority, tmp_path: Path
) -> None:
    key, certificate = self_signed(tmp_path, "localhost")
    chain = tmp_path / "chain.pem"
    chain.write_text(signer.intermediate.read_text() + signer.root.read_text())
    tls = {"key": str(key), "certificate": str(certificate), "clients": str(chain)}
    trust = tls_of(identity, authority=certificate.read_text())
    outbound = Outbound(policy=OutboundPolicy(ports=None, allows_loopback=True, trust=trust))
    stranger = Outbound(
        policy=OutboundPolicy(
            ports=None, allows_loopback=True, trust=tls_of(identity, authority=signer.root.read_text())
        )
    )
    outcomes = []
    async with apple(topics=[PASS_TYPE], tls=tls) as service:
        for way in (outbound, stranger):
            http = Http2(outbound=way, monotonic=time.monotonic)
            url = f"https://localhost:{service.port}"
            outcomes.append(
                await tell_of_change(
                    http, base_url=url, topic=PASS_TYPE, device="ab" * 32, now=UNTIL + timedelta(0)
                )
            )
            await http.close()
            await way.close()
    assert outcomes == [Receipt(), Failure(kind=FailureKind.TRANSIENT, detail="ConnectError")]
    (request,) = service.requests
    assert request["body"] == "{}"
    assert request["headers"]["apns-push-type"] == "background"
    assert request["headers"]["apns-priority"] == "5"
    assert request["client"] == PASS_TYPE

"""Coupons in Google's wallet: a link whose signature and documents hold, and a word to Google when one was used."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from push.channels.provider_tokens import ServiceAccount
from push.channels.wallet_google import MOST_LINK, SAVE_URL, Issuer, offer_class, offer_object, save_link
from tests.channels.apps.vendors import EMAIL, GOOGLE_PUBLIC, google, service_account
from tests.channels.wallet.conftest import ISSUER, Coupon
from tests.channels.wallet.test_apple_pass import COUPON

NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
ISSUED = Issuer(id=ISSUER, class_suffix="coupon", origins=("https://wifi.example",))
ID = {"type": "string", "pattern": r"^\d+\.[\w.-]+$"}
TEXT = {"type": "string", "minLength": 1}
CLASS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "issuerName", "title", "provider", "redemptionChannel", "reviewStatus"],
    "properties": {
        "id": ID,
        "issuerName": TEXT,
        "title": TEXT | {"maxLength": 60},
        "provider": TEXT,
        "redemptionChannel": {"enum": ["INSTORE", "ONLINE", "BOTH", "TEMPORARY_PRICE_REDUCTION"]},
        "reviewStatus": {"enum": ["UNDER_REVIEW", "DRAFT"]},
    },
}
OBJECT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "classId", "state"],
    "properties": {
        "id": ID,
        "classId": ID,
        "state": {"enum": ["ACTIVE", "COMPLETED", "EXPIRED", "INACTIVE"]},
        "barcode": {
            "type": "object",
            "required": ["type", "value"],
            "properties": {"type": {"const": "QR_CODE"}, "value": TEXT},
        },
        "validTimeInterval": {
            "type": "object",
            "properties": {"end": {"type": "object", "required": ["date"], "properties": {"date": TEXT}}},
        },
        "textModulesData": {
            "type": "array",
            "items": {"type": "object", "properties": {"id": TEXT, "header": TEXT, "body": TEXT}},
        },
        "linksModuleData": {
            "type": "object",
            "properties": {
                "uris": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"id": TEXT, "uri": {"pattern": "^https://"}, "description": TEXT},
                    },
                }
            },
        },
    },
}
"""After Google's reference of OfferClass and OfferObject."""


def claims_of(link: str) -> dict[str, Any]:
    """What a link says, once its signature holds."""
    head, _, token = link.rpartition("/")
    assert head == SAVE_URL
    first, second, signature = token.split(".")
    key = load_pem_public_key(GOOGLE_PUBLIC.encode())
    assert isinstance(key, RSAPublicKey)
    raw = base64.urlsafe_b64decode(signature + "==")
    key.verify(raw, f"{first}.{second}".encode(), PKCS1v15(), SHA256())
    assert json.loads(base64.urlsafe_b64decode(first + "=="))["alg"] == "RS256"
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(second + "=="))
    return found


@pytest.mark.parametrize(
    "coupon",
    [COUPON, replace(COUPON, code="", language="zh"), replace(COUPON, is_over=True)],
    ids=["code", "rotating", "over"],
)
def test_the_link_is_signed_and_its_documents_are_as_google_describes_them(coupon: Any) -> None:
    link = save_link(coupon, ISSUED, ServiceAccount.read(service_account()), now=NOW)
    claims = claims_of(link)
    assert (claims["iss"], claims["aud"], claims["typ"]) == (EMAIL, "google", "savetowallet")
    assert claims["origins"] == ["https://wifi.example"]
    (class_,), (object_,) = claims["payload"]["offerClasses"], claims["payload"]["offerObjects"]
    jsonschema.validate(class_, CLASS_SCHEMA)
    jsonschema.validate(object_, OBJECT_SCHEMA)
    assert object_["classId"] == class_["id"] == f"{ISSUER}.coupon"
    assert ("barcode" in object_, "linksModuleData" in object_) == (bool(coupon.code), not coupon.code)
    assert (object_["state"] == "COMPLETED") is coupon.is_over
    assert len(link) <= MOST_LINK


def test_long_words_are_cut_to_what_google_takes() -> None:
    long = replace(COUPON, title="商" * 300, text="圈" * 3_000, district="区" * 300)
    class_, object_ = offer_class(long, ISSUED), offer_object(long, ISSUED)
    jsonschema.validate(class_, CLASS_SCHEMA)
    jsonschema.validate(object_, OBJECT_SCHEMA)
    (words,) = object_["textModulesData"]
    assert (class_["title"], words["header"], words["body"]) == ("区" * 60, "商" * 60, "圈" * 500)


async def test_a_member_saves_a_coupon_and_google_hears_of_its_use(coupon: Coupon) -> None:
    async with google(issuer=True) as service:
        assert (await coupon.set_up_google(service.url)).status_code == 201
        answer = await coupon.page.get(f"{coupon.base}/google-wallet")
        assert answer.status_code == 303, answer.text
        (object_,) = claims_of(answer.headers["location"])["payload"]["offerObjects"]
        assert object_["barcode"] == {"type": "QR_CODE", "value": coupon.offer.code}
        assert await coupon.tell() == 0
        coupon.become(state="redeemed")
        assert await coupon.tell() == 1
        assert await coupon.tell() == 0
    (patch,) = [one for one in service.requests if one["method"] == "PATCH"]
    assert patch["path"] == f"/walletobjects/v1/offerObject/{ISSUER}.{coupon.offer.id}"
    assert json.loads(patch["body"]) == {"state": "COMPLETED"}


async def test_a_coupon_that_was_never_saved_is_no_trouble_and_a_failure_is_tried_again(
    coupon: Coupon,
) -> None:
    script = [{"status": 503}, {"status": 404}]
    async with google(issuer=True, script=script) as service:
        await coupon.set_up_google(service.url)
        await coupon.page.get(f"{coupon.base}/google-wallet")
        coupon.become(state="redeemed")
        assert await coupon.tell() == 0
        async with coupon.ground.pool.connection() as connection:
            await connection.execute("UPDATE wallet_pass SET retry_at = clock_timestamp()")
        assert await coupon.tell() == 1


async def test_an_operator_sees_whether_google_gives_access(coupon: Coupon) -> None:
    async with google(issuer=True) as service:
        await coupon.set_up_google(service.url)
        answer = await coupon.desk.ask("POST", "channel-providers/google-wallet/test", {"to": "anything"})
    assert (answer.json()["outcome"], answer.json()["message_id"]) == ("accepted", ISSUER)

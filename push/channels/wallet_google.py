"""Coupons as objects of Google's wallet: a signed link that saves one, and a word that it is over.

Source: Google, "Wallet passes: offers" (Issuing passes with the web; OfferClass; OfferObject).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from push.channels.fcm import GoogleAccess
from push.channels.outbound import NotDelivered, Outbound, TargetRefused
from push.channels.provider_tokens import ServiceAccount
from push.channels.wallet_apple import Coupon
from push.receipts import Failure, FailureKind, Outcome, Receipt

SCOPE: Final = "https://www.googleapis.com/auth/wallet_object.issuer"
SAVE_URL: Final = "https://pay.google.com/gp/v/save"
MOST_TITLE: Final = 60
MOST_LINK: Final = 1_800
"""Google asks for links no longer than this."""
_LIVE: Final = {
    "en": "The code is new every half minute: open the link.",
    "zh": "二维码每半分钟更新一次，请打开链接出示。",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Issuer:
    """An account of Google's wallet, and the class that its coupons are of."""

    id: str
    class_suffix: str
    origins: Sequence[str]

    @property
    def class_id(self) -> str:
        return f"{self.id}.{self.class_suffix}"

    def object_id(self, serial: str) -> str:
        return f"{self.id}.{serial}"


def offer_class(coupon: Coupon, issuer: Issuer) -> dict[str, Any]:
    """What all coupons of the district have in common."""
    return {
        "id": issuer.class_id,
        "issuerName": coupon.district[:MOST_TITLE],
        "title": coupon.district[:MOST_TITLE],
        "provider": coupon.district[:MOST_TITLE],
        "redemptionChannel": "INSTORE",
        "reviewStatus": "UNDER_REVIEW",
    }


def offer_object(coupon: Coupon, issuer: Issuer) -> dict[str, Any]:
    """One coupon. What has no lasting code has no barcode, but a link to the page that shows the code of now."""
    found: dict[str, Any] = {
        "id": issuer.object_id(coupon.serial),
        "classId": issuer.class_id,
        "state": "COMPLETED" if coupon.is_over else "ACTIVE",
        "validTimeInterval": {
            "end": {"date": coupon.valid_until.astimezone(UTC).isoformat(timespec="seconds")}
        },
        "textModulesData": [
            {"id": "offer", "header": coupon.title[:MOST_TITLE], "body": (coupon.text or coupon.title)[:500]}
        ],
    }
    if coupon.code:
        found["barcode"] = {"type": "QR_CODE", "value": coupon.code}
    elif coupon.link:
        about = _LIVE.get(coupon.language, _LIVE["en"])
        found["linksModuleData"] = {"uris": [{"id": "code", "uri": coupon.link, "description": about}]}
    return found


def save_link(coupon: Coupon, issuer: Issuer, account: ServiceAccount, *, now: datetime) -> str:
    """The address behind "Save to Google Wallet"."""
    claims: dict[str, object] = {
        "iss": account.email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(now.timestamp()),
        "origins": list(issuer.origins),
        "payload": {
            "offerClasses": [offer_class(coupon, issuer)],
            "offerObjects": [offer_object(coupon, issuer)],
        },
    }
    return f"{SAVE_URL}/{account.signed(claims)}"


async def tell_of_change(
    outbound: Outbound, access: GoogleAccess, *, base_url: str, object_id: str, change: Mapping[str, Any]
) -> Outcome:
    """Change a coupon that may have been saved. One that never was is no failure: there is nothing to change."""
    bearer = await access.bearer()
    if isinstance(bearer, Failure):
        return bearer
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    body = json.dumps(dict(change)).encode()
    url = f"{base_url.rstrip('/')}/walletobjects/v1/offerObject/{object_id}"
    try:
        answer = await outbound.post(url, body=body, headers=headers, method="PATCH")
    except TargetRefused as refused:
        return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
    except NotDelivered as failed:
        return Failure(kind=FailureKind.TRANSIENT, detail=str(failed))  # a repeat changes nothing
    if answer.status == HTTPStatus.UNAUTHORIZED:
        access.refused(bearer)
        return Failure(kind=FailureKind.TRANSIENT, detail="status 401")
    if answer.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        return Receipt()
    is_later = (
        answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
    kind = FailureKind.TRANSIENT if is_later else FailureKind.MESSAGE_REFUSED
    return Failure(kind=kind, detail=f"status {answer.status}")

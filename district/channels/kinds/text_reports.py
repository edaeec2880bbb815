"""What Alibaba Cloud's and Tencent Cloud's text services post back: receipts, and texts that people sent.

Neither signs what it posts, so the address that an operator enters there ends in a key that only the two know.
Sources: help.aliyun.com/zh/sms/developer-reference/smsreport-2 and smsup-2; cloud.tencent.com/document/product/382/5807
(receipts, which name the SerialNo) and 382/5809 (replies). Times are China's.
"""

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from district.channels.kinds.kind import (
    Building,
    Heard,
    Incoming,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from push.channels import sms_codes
from push.channels.email_verp import digest_of
from push.channels.sms_codes import NumberState

MOST_ENTRIES: Final = 1_000
KEY: Final = "key"
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_OF_CHINA: Final = re.compile(r"1[3-9][0-9]{9}")
_ABOUT: Final = b"receipts of text messages 1|"
_ALIYUN_TAKEN: Final = json.dumps({"code": 0, "msg": "接收成功"}, ensure_ascii=False).encode()
_TENCENT_TAKEN: Final = json.dumps({"result": 0, "errmsg": "OK"}).encode()
_MOST: Final = 100


def key_of(provider_id: str, account_secret: str) -> str:
    """The end of the address: 128 bits that change with the account's secret."""
    return hmac.digest(account_secret.encode(), _ABOUT + provider_id.encode(), sha256).hex()[:32]


def aliyun_address(building: Building) -> str:
    """What is entered in Alibaba Cloud's console for receipts and for replies; empty without an address of our own."""
    return _address(building, building.secrets.key_secret)


def tencent_address(building: Building) -> str:
    """What is entered in Tencent Cloud's console for receipts and for replies."""
    return _address(building, building.secrets.secret_key)


def receive_aliyun(building: Building, incoming: Incoming) -> Reply:
    """SmsReport and SmsUp: a list of receipts or of texts. Raises: ReceiptRefused."""
    _check(building, incoming, building.secrets.key_secret)
    entries = _entries(incoming)
    return Reply(
        events=[_of_aliyun(one) for one in entries if "success" in one and _word(one, "biz_id")],
        heard=[
            Heard(
                key=_word(one, "sequence_id"), sender=_word(one, "phone_number"), text=_text(one, "content")
            )
            for one in entries
            if "content" in one
        ],
        status=200,
        body=_ALIYUN_TAKEN,
        media_type="application/json",
    )


def receive_tencent(building: Building, incoming: Incoming) -> Reply:
    """A list of receipts, or one text. Raises: ReceiptRefused."""
    _check(building, incoming, building.secrets.secret_key)
    entries = _entries(incoming)
    return Reply(
        events=[_of_tencent(one) for one in entries if _word(one, "sid") and "report_status" in one],
        heard=[
            Heard(key=_word(one, "time"), sender=_number(one), text=_text(one, "text"))
            for one in entries
            if "text" in one
        ],
        status=200,
        body=_TENCENT_TAKEN,
        media_type="application/json",
    )


def _of_aliyun(entry: Mapping[str, Any]) -> ReceiptEvent:
    """out_id is the delivery's id, as it was sent: so a receipt finds its message whatever comes first."""
    arrived, code, number = entry.get("success") is True, _word(entry, "err_code"), _word(entry, "biz_id")
    told = ReceiptEvent(
        key=f"{number}:{'arrived' if arrived else code}",
        message_id=_word(entry, "out_id") or number,
        kind=ReceiptKind.DELIVERED if arrived else ReceiptKind.FAILED,
        at=_time(entry.get("report_time")),
        detail="" if arrived else code,
    )
    return of_number(told, _chinese(_word(entry, "phone_number")))


def _of_tencent(entry: Mapping[str, Any]) -> ReceiptEvent:
    arrived, code, number = entry["report_status"] == "SUCCESS", _word(entry, "errmsg"), _word(entry, "sid")
    told = ReceiptEvent(
        key=f"{number}:{'arrived' if arrived else code}",
        message_id=number,
        kind=ReceiptKind.DELIVERED if arrived else ReceiptKind.FAILED,
        at=_time(entry.get("user_receive_time")),
        detail="" if arrived else code,
    )
    return of_number(told, _number(entry))


_KINDS: Final = {NumberState.GONE: ReceiptKind.ADDRESS_GONE, NumberState.REFUSES: ReceiptKind.STOPPED}


def of_number(told: ReceiptEvent, number: str, said: NumberState | None = None) -> ReceiptEvent:
    """The same, with what was said of the number (None: what its code says): only that is held against it, or for it."""
    state = said or sms_codes.state_of(told.detail)
    return of_digest(told, digest_of(number) if number else None, state)


def of_digest(told: ReceiptEvent, digest: bytes | None, said: NumberState) -> ReceiptEvent:
    """The same of a number by which nothing but its digest is known; one that took a text is none to give up."""
    state = NumberState.UNREACHED if told.kind is ReceiptKind.DELIVERED else said
    if state is NumberState.OF_NO_NUMBER:
        digest = None
    return replace(told, kind=_KINDS.get(state, told.kind), address_hash=digest)


def _chinese(number: str) -> str:
    """The international number: Alibaba Cloud names China's without the country."""
    if not number or number.startswith("+"):
        return number
    return f"+86{number}" if _OF_CHINA.fullmatch(number) else f"+{number}"


def _address(building: Building, account_secret: str) -> str:
    if not building.origin or not building.provider_slug:
        return ""
    path = f"/v1/districts/{building.district_slug}/receipts/{building.provider_slug}"
    return f"{building.origin}{path}?{KEY}={key_of(building.provider_id, account_secret)}"


def _check(building: Building, incoming: Incoming, account_secret: str) -> None:
    wanted = key_of(building.provider_id, account_secret)
    if not hmac.compare_digest(incoming.query.get(KEY, "").encode(), wanted.encode()):
        raise ReceiptRefused("The key of the address does not fit: copy the whole address of receipts anew.")


def _entries(incoming: Incoming) -> Sequence[Mapping[str, Any]]:
    """What was posted, one or a list; nothing when an address is only tried by GET."""
    if not incoming.body:
        return []
    try:
        found = json.loads(incoming.body)
    except (ValueError, RecursionError):
        raise ReceiptRefused("The body is not JSON.") from None
    entries = found if isinstance(found, list) else [found]
    if len(entries) > MOST_ENTRIES:
        raise ReceiptRefused(f"More than {MOST_ENTRIES} entries at once.")
    return [one for one in entries if isinstance(one, dict)]


def _word(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return str(value)[:_MOST] if isinstance(value, str | int) else ""


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _number(entry: Mapping[str, Any]) -> str:
    """The international number: Tencent names the country apart."""
    country, mobile = _word(entry, "nationcode"), _word(entry, "mobile")
    return f"+{country}{mobile}" if country and not mobile.startswith("+") else mobile


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=_CHINA) if found.tzinfo is None else found

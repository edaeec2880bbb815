"""Answers in rlm_rest's form: every text is marked not to be expanded, and plans become reply attributes."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeAlias

from starlette.responses import Response

from district.districts.service import DistrictInfo
from district.gateways.dialect import PlanInfo
from district.radius import marks
from district.radius.marks import Mark

WORD = 1 << 32
Pairs: TypeAlias = dict[str, Any]


class Refused(StrEnum):
    """Why somebody is not let in."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    OTHER_DEVICE = "other_device"
    OTHER_GATEWAY = "other_gateway"
    BANNED = "banned"
    NO_CONSENT = "no_consent"
    NEW_TERMS = "new_terms"
    DEVICES = "devices"
    QUOTA = "quota"
    MISMATCH = "mismatch"


_SIGN_IN = ("Open the sign-in page to connect.", "请打开认证页登录上网。")
_AGAIN = ("Please sign in again on the sign-in page.", "请在认证页重新登录。")
_WORDS: Mapping[Refused, tuple[str, str]] = {
    Refused.UNKNOWN: _SIGN_IN,
    Refused.EXPIRED: _AGAIN,
    Refused.USED: _AGAIN,
    Refused.OTHER_DEVICE: _AGAIN,
    Refused.OTHER_GATEWAY: _AGAIN,
    Refused.MISMATCH: _AGAIN,
    Refused.BANNED: (
        "This device is not admitted; ask at the information desk.",
        "此设备已被限制上网，请咨询服务台。",
    ),
    Refused.NO_CONSENT: _SIGN_IN,
    Refused.NEW_TERMS: (
        "The terms have changed: read them on the sign-in page.",
        "使用条款已更新，请在认证页阅读并确认。",
    ),
    Refused.DEVICES: (
        "All your devices' places are in use: disconnect one first.",
        "您的在线设备数已满，请先断开一台设备。",
    ),
    Refused.QUOTA: (
        "Today's allowance is used up; it starts again tomorrow.",
        "今日上网额度已用完，下一个营业日重新计算。",
    ),
}


def text(value: str) -> Pairs:
    """A text that FreeRADIUS takes as it stands: by default it would carry out ``%{…}`` inside."""
    return {"value": [value], "op": ":=", "do_xlat": False}


def number(value: int) -> Pairs:
    """A 32-bit number."""
    return {"value": [max(0, min(value, WORD - 1))], "op": ":="}


def message(reason: Refused, language: str) -> str:
    """What the person reads; both languages when we do not know who it is."""
    english, chinese = _WORDS[reason]
    if not language:
        return f"{chinese} {english}"
    return chinese if language.startswith("zh") else english


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What somebody who is let in may use, once what he has used today is taken off."""

    plan: PlanInfo
    member_id: uuid.UUID
    mark: Mark | None
    interim: timedelta


def reply_of(district: DistrictInfo, grant: Grant) -> Pairs:
    """The reply attributes of a grant, in the names of Debian's dictionaries."""
    plan, reply = grant.plan, Pairs()
    if plan.session_s is not None:
        reply["reply:Session-Timeout"] = number(plan.session_s)
    if plan.idle_s is not None:
        reply["reply:Idle-Timeout"] = number(plan.idle_s)
    reply["reply:Acct-Interim-Interval"] = number(int(grant.interim.total_seconds()))
    reply |= _rates(plan)
    if plan.volume_kib is not None:
        reply |= _volume(plan.volume_kib * 1024)
    reply["reply:Chargeable-User-Identity"] = text(marks.user_identity(district, grant.member_id))
    if grant.mark is not None:
        reply["reply:Class"] = text(f"0x{marks.written(district, grant.mark).hex()}")
    return reply


def _rates(plan: PlanInfo) -> Pairs:
    reply = Pairs()
    if plan.up_kbps is not None:
        reply["reply:WISPr-Bandwidth-Max-Up"] = number(plan.up_kbps * 1000)
    if plan.down_kbps is not None:
        reply["reply:WISPr-Bandwidth-Max-Down"] = number(plan.down_kbps * 1000)
    if reply:
        # MikroTik says rx/tx as the router sees it: first what comes from the device. 0 is no limit.
        up, down = (f"{rate}k" if rate else "0" for rate in (plan.up_kbps, plan.down_kbps))
        reply["reply:Mikrotik-Rate-Limit"] = text(f"{up}/{down}")
    return reply


def _volume(octets: int) -> Pairs:
    high, low = divmod(octets, WORD)
    return {
        "reply:ChilliSpot-Max-Total-Octets": number(low),
        **({"reply:ChilliSpot-Max-Total-Gigawords": number(high)} if high else {}),
        "reply:Mikrotik-Total-Limit": number(low),
        **({"reply:Mikrotik-Total-Limit-Gigawords": number(high)} if high else {}),
    }


def accepted(pairs: Pairs) -> Response:
    """200 with attributes, 204 without any."""
    if not pairs:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return json_response(pairs, HTTPStatus.OK)


def refused(reason: Refused, language: str = "") -> Response:
    """401, which rlm_rest makes a reject; its message is handed on."""
    return json_response(
        {"reply:Reply-Message": text(message(reason, language))},
        HTTPStatus.UNAUTHORIZED,
    )


def json_response(pairs: Pairs, status: HTTPStatus) -> Response:
    """A small JSON answer; nobody may keep it."""
    return Response(
        json.dumps(pairs, ensure_ascii=False, separators=(",", ":")),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )

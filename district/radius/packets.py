"""What FreeRADIUS tells of a packet, bounded and made plain: whoever sent the packet chose most of its bytes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from district.bodies import BodyUnreadable
from district.gateways.redirects import optional_mac

MAX_BODY_BYTES = 64 * 1024
MAX_TEXT = 253
"""What a RADIUS attribute holds (RFC 2865 §5)."""
MAX_OCTETS = 1 << 60
MAX_SECONDS = 10 * 365 * 86_400
WORD = 1 << 32
CLIENT = "District-Client"
"""Which of our RADIUS clients asked, by its id: FreeRADIUS says so, not the packet."""
_VIEW_POINT = ("ChilliSpot-Acct-View-Point", "CoovaChilli-Acct-View-Point", "Attr-26.14559.10")
_STATION = re.compile(r"^([0-9A-Fa-f]{2}(?:[:.\-]?[0-9A-Fa-f]{2}){5})(?:[:;,\- ](.*))?\Z", re.DOTALL)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
Attributes: TypeAlias = Mapping[str, Any]


class Status(StrEnum):
    """What an accounting packet tells (RFC 2866 §5.1)."""

    START = "start"
    STOP = "stop"
    INTERIM = "interim"
    ON = "on"
    OFF = "off"


_STATUS = {
    "start": Status.START,
    "1": Status.START,
    "stop": Status.STOP,
    "2": Status.STOP,
    "interim-update": Status.INTERIM,
    "alive": Status.INTERIM,
    "3": Status.INTERIM,
    "accounting-on": Status.ON,
    "7": Status.ON,
    "accounting-off": Status.OFF,
    "8": Status.OFF,
}


@dataclass(frozen=True, kw_only=True)
class Nas:
    """Who asks: as FreeRADIUS knows it by its secret, and as it calls itself."""

    client_id: str = ""
    address: str = ""
    identifier: str = ""


@dataclass(frozen=True, kw_only=True)
class AccessRequest:
    """Somebody who wants to go on line."""

    username: str
    password: str = field(default="", repr=False)
    mac: str = ""
    """Twelve lower-case hex digits; empty when the packet names no device."""
    access_point_mac: str = ""
    service_type: str = ""
    nas: Nas = Nas()
    session: str = ""
    """What our own answer to authorize left for post-auth."""


@dataclass(frozen=True, kw_only=True)
class AccountingRequest:
    """What a NAS tells of a session. Octets are from the device (up) and to it (down)."""

    status: Status
    unique_id: str
    session_id: str = ""
    username: str = ""
    nas: Nas = Nas()
    calling_station: str = ""
    mac: str = ""
    access_point_mac: str = ""
    ssid: str = ""
    framed_address: str = ""
    session_s: int = 0
    up_octets: int = 0
    down_octets: int = 0
    view: int = 0
    terminate_cause: str = ""
    mark: bytes = b""
    """The Class that we gave the session."""
    delay_s: int = 0
    event_at: datetime | None = None
    """By the NAS's own clock, which may be wrong."""


def document_of(body: bytes) -> Attributes:
    """The body's object. Text that is not UTF-8, as network names may be, is taken with marks for what is unreadable.

    Raises: BodyUnreadable.
    """
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            found = json.loads(body.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            raise BodyUnreadable("The body is not a JSON object, as rlm_rest sends it.") from None
    if not isinstance(found, dict):
        raise BodyUnreadable("The body is not a JSON object, as rlm_rest sends it.")
    return found


def text_of(attributes: Attributes, name: str) -> str:
    """An attribute's first value as one printable line of at most 253 characters; empty when there is none."""
    value = attributes.get(name)
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if isinstance(value, int) and value.bit_length() > 64:
        return ""
    return _UNPRINTABLE.sub("", str(value)[: 4 * MAX_TEXT])[:MAX_TEXT].strip()


def number_of(attributes: Attributes, name: str, *, most: int) -> int:
    """An attribute's whole number, 0 when it is none: a Start may well carry an empty one."""
    text = text_of(attributes, name)
    if not text.isascii() or not text.isdigit():
        return 0
    return min(int(text), most)


def station_of(text: str) -> tuple[str, str]:
    """The MAC and the network name of ``AA-BB-CC-DD-EE-FF:SSID`` (RFC 3580 §3.20), in any spelling; empty when absent."""
    match = _STATION.match(text)
    return (optional_mac(match[1]), match[2] or "") if match else ("", "")


def octets_of(text: str) -> bytes:
    """The bytes of an attribute of type octets, which are told as ``0x…``."""
    try:
        return bytes.fromhex(text[2:]) if text[:2] in {"0x", "0X"} else text.encode()
    except ValueError:
        return b""


def instant_of(text: str) -> datetime | None:
    """A time as rlm_rest writes it (``Nov 21 2026 19:36:46 UTC``), in ISO 8601, or as seconds since 1970."""
    if not text:
        return None
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        if text.endswith(" UTC"):
            return datetime.strptime(text, "%b %d %Y %H:%M:%S UTC").replace(tzinfo=UTC)
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def nas_of(attributes: Attributes) -> Nas:
    """Who asks."""
    address = text_of(attributes, "NAS-IP-Address") or text_of(attributes, "NAS-IPv6-Address")
    return Nas(
        client_id=text_of(attributes, CLIENT),
        address=address,
        identifier=text_of(attributes, "NAS-Identifier"),
    )


def access_request(attributes: Attributes) -> AccessRequest:
    """An Access-Request in rlm_rest's form."""
    return AccessRequest(
        username=text_of(attributes, "User-Name"),
        password=text_of(attributes, "User-Password"),
        mac=station_of(text_of(attributes, "Calling-Station-Id"))[0],
        access_point_mac=station_of(text_of(attributes, "Called-Station-Id"))[0],
        service_type=text_of(attributes, "Service-Type"),
        nas=nas_of(attributes),
        session=text_of(attributes, "District-Session"),
    )


def status_of(text: str) -> Status | None:
    """What a packet tells; None for what we keep nothing of (tunnels, failures)."""
    return _STATUS.get(text.lower())


def counted(attributes: Attributes, octets: str, words: str) -> int:
    """Octets that were counted in 32 bits and told with how often they ran over (RFC 2869 §5.1)."""
    return number_of(attributes, words, most=1 << 29) * WORD + number_of(attributes, octets, most=MAX_OCTETS)


def octets_told(attributes: Attributes) -> tuple[int, int, int]:
    """Octets from the device and to it, and whose input was told: a client may count from its own side."""
    view = next((number_of(attributes, name, most=2) for name in _VIEW_POINT if name in attributes), 0)
    unnamed = text_of(attributes, _VIEW_POINT[-1])
    if view == 0 and unnamed.startswith("0x"):
        view = min(int.from_bytes(octets_of(unnamed)[-4:]), 2)
    told_in = counted(attributes, "Acct-Input-Octets", "Acct-Input-Gigawords")
    told_out = counted(attributes, "Acct-Output-Octets", "Acct-Output-Gigawords")
    return (told_out, told_in, view) if view == 2 else (told_in, told_out, view)


def accounting_request(attributes: Attributes) -> AccountingRequest | None:
    """An Accounting-Request in rlm_rest's form; None for one that tells nothing of a session."""
    status = status_of(text_of(attributes, "Acct-Status-Type"))
    if status is None:
        return None
    up, down, view = octets_told(attributes)
    calling = text_of(attributes, "Calling-Station-Id")
    access_point, ssid = station_of(text_of(attributes, "Called-Station-Id"))
    return AccountingRequest(
        status=status,
        unique_id=text_of(attributes, "Acct-Unique-Session-Id"),
        session_id=text_of(attributes, "Acct-Session-Id"),
        username=text_of(attributes, "User-Name"),
        nas=nas_of(attributes),
        calling_station=calling,
        mac=station_of(calling)[0],
        access_point_mac=access_point,
        ssid=ssid or text_of(attributes, "Called-Station-SSID"),
        framed_address=text_of(attributes, "Framed-IP-Address") or text_of(attributes, "Framed-IPv6-Address"),
        session_s=number_of(attributes, "Acct-Session-Time", most=MAX_SECONDS),
        up_octets=min(up, MAX_OCTETS),
        down_octets=min(down, MAX_OCTETS),
        view=view,
        terminate_cause=text_of(attributes, "Acct-Terminate-Cause"),
        mark=octets_of(text_of(attributes, "Class")),
        delay_s=number_of(attributes, "Acct-Delay-Time", most=MAX_SECONDS),
        event_at=instant_of(text_of(attributes, "Event-Timestamp")),
    )

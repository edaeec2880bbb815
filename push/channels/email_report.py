"""What mail servers and mail providers send back of a message: delivery reports (RFC 3464) and complaints (RFC 5965).

Only their fields for machines are read. Which message one is about, never comes from its text: the signed return address
says it, or the signed name that a complaint repeats.
"""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Report
from enum import StrEnum
from typing import Final

MOST_PARTS: Final = 50
_MOST_FIELD: Final = 200
GONE: Final = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""No such mailbox, host or address, moved, disabled (RFC 3463 §3.2, RFC 7505)."""
_ARRIVED: Final = frozenset({"delivered", "relayed", "expanded"})
_NAMES: Final = ("CFBL-Feedback-ID", "Original-Mail-From", "Return-Path")
"""Where a complaint may repeat what we signed: RFC 9477 §3.2, RFC 5965 §3.2."""


class Finding(StrEnum):
    """What a report says became of the message."""

    DELIVERED = "delivered"
    GONE = "gone"
    """The address does not exist, or no more."""
    FAILED = "failed"
    """It did not arrive; the address may be good."""
    COMPLAINED = "complained"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """A report. names are where a complaint may name its message; status is for operators: 5.1.1."""

    finding: Finding
    status: str = ""
    names: tuple[str, ...] = ()


def read(raw: bytes) -> Reported | None:
    """What a message says as a report; None for what is none, such as an answer of somebody who is on holiday."""
    if raw.lower().count(b"content-type") > MOST_PARTS:
        return None  # the library descends by itself, part in part, as deep as it is led
    report = email.message_from_bytes(raw, policy=email.policy.compat32)
    if report.get_content_type() != "multipart/report" or not report.is_multipart():
        return None
    parts = list(_parts(report))
    for part in parts:
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/global-delivery-status"}:
            return _delivery(part)
        if kind == "message/feedback-report":
            return _complaint(part, parts)
    return None


def _delivery(part: Report) -> Reported | None:
    """The fields of the one recipient that each of our messages has; the worst of several."""
    found = [one for one in (_recipient(block) for block in _blocks(part)) if one is not None]
    return max(found, key=lambda one: _WEIGHT[one.finding], default=None)


_WEIGHT: Final = {Finding.DELIVERED: 0, Finding.FAILED: 1, Finding.GONE: 2}


def _recipient(block: Report) -> Reported | None:
    action = _field(block, "Action").lower()
    status = _field(block, "Status").split(" ")[0]
    if action in _ARRIVED:
        return Reported(finding=Finding.DELIVERED, status=status)
    if action != "failed":
        return None  # delayed: the server is still trying; no action: the block of the message as a whole
    finding = Finding.GONE if status in GONE else Finding.FAILED
    return Reported(finding=finding, status=status)


def _complaint(part: Report, parts: list[Report]) -> Reported | None:
    block = next(_blocks(part), None)
    if block is None or _field(block, "Feedback-Type").lower() in {"not-spam", "auth-failure"}:
        return None
    places = [block, *parts]
    names = tuple(value for place in places for name in _NAMES if (value := _field(place, name)))
    return Reported(
        finding=Finding.COMPLAINED, status=_field(block, "Feedback-Type").lower()[:20], names=names
    )


def _parts(report: Report) -> Iterator[Report]:
    """The first parts of a report, and the headers of the message that it gives back."""
    for place, part in enumerate(report.walk()):
        if place == MOST_PARTS:
            return
        yield part
        if part.get_content_type() == "text/rfc822-headers":
            yield email.message_from_string(_text(part), policy=email.policy.compat32)


def _blocks(part: Report) -> Iterator[Report]:
    """Blocks of fields. Of a kind that the library does not know it reads the first, and leaves the others as text."""
    payload = part.get_payload()
    text = _text(part)
    if isinstance(payload, list):
        read = [one for one in payload[:MOST_PARTS] if isinstance(one, Report)]
        yield from read
        text = _text(read[0]) if len(read) == 1 else ""
    for block in text.replace("\r\n", "\n").split("\n\n")[:MOST_PARTS]:
        if block.strip():
            yield email.message_from_string(block.lstrip("\n"), policy=email.policy.compat32)


def _text(part: Report) -> str:
    raw = part.get_payload(decode=True)
    return raw.decode("latin-1") if isinstance(raw, bytes) else ""


def _field(block: Report, name: str) -> str:
    """A field's value on one line, without comments' brackets being read: they are for people."""
    value = block.get(name)
    return " ".join(str(value).split())[:_MOST_FIELD] if value is not None else ""

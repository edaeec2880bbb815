"""The last redirects of each gateway, kept for its operator: what came, and what became of it. Never in a sign-in's way."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from district.clock import Clock
from district.database import new_id
from district.gateways.models import Gateway, RedirectEvent
from district.gateways.queries import FORGET_REDIRECTS_SQL, NOTE_POLL_SQL, NOTE_REDIRECT_SQL
from district.gateways.redirects import BadRedirect
from district.later import LaterWrites

log = structlog.get_logger()
KEPT = 50
MAX_FIELDS = 30
MAX_NAME = 40
MAX_VALUE = 120
MAX_DETAIL = 300
SHORT = 4
MAX_PLAIN = 48
"""A longer value without a blank is taken for something secret."""
SECRET_NAMES = re.compile(
    r"tok|sig|secret|pass|challenge|hash|mauth|auth|fas\b|jwt|hid|md$|iv$|session|username|key|credential|loginurl",
    re.I,
)
_MAC = re.compile(
    r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{2})([:.-]?)(?:[0-9A-Fa-f]{2}\2){4}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])"
)
_DOTTED_MAC = re.compile(
    r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{2})[0-9A-Fa-f]{2}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![0-9A-Fa-f])"
)


class Outcome(StrEnum):
    """What became of a redirect."""

    SHOWN = "shown"
    LET_IN = "let_in"
    REFUSED = "refused"
    WAITING = "waiting"
    FAILED = "failed"
    POLLED = "polled"
    """No redirect: the gateway itself came to fetch who may pass."""


def shown_fields(raw_query: bytes) -> str:
    """A redirect's fields, one a line, without what is secret: tokens, signatures and device addresses are shortened."""
    parts = [part for part in raw_query.split(b"&") if part][: MAX_FIELDS + 1]
    lines = [_line(part) for part in parts[:MAX_FIELDS]]
    return "\n".join([*lines, "…"] if len(parts) > MAX_FIELDS else lines)


def _line(part: bytes) -> str:
    name, _mark, value = part.partition(b"=")
    label = _plain(name)[:MAX_NAME]
    return f"{without_devices(label)}={_shown_value(label, _plain(value))}"


def _plain(raw: bytes) -> str:
    decoded = unquote_plus(raw[:8_192].decode("latin-1"), errors="replace")
    return "".join(character if character.isprintable() else "�" for character in decoded)


def _shown_value(name: str, value: str) -> str:
    if _is_address(value):
        parts = urlsplit(value)
        host = (parts.hostname or "")[:80]
        rest = "/…" if parts.path.strip("/") or parts.query else ""
        return without_devices(f"{parts.scheme}://{host}{rest}")
    if SECRET_NAMES.search(name) or (len(value) > MAX_PLAIN and " " not in value):
        return f"{without_devices(value)[:SHORT]}… ({len(value)})" if len(value) > SHORT else "…"
    return without_devices(value)[:MAX_VALUE]


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def without_devices(words: str) -> str:
    """A text in which of every MAC address only the first byte is left."""
    return _DOTTED_MAC.sub(r"\1…", _MAC.sub(r"\1…", words))


def note(
    session: Session,
    gateway: Gateway,
    outcome: Outcome,
    *,
    clock: Clock,
    raw_query: bytes = b"",
    refused: BadRedirect | None = None,
    detail: str = "",
) -> None:
    """Keep one redirect and forget the fifty-first, inside the caller's transaction; a failure is only logged."""
    values = _noted(gateway, outcome, clock=clock, raw_query=raw_query, detail=detail, refused=refused)
    _carefully(session, NOTE_REDIRECT_SQL, values, gateway)
    _carefully(session, FORGET_REDIRECTS_SQL, _kept(gateway), gateway)


def note_later(
    later: LaterWrites, gateway: Gateway, outcome: Outcome, *, clock: Clock, raw_query: bytes
) -> None:
    """The same within the next second: a page that thousands look at waits for no row."""
    values = _noted(gateway, outcome, clock=clock, raw_query=raw_query)
    later.add(NOTE_REDIRECT_SQL, values, key=values["id"])
    later.add(FORGET_REDIRECTS_SQL, _kept(gateway), key=gateway.id)


def _noted(
    gateway: Gateway,
    outcome: Outcome,
    *,
    clock: Clock,
    raw_query: bytes,
    detail: str = "",
    refused: BadRedirect | None = None,
) -> dict[str, Any]:
    words = refused.detail if refused is not None else detail
    return {
        "district_id": gateway.district_id,
        "gateway_id": gateway.id,
        "id": new_id(),
        "at": clock.machine_now(),
        "outcome": outcome.value,
        "cause": refused.cause.value if refused is not None else "",
        "detail": without_devices(words)[:MAX_DETAIL],
        "shown": shown_fields(raw_query),
    }


def _kept(gateway: Gateway) -> dict[str, Any]:
    return {"district_id": gateway.district_id, "gateway_id": gateway.id, "kept": KEPT}


def note_apart(
    sessions: sessionmaker[Session],
    gateway: Gateway,
    outcome: Outcome,
    *,
    clock: Clock,
    raw_query: bytes = b"",
    detail: str = "",
) -> None:
    """The same in a transaction of its own."""
    try:
        with sessions.begin() as session:
            note(session, gateway, outcome, clock=clock, raw_query=raw_query, detail=detail)
    except SQLAlchemyError as error:
        log.warning("gateway.redirect_not_noted", gateway=gateway.slug, error=type(error).__name__)


def note_poll(session: Session, gateway: Gateway, *, clock: Clock) -> None:
    """The gateway came to fetch who may pass; kept once a minute."""
    values = {
        "district_id": gateway.district_id,
        "gateway_id": gateway.id,
        "id": new_id(),
        "at": clock.machine_now(),
    }
    _carefully(session, NOTE_POLL_SQL, values, gateway)


def _carefully(session: Session, statement: str, values: dict[str, Any], gateway: Gateway) -> None:
    try:
        with session.begin_nested():
            session.execute(text(statement), values)
    except SQLAlchemyError as error:
        log.warning("gateway.redirect_not_noted", gateway=gateway.slug, error=type(error).__name__)


def last(session: Session, gateway: Gateway, *, most: int = KEPT) -> Sequence[RedirectEvent]:
    """The last redirects, the newest first."""
    found = select(RedirectEvent).where(
        RedirectEvent.district_id == gateway.district_id,
        RedirectEvent.gateway_id == gateway.id,
        RedirectEvent.outcome != Outcome.POLLED,
    )
    return session.scalars(found.order_by(RedirectEvent.id.desc()).limit(most)).all()


def last_poll(session: Session, gateway: Gateway) -> datetime | None:
    """When the gateway last came to fetch who may pass; up to a minute late."""
    found = select(RedirectEvent.at).where(
        RedirectEvent.district_id == gateway.district_id,
        RedirectEvent.gateway_id == gateway.id,
        RedirectEvent.outcome == Outcome.POLLED,
    )
    return session.scalar(found.order_by(RedirectEvent.id.desc()).limit(1))

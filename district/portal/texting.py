"""Signing in by a text message: the page shows a code, the person sends it, and the browser that showed it goes on.

The number is proven by the message, which costs the district nothing. The code alone opens nothing: what was proven
is for the browser that keeps the secret, once.
"""

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.auth import codes, limits
from district.auth.limits import Limit
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.gateways.models import Gateway
from district.members import text_words
from district.members.contacts import Contact, ContactKind
from district.portal import visits
from district.portal.models import SmsJoin, SmsProvider

LIFE = timedelta(minutes=10)
"""Machine time from the page to the message, as a code lives."""
FINISHED_WITHIN = timedelta(minutes=5)
"""From the message to the browser's next look."""
SECRET_BYTES = 32
MOST_SECRET = 64
DRAWN_AGAIN = 5
PER_DEVICE_HOUR = 15
"""More than codes: to show one costs nothing, and who sends none reloads the page."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What the page shows, and the secret that the browser keeps."""

    id: uuid.UUID
    browser: str


class Progress(StrEnum):
    """How far a sign-in by text message is."""

    WAITING = "waiting"
    PROVEN = "proven"
    REFUSED = "refused"
    """A message came from a number that proves nothing here."""
    GONE = "gone"
    """Too old, used, unknown or another browser's."""


def count_showing(
    session: Session,
    district: DistrictInfo,
    *,
    device: bytes | None,
    network: str,
    is_vouched: bool,
    clock: Clock,
) -> None:
    """Count a browser that asks for a code, as for codes that are sent. Raises: TooMany."""
    most = codes.PER_SHARED_NETWORK_HOUR if is_vouched else codes.PER_CLAIMED_NETWORK_HOUR
    hour = timedelta(hours=1)
    if device is not None:
        limits.take(
            session,
            district.id,
            Limit(subject=f"join-device:{device.hex()}", period=hour, most=PER_DEVICE_HOUR),
            clock=clock,
        )
    limits.take(
        session,
        district.id,
        Limit(subject=f"join-network:{network}:{most}", period=hour, most=most),
        clock=clock,
    )


def begin(
    session: Session,
    gateway: Gateway,
    provider: SmsProvider,
    *,
    raw_query: bytes,
    form: str,
    clock: Clock,
) -> Begun:
    """Draw a code for a browser; what it came by, and what it ticked, waits here."""
    browser = secrets.token_urlsafe(SECRET_BYTES)
    values = {
        "district_id": gateway.district_id,
        "provider_id": provider.id,
        "gateway_id": gateway.id,
        "keyword": visits.options_of(gateway).join_keyword or provider.keyword,
        "browser_hash": _hash(browser),
        "redirect_query": raw_query.decode("latin-1"),
        "form": form,
        "created_at": clock.machine_now(),
    }
    for _ in range(DRAWN_AGAIN):
        code = "".join(secrets.choice(text_words.LETTERS) for _ in range(text_words.CODE_LETTERS))
        statement = insert(SmsJoin).values(**values, id=new_id(), code=code).on_conflict_do_nothing()
        made = session.scalar(statement.returning(SmsJoin.id))
        if made is not None:
            return Begun(id=made, browser=browser)
    raise AssertionError("five codes of 39 bits were all in use")


def of_browser(session: Session, gateway: Gateway, join_id: uuid.UUID, *, browser: str) -> SmsJoin | None:
    """The sign-in that a browser waits for; None for anybody else's."""
    row = session.get(SmsJoin, (gateway.district_id, join_id))
    if row is None or row.gateway_id != gateway.id or not 0 < len(browser) <= MOST_SECRET:
        return None
    return row if hmac.compare_digest(row.browser_hash, _hash(browser)) else None


def progress(row: SmsJoin | None, *, clock: Clock) -> Progress:
    """How far it is."""
    if row is None:
        return Progress.GONE
    now = clock.machine_now()
    if row.proven_at is not None:
        return Progress.PROVEN if now < row.proven_at + FINISHED_WITHIN else Progress.GONE
    if now >= row.created_at + LIFE:
        return Progress.GONE
    return Progress.REFUSED if row.refusal else Progress.WAITING


def waiting_with(session: Session, provider: SmsProvider, code: str, *, clock: Clock) -> SmsJoin | None:
    """The sign-in that a code belongs to, while it waits or was just proven; locked."""
    return session.scalar(
        select(SmsJoin)
        .where(
            SmsJoin.district_id == provider.district_id,
            SmsJoin.code == code,
            SmsJoin.provider_id == provider.id,
            SmsJoin.created_at > clock.machine_now() - LIFE,
        )
        .with_for_update()
    )


def contact_of(row: SmsJoin) -> Contact:
    """The number that the message proved."""
    return Contact(kind=ContactKind.PHONE, value=row.phone)


def use_up(session: Session, district: DistrictInfo, join_id: uuid.UUID, *, clock: Clock) -> None:
    """Use a proven message, in the caller's transaction; of two at once the later waits, then fails.

    Raises: WrongCode when it was used already.
    """
    used = session.scalar(
        update(SmsJoin)
        .where(
            SmsJoin.district_id == district.id,
            SmsJoin.id == join_id,
            SmsJoin.proven_at.is_not(None),
            SmsJoin.used_at.is_(None),
        )
        .values(used_at=clock.machine_now())
        .returning(SmsJoin.id)
    )
    if used is None:
        raise codes.WrongCode(
            "The message was used already. Start again.", detail_zh="该短信已使用，请重新开始。"
        )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()

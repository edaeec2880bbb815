"""One-time codes: six digits, ten minutes, five tries, one use, for the browser that asked."""

import hmac
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import phonenumbers
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from district.auth import limits
from district.auth.limits import Limit
from district.auth.limits import count as count  # noqa: PLC0414 part of this module's promise
from district.auth.models import OneTimeCode
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.problems import NotAuthenticated

DIGITS = 6
LIFE = timedelta(minutes=10)
MAX_TRIES = 5
PER_TARGET_HOUR = 5
PER_DEVICE_HOUR = 5
PER_PREFIX_DAY = 200
PER_FOREIGN_COUNTRY_DAY = 2_000
PER_NETWORK_HOUR = 60
PER_CLAIMED_NETWORK_HOUR = 600
"""Behind a gateway that vouches for nobody: its clients share an address."""
PER_SHARED_NETWORK_HOUR = 5_000
"""Behind a gateway that vouches for each device, which has a limit of its own."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PREFIX_DROPS = 4


class WrongCode(NotAuthenticated):
    """The code is wrong, used, too old, or was tried too often."""

    slug, title = "wrong-code", "The code is wrong or too old"


@dataclass(frozen=True, kw_only=True)
class MadeCode:
    """A code to be sent; ``ticket`` stays with the browser that asked."""

    code: str
    ticket: str
    expires_at: datetime


def make(
    session: Session,
    district: DistrictInfo,
    *,
    target: str,
    channel: str,
    network: str,
    clock: Clock,
    device: bytes | None = None,
    per_network_hour: int = PER_NETWORK_HOUR,
    is_bound: bool = True,
) -> MadeCode:
    """Make a code for a phone number or address, within the limits of the number, its prefix and where it is asked from.

    ``device``: the pseudonym of a device that a gateway vouches for. A district's shoppers share few addresses, so
    they are limited one by one. ``is_bound``: the code works only with its ticket; else only without one.

    Raises: TooMany.
    """
    target_hash = _keyed(district, target)
    asked_from = Limit(
        subject=f"code-network:{network}:{per_network_hour}", period=HOUR, most=per_network_hour
    )
    for limit in (*_limits(district, target, target_hash, channel, device=device), asked_from):
        limits.take(session, district.id, limit, clock=clock)
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    ticket = secrets.token_urlsafe(16) if is_bound else ""
    now = clock.machine_now()
    session.add(
        OneTimeCode(
            district_id=district.id,
            id=new_id(),
            channel=channel,
            target_hash=target_hash,
            code_hash=_keyed(district, f"{ticket}:{code}"),
            browser=ticket,
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    return MadeCode(code=code, ticket=ticket, expires_at=now + LIFE)


def _limits(
    district: DistrictInfo,
    target: str,
    target_hash: bytes,
    channel: str,
    *,
    device: bytes | None,
) -> Iterator[Limit]:
    """From the narrowest to the widest: every caller locks the counts in this order."""
    yield Limit(subject=f"code:{target_hash.hex()}", period=HOUR, most=PER_TARGET_HOUR)
    if device is not None:
        yield Limit(subject=f"code-device:{device.hex()}", period=HOUR, most=PER_DEVICE_HOUR)
    if channel == "sms":
        prefix = _keyed(district, target[:-PREFIX_DROPS]).hex()
        yield Limit(subject=f"code-prefix:{prefix}", period=DAY, most=PER_PREFIX_DAY)
        country = phonenumbers.parse(target).country_code
        if country != phonenumbers.country_code_for_region(district.country):
            yield Limit(subject=f"code-country:{country}", period=DAY, most=PER_FOREIGN_COUNTRY_DAY)


def check(
    sessions: sessionmaker[Session],
    district: DistrictInfo,
    *,
    target: str,
    code: str,
    ticket: str | None,
    clock: Clock,
) -> None:
    """Compare a code and use it up, in transactions of its own: no later failure gives it back. Raises: WrongCode."""
    code_id = compare(sessions, district, target=target, code=code, ticket=ticket, clock=clock)
    with sessions.begin() as session:
        use_up(session, district, code_id, clock=clock)


def compare(
    sessions: sessionmaker[Session],
    district: DistrictInfo,
    *,
    target: str,
    code: str,
    ticket: str | None,
    clock: Clock,
) -> uuid.UUID:
    """The right code, still to be used up: a try is counted, and committed, before anything is compared.

    Without a ticket (programs) the newest code that was asked for without one is meant: nobody can use up, or guess,
    the code of somebody else's browser. Raises: WrongCode.
    """
    with sessions.begin() as session:
        row = _counted_try(session, district, target=target, ticket=ticket or "", clock=clock)
    if row is None:
        raise WrongCode("Ask for a new code.", detail_zh="验证码已失效，请重新获取。")
    if not hmac.compare_digest(_keyed(district, f"{row.browser}:{_digits(code)}"), row.code_hash):
        left = MAX_TRIES - row.tries
        raise WrongCode(
            f"The code is wrong; tries left: {left}.", detail_zh=f"验证码不正确，还可以试 {left} 次。"
        )
    return row.id


def use_up(session: Session, district: DistrictInfo, code_id: uuid.UUID, *, clock: Clock) -> None:
    """Use a compared code, in the caller's transaction; of two at once the later waits, then fails.

    Raises: WrongCode when it was used already.
    """
    used = session.scalar(
        update(OneTimeCode)
        .where(
            OneTimeCode.district_id == district.id, OneTimeCode.id == code_id, OneTimeCode.used_at.is_(None)
        )
        .values(used_at=clock.machine_now())
        .returning(OneTimeCode.id)
    )
    if used is None:
        raise WrongCode(
            "The code was used already. Ask for a new one.", detail_zh="验证码已用过，请重新获取。"
        )


def _counted_try(
    session: Session, district: DistrictInfo, *, target: str, ticket: str, clock: Clock
) -> OneTimeCode | None:
    newest = (
        select(OneTimeCode.id)
        .where(
            OneTimeCode.district_id == district.id,
            OneTimeCode.target_hash == _keyed(district, target),
            OneTimeCode.browser == ticket,
        )
        .order_by(OneTimeCode.created_at.desc(), OneTimeCode.id.desc())
        .limit(1)
    )
    return session.scalar(
        update(OneTimeCode)
        .where(
            OneTimeCode.district_id == district.id,
            OneTimeCode.id == newest.scalar_subquery(),
            OneTimeCode.tries < MAX_TRIES,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.expires_at > clock.machine_now(),
        )
        .values(tries=OneTimeCode.tries + 1)
        .returning(OneTimeCode)
    )


def _keyed(district: DistrictInfo, text: str) -> bytes:
    return hmac.digest(district.alias_key, b"code:" + text.encode(), "sha256")


def _digits(typed: str) -> str:
    """The digits of a typed code, full-width ones and blanks forgiven."""
    digits = "".join(str(int(character)) for character in typed if character.isdecimal())
    return digits if len(digits) == DIGITS else ""

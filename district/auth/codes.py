"""One-time codes: six digits, ten minutes, five tries, one use, for the browser that asked."""

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from district.auth.models import OneTimeCode, RateCount
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.problems import NotAuthenticated, TooMany

DIGITS = 6
LIFE = timedelta(minutes=10)
MAX_TRIES = 5
PER_TARGET_HOUR = 5
PER_PREFIX_DAY = 200
PER_NETWORK_HOUR = 60
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


def count(
    session: Session, district_id: uuid.UUID, subject: str, *, period: timedelta, limit: int, clock: Clock
) -> None:
    """Count one more use of a subject in this period, in one statement.

    Raises: TooMany past the limit.
    """
    now = clock.machine_now()
    start = datetime.fromtimestamp(
        now.timestamp() // period.total_seconds() * period.total_seconds(), tz=now.tzinfo
    )
    values = {"district_id": district_id, "subject": subject, "period_start": start, "count": 1}
    statement = insert(RateCount).values(values)
    counted = session.scalar(
        statement.on_conflict_do_update(
            index_elements=["district_id", "subject", "period_start"], set_={"count": RateCount.count + 1}
        ).returning(RateCount.count)
    )
    if counted is not None and counted > limit:
        wait = start + period - now
        raise TooMany(
            "Too many codes were asked for. Wait a while.",
            retry_after_s=max(1, int(wait.total_seconds())),
            detail_zh="获取验证码过于频繁，请稍后再试。",
        )


def make(
    session: Session, district: DistrictInfo, *, target: str, channel: str, network: str, clock: Clock
) -> MadeCode:
    """Make a code for a phone number or address, within the limits of the number, its prefix and the network.

    Raises: TooMany.
    """
    target_hash = _keyed(district, target)
    count(session, district.id, f"code:{target_hash.hex()}", period=HOUR, limit=PER_TARGET_HOUR, clock=clock)
    if channel == "sms":
        prefix = target[:-PREFIX_DROPS]
        count(session, district.id, f"prefix:{prefix}", period=DAY, limit=PER_PREFIX_DAY, clock=clock)
    count(session, district.id, f"network:{network}", period=HOUR, limit=PER_NETWORK_HOUR, clock=clock)
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    ticket = secrets.token_urlsafe(16)
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


def check(
    sessions: sessionmaker[Session],
    district: DistrictInfo,
    *,
    target: str,
    code: str,
    ticket: str | None,
    clock: Clock,
) -> None:
    """Use a code, in transactions of its own: a try is counted before anything is compared, and no later failure gives it back.

    Without a ticket (programs) the newest code of the target is meant. Raises: WrongCode.
    """
    with sessions.begin() as session:
        row = _counted_try(session, district, target=target, ticket=ticket, clock=clock)
    if row is None:
        raise WrongCode("Ask for a new code.", detail_zh="验证码已失效，请重新获取。")
    if not hmac.compare_digest(_keyed(district, f"{row.browser}:{_digits(code)}"), row.code_hash):
        left = MAX_TRIES - row.tries
        raise WrongCode(
            f"The code is wrong; tries left: {left}.", detail_zh=f"验证码不正确，还可以试 {left} 次。"
        )
    with sessions.begin() as session:
        used = session.scalar(
            update(OneTimeCode)
            .where(
                OneTimeCode.district_id == district.id,
                OneTimeCode.id == row.id,
                OneTimeCode.used_at.is_(None),
            )
            .values(used_at=clock.machine_now())
            .returning(OneTimeCode.id)
        )
    if used is None:
        raise WrongCode(
            "The code was used already. Ask for a new one.", detail_zh="验证码已用过，请重新获取。"
        )


def _counted_try(
    session: Session, district: DistrictInfo, *, target: str, ticket: str | None, clock: Clock
) -> OneTimeCode | None:
    newest = (
        select(OneTimeCode.id)
        .where(OneTimeCode.district_id == district.id, OneTimeCode.target_hash == _keyed(district, target))
        .order_by(OneTimeCode.created_at.desc())
        .limit(1)
    )
    if ticket is not None:
        newest = newest.where(OneTimeCode.browser == ticket)
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
    return "".join(str(int(character)) for character in typed if character.isdecimal())[:DIGITS]

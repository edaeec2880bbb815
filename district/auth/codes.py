"""One-time codes: six digits, ten minutes, five tries, one use, for the browser that asked."""

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from district.auth import code_limits, code_policy, limits
from district.auth.code_limits import PER_CLAIMED_NETWORK_HOUR as PER_CLAIMED_NETWORK_HOUR  # noqa: PLC0414
from district.auth.code_limits import PER_NETWORK_HOUR as PER_NETWORK_HOUR  # noqa: PLC0414 callers ask one module
from district.auth.code_limits import PER_SHARED_NETWORK_HOUR as PER_SHARED_NETWORK_HOUR  # noqa: PLC0414
from district.auth.code_limits import PREFIX_DROPS, Asking
from district.auth.limits import count as count  # noqa: PLC0414 part of this module's promise
from district.auth.models import OneTimeCode
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.problems import NotAuthenticated

DIGITS = 6
LIFE = timedelta(minutes=10)
MAX_TRIES = 5


class WrongCode(NotAuthenticated):
    """The code is wrong, used, too old, or was tried too often."""

    slug, title = "wrong-code", "The code is wrong or too old"


@dataclass(frozen=True, kw_only=True)
class MadeCode:
    """A code to be sent; ``ticket`` stays with the browser that asked."""

    code: str
    ticket: str
    expires_at: datetime
    cost: int = 0
    """Minor units of the district's currency."""


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

    Raises: TooMany; Invalid for a number of a country that no codes are sent to.
    """
    now = clock.machine_now()
    policy = code_policy.of(session, district)
    if channel == "sms":
        code_policy.check_country(district, policy, target)
    asking = Asking(
        target=target,
        target_hash=target_hash(district, target),
        prefix_hash=_keyed(district, target[:-PREFIX_DROPS]) if channel == "sms" else None,
        network=network,
        per_network_hour=per_network_hour,
        device=device,
    )
    # First so that a refusal is cheap and waits for nobody, then again with the prefix's count in hand.
    code_limits.check_typed_in(session, district, asking.prefix_hash, machine_now=now)
    for limit in code_limits.limits_of(district, policy, asking):
        limits.take(session, district.id, limit, clock=clock)
    code_limits.check_typed_in(session, district, asking.prefix_hash, machine_now=now)
    code = new_code()
    ticket = secrets.token_urlsafe(16) if is_bound else ""
    session.add(
        OneTimeCode(
            district_id=district.id,
            id=new_id(),
            channel=channel,
            target_hash=asking.target_hash,
            code_hash=code_hash(district, ticket, code),
            browser=ticket,
            prefix_hash=asking.prefix_hash,
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    cost = policy.sms_cost if channel == "sms" else 0
    return MadeCode(code=code, ticket=ticket, expires_at=now + LIFE, cost=cost)


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
    if not hmac.compare_digest(code_hash(district, row.browser, _digits(code)), row.code_hash):
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
            OneTimeCode.target_hash == target_hash(district, target),
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


def new_code() -> str:
    """Six digits, drawn."""
    return "".join(secrets.choice("0123456789") for _ in range(DIGITS))


def target_hash(district: DistrictInfo, target: str) -> bytes:
    """By which a number or address is found again."""
    return _keyed(district, target)


def code_hash(district: DistrictInfo, ticket: str, code: str) -> bytes:
    """By which a code is known; it is worth nothing without the ticket of the browser that asked."""
    return _keyed(district, f"{ticket}:{code}")


def _keyed(district: DistrictInfo, text: str) -> bytes:
    return hmac.digest(district.alias_key, b"code:" + text.encode(), "sha256")


def _digits(typed: str) -> str:
    """The digits of a typed code, full-width ones and blanks forgiven."""
    digits = "".join(str(int(character)) for character in typed if character.isdecimal())
    return digits if len(digits) == DIGITS else ""

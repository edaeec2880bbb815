"""How often codes are sent: per number, device, prefix, country, network and day, and for how much money.

Whoever earns on messages asks for many, to numbers that were rented together, and never types a code in. So numbers
are counted together with their neighbours, and a prefix whose codes hardly anybody types in gets no more of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import phonenumbers
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.auth.code_policy import Policy
from district.auth.limits import Limit
from district.auth.models import OneTimeCode
from district.districts.service import DistrictInfo
from district.problems import TooMany

PER_TARGET_HOUR = 5
PER_TARGET_DAY = 20
PER_DEVICE_HOUR = 5
PER_PREFIX_DAY = 200
PER_FOREIGN_COUNTRY_DAY = 2_000
PER_OWN_COUNTRY_DAY = 60_000
PER_NETWORK_HOUR = 60
PER_CLAIMED_NETWORK_HOUR = 600
"""Behind a gateway that vouches for nobody: its clients share an address."""
PER_SHARED_NETWORK_HOUR = 5_000
"""Behind a gateway that vouches for each device, which has a limit of its own."""
BUSY_HOURS_A_DAY = 6
"""A network may ask for this many hours' worth of codes in a day."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PREFIX_DROPS = 4
WATCHED = 50
LEAST_TYPED_IN = 10
"""Of the codes that are watched; fewer stop the prefix."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A code that is asked for: where it goes, and who asks."""

    target: str
    """E.164, or an e-mail address."""
    target_hash: bytes
    prefix_hash: bytes | None
    """Of the number without its last four digits; None for e-mail."""
    network: str
    per_network_hour: int
    device: bytes | None


def limits_of(district: DistrictInfo, policy: Policy, asking: Asking) -> Iterator[Limit]:
    """From the narrowest to the widest: every caller locks the counts in this order."""
    target = asking.target_hash.hex()
    yield Limit(subject=f"code:{target}", period=HOUR, most=PER_TARGET_HOUR)
    yield Limit(subject=f"code-day:{target}", period=DAY, most=PER_TARGET_DAY)
    if asking.device is not None:
        yield Limit(subject=f"code-device:{asking.device.hex()}", period=HOUR, most=PER_DEVICE_HOUR)
    if asking.prefix_hash is not None:
        yield Limit(subject=f"code-prefix:{asking.prefix_hash.hex()}", period=DAY, most=PER_PREFIX_DAY)
    most = asking.per_network_hour
    yield Limit(subject=f"code-network:{asking.network}:{most}", period=HOUR, most=most)
    yield Limit(subject=f"code-network-day:{asking.network}:{most}", period=DAY, most=most * BUSY_HOURS_A_DAY)
    if asking.prefix_hash is not None:
        yield _of_country(district, asking.target)
        yield _of_money(policy)


def _of_country(district: DistrictInfo, number: str) -> Limit:
    country = phonenumbers.parse(number).country_code
    is_own = country == phonenumbers.country_code_for_region(district.country)
    most = PER_OWN_COUNTRY_DAY if is_own else PER_FOREIGN_COUNTRY_DAY
    return Limit(subject=f"code-country:{country}", period=DAY, most=most)


def _of_money(policy: Policy) -> Limit:
    return Limit(
        subject="code-money",
        period=DAY,
        most=policy.daily_budget,
        amount=policy.sms_cost,
        detail="No more codes are sent to telephones today. Choose another way to sign in.",
        detail_zh="今天的短信验证码额度已用完，请换一种方式登录。",
    )


def check_typed_in(
    session: Session, district: DistrictInfo, prefix_hash: bytes | None, *, machine_now: datetime
) -> None:
    """Stop a prefix whose last codes were hardly ever typed in; it opens again as they grow a day old.

    To a caller who holds the prefix's count, what it sees here is all that was sent.

    Raises: TooMany.
    """
    if prefix_hash is None:
        return
    newest = (
        select(OneTimeCode.created_at, OneTimeCode.used_at)
        .where(
            OneTimeCode.district_id == district.id,
            OneTimeCode.prefix_hash == prefix_hash,
            OneTimeCode.created_at > machine_now - DAY,
        )
        .order_by(OneTimeCode.created_at.desc())
        .limit(WATCHED)
        .subquery()
    )
    sent, typed_in = session.execute(select(func.count(), func.count(newest.c.used_at))).one()
    if sent >= WATCHED and typed_in < LEAST_TYPED_IN:
        raise TooMany(
            "Too many codes were asked for by numbers like this one. Choose another way to sign in.",
            retry_after_s=3600,
            detail_zh="与此类似的号码获取验证码过于频繁，请换一种方式登录。",
        )

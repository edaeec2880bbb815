"""Who was shown a sign-in page and who got in, device by device and day by day, for rates that can be compared."""

import hmac
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways.dialect import Arrival
from district.gateways.models import Gateway
from district.gateways.sign_in_options import SignInOptions, Variant
from district.later import LaterWrites
from district.portal.models import SignInVisit
from district.portal.queries import SHOWN_SQL, SIGN_INS_SQL
from push.lift import Group, wilson

PSEUDONYM_BYTES = 16


def options_of(gateway: Gateway) -> SignInOptions:
    """How the gateway's page asks."""
    return SignInOptions.model_validate(gateway.sign_in)


def variant_of(district: DistrictInfo, gateway: Gateway, arrival: Arrival) -> Variant:
    """The wording that a device is shown: at random where two are compared, and the same one each time."""
    options = options_of(gateway)
    if not options.compares_variants:
        return options.variant
    drawn = _keyed(district, b"variant:" + gateway.id.bytes + bytes.fromhex(arrival.mac))
    return tuple(Variant)[drawn[0] % len(Variant)]


def shown(
    later: LaterWrites, district: DistrictInfo, gateway: Gateway, arrival: Arrival, *, clock: Clock
) -> None:
    """The page was shown; once a day and device counts. Written within the next second."""
    row = _row(district, gateway, arrival, clock)
    later.add(SHOWN_SQL, row, key=(row["gateway_id"], row["day"], row["device"]))


def code_sent(
    session: Session, district: DistrictInfo, gateway: Gateway, arrival: Arrival, *, cost: int, clock: Clock
) -> None:
    """A code was sent to whoever stands before the page, for this much money."""
    statement = insert(SignInVisit).values(
        _row(district, gateway, arrival, clock) | {"codes": 1, "cost": cost}
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=_KEY, set_={"codes": SignInVisit.codes + 1, "cost": SignInVisit.cost + cost}
        )
    )


def let_in(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    *,
    method: str,
    is_new: bool,
    clock: Clock,
) -> None:
    """The device may go on line; the first time of the day counts."""
    came = {"let_in_at": clock.now(), "method": method, "is_new": is_new}
    statement = insert(SignInVisit).values(_row(district, gateway, arrival, clock) | came)
    session.execute(
        statement.on_conflict_do_update(index_elements=_KEY, set_=came, where=SignInVisit.let_in_at.is_(None))
    )


_KEY = ["district_id", "gateway_id", "day", "device"]


def _row(district: DistrictInfo, gateway: Gateway, arrival: Arrival, clock: Clock) -> dict[str, Any]:
    now = clock.now()
    day = district.trading_day(now)
    named = b"visit:" + gateway.id.bytes + day.isoformat().encode() + bytes.fromhex(arrival.mac)
    return {
        "district_id": district.id,
        "gateway_id": gateway.id,
        "day": day,
        "device": _keyed(district, named),
        "variant": variant_of(district, gateway, arrival),
        "shown_at": now,
    }


def _keyed(district: DistrictInfo, text_: bytes) -> bytes:
    return hmac.digest(district.alias_key, text_, "sha256")[:PSEUDONYM_BYTES]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share, with the 95 % interval that holds the true one."""

    value: float | None
    low: float
    high: float


def rate_of(successes: int, trials: int) -> Rate:
    """The share of successes; there is none of no trials."""
    found = wilson(Group(people=trials, did=successes))
    return Rate(value=found.estimate if trials else None, low=found.low, high=found.high)


@dataclass(frozen=True, kw_only=True)
class SignIns:
    """What a gateway's sign-in page, or one wording of it, came to."""

    variant: str
    """Empty: all together."""
    shown: int
    connected: int
    new_members: int
    codes: int
    cost: int
    """Of the codes, in minor units."""

    @property
    def connect_rate(self) -> Rate:
        """Devices let in, of those that were shown the page."""
        return rate_of(self.connected, self.shown)

    @property
    def cost_per_new_member(self) -> float | None:
        """Minor units; None while there is no new member."""
        return self.cost / self.new_members if self.new_members else None


def sign_ins(
    session: Session, district_id: uuid.UUID, gateway_id: uuid.UUID, *, since: date, until: date
) -> list[SignIns]:
    """By wording, for trading days ``since`` to before ``until``; the whole comes first."""
    values = {"district_id": district_id, "gateway_id": gateway_id, "since": since, "until": until}
    rows = session.execute(text(SIGN_INS_SQL), values).mappings()
    found = [SignIns(**{name: row[name] for name in row}) for row in rows]
    return sorted(found, key=lambda one: one.variant)

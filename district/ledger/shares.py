"""Who bears a discount, and how much of it: exact to the minor unit."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from district.ledger.models import Account

NOBODY = uuid.UUID(int=0)
"""The owner of accounts of which a district has one."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """One that bears a part. Parts are weights: 60 and 40, or 3 and 2."""

    account: Account
    owner_id: uuid.UUID
    weight: int


def own(merchant_id: uuid.UUID) -> tuple[Share, ...]:
    """A merchant that bears all of it himself."""
    return (Share(account=Account.MERCHANT_SHARE, owner_id=merchant_id, weight=1),)


_ACCOUNT = {
    "merchant": Account.MERCHANT_SHARE,
    "chain": Account.MERCHANT_SHARE,
    "store": Account.MERCHANT_SHARE,
    "property": Account.PROPERTY_SHARE,
    "platform": Account.PLATFORM_SUBSIDY,
    "operator": Account.PLATFORM_SUBSIDY,
    "sponsor": Account.SPONSOR_SHARE,
}


def share_of(kind: str, party_id: uuid.UUID | None, weight: int) -> Share:
    """The share of a campaign's owner or of a party that funds it; the platform bears that of nobody."""
    account = _ACCOUNT[kind] if party_id is not None else Account.PLATFORM_SUBSIDY
    owner_id = NOBODY if account is Account.PLATFORM_SUBSIDY or party_id is None else party_id
    return Share(account=account, owner_id=owner_id, weight=weight)


def split(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of an amount in the proportion of the weights, which add up to it.

    Largest remainder (Hamilton): each gets its part rounded down, and the units that are left go one by one to the
    largest remainders; among equal ones to the first. No part is a whole unit or more off its exact value.
    """
    if amount_minor < 0 or not weights or min(weights) < 0 or sum(weights) == 0:
        raise ValueError("An amount of zero or more is split by weights of zero or more, not all zero.")
    whole = sum(weights)
    parts = [amount_minor * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda place: (-(amount_minor * weights[place] % whole), place))
    for place in order[: amount_minor - sum(parts)]:
        parts[place] += 1
    return parts

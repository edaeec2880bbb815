"""The words of the demo's crowd: people, the stores that they go to, and what they are up to."""

from dataclasses import dataclass, field
from enum import IntEnum


class Mode(IntEnum):
    """What somebody does."""

    AWAY = 0
    WALKING = 1
    STAYING = 2
    LEAVING = 3


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store that people go to."""

    id: str
    category: str
    x_m: float
    y_m: float
    has_offers: bool
    floor: str | None = None


@dataclass(kw_only=True)
class Person:
    """Somebody with a telephone."""

    mac: str
    number: int | None = None
    """Which of the past members this is; None for a stranger."""
    token: str = ""
    """The browser's session; empty before the person has joined."""
    joins: bool = False
    has_joined: bool = False
    """Whether this telephone has been through the portal."""
    seen: set[str] = field(default_factory=set)
    """Offers that were looked at."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A store to go to, with a coupon to use there."""

    place: int
    offer_id: str = ""
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where somebody is at a moment, and what is still on the list."""

    person: Person
    x_m: float
    y_m: float
    place: int | None
    """The store that he is in until ``until_s``; None on the way."""
    until_s: float
    errands: tuple[Errand, ...]


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """Somebody has come to a store with a coupon."""

    slot: int
    errand: Errand

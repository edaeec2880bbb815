"""Histories of members, and of each audience which of them belong: one set of vectors for every evaluator.

Times are distances from NOW. A member's walks are (days ago, hours long, place); places are the keys of PLACES.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from push.audience_facts import Done, Facts, Owner, Place, Stay, Stays
from push.audience_terms import PRESENT_VISIT, EventKind, LabelKind, VisitScope
from push.consent import Channel, ConsentRecord, Consents, Purpose
from push.identifiers import MerchantId, StoreId

NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
MERCHANT, RIVAL = MerchantId(UUID(int=31)), MerchantId(UUID(int=32))
MALL, MARKET = UUID(int=41), UUID(int=42)


def store(number: int) -> StoreId:
    return StoreId(UUID(int=500 + number))


PLACES: Mapping[str, Place] = {
    "district": Place(),
    # The campaign's own store, another of the merchant's outside the mall, a rival's inside, a stranger's.
    "mine": Place(store_id=store(1), merchant_id=MERCHANT, property_id=MALL, category="cafe"),
    "branch": Place(store_id=store(2), merchant_id=MERCHANT, property_id=MARKET, category="bakery"),
    "rival": Place(store_id=store(3), merchant_id=RIVAL, property_id=MALL, category="cafe"),
    "kiosk": Place(store_id=store(4), category="kiosk"),
}
OWNER = Owner(merchant_id=MERCHANT, store_ids=frozenset({store(1)}), property_ids=frozenset({MALL}))
OPERATOR = Owner(scope=VisitScope.DISTRICT)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One visit."""

    ago: timedelta
    place: str = "mine"
    length: timedelta = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Person:
    """What a vector's member did and said."""

    walks: tuple[Walk, ...] = ()
    redeemed: tuple[tuple[timedelta, str], ...] = ()
    given_back: tuple[tuple[timedelta, str], ...] = ()
    did: tuple[tuple[timedelta, EventKind, str], ...] = ()
    """A place of "district" is none."""
    follows: frozenset[str] = frozenset()
    language: str = "en"
    phone: bool = False
    email: bool = False
    agreed: frozenset[tuple[Purpose, Channel | None]] = frozenset({(Purpose.LOCATION, None)})
    tags: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    is_personalised: bool = True

    @property
    def consents(self) -> Consents:
        return Consents.after(
            ConsentRecord(purpose=purpose, channel=channel, granted=True, at=NOW)
            for purpose, channel in self.agreed
        )


@dataclass(frozen=True, kw_only=True)
class World:
    """The sets that there are."""

    tags: frozenset[str] = frozenset({"vip", "staff"})
    lists: frozenset[str] = frozenset({"customers"})
    segments: frozenset[str] = frozenset({"regulars"})


WORLD = World()


def facts_of(person: Person, owner: Owner = OWNER, world: World = WORLD) -> Facts:
    """What a loader that does everything right would find; the plainest code that can say it."""
    is_open = person.is_personalised
    is_walked = is_open and person.consents.holds(Purpose.LOCATION)
    addresses = {Channel.INBOX: True, Channel.SMS: person.phone, Channel.EMAIL: person.email}
    sets = {
        LabelKind.TAG: (world.tags, person.tags),
        LabelKind.LIST: (world.lists, person.lists),
        LabelKind.SEGMENT: (world.segments, person.segments),
    }
    return Facts(
        owner=owner,
        stays=_stays(person) if is_walked else None,
        redemptions=tuple(Done(place=PLACES[place], at=NOW - ago) for ago, place in person.redeemed)
        if is_open
        else None,
        events=tuple(Done(place=PLACES[place], at=NOW - ago, kind=kind) for ago, kind, place in person.did)
        if is_open
        else None,
        follows=frozenset(PLACES[place] for place in person.follows),
        addresses=frozenset(channel for channel, is_there in addresses.items() if is_there),
        labels={
            (kind, name): owner.merchant_id == MERCHANT and name in own
            for kind, (known, own) in sets.items()
            for name in known
            if is_open
        },
    )


def _stays(person: Person) -> tuple[Stays, ...]:
    found = []
    for place in sorted({walk.place for walk in person.walks}):
        stays = sorted(
            (NOW - walk.ago, NOW - walk.ago + walk.length) for walk in person.walks if walk.place == place
        )
        earlier = [Stay(started_at=start, ended_at=end) for start, end in stays if end < NOW - PRESENT_VISIT]
        if earlier:
            found.append(
                Stays(
                    place=PLACES[place],
                    count=len(earlier),
                    last_at=earlier[-1].started_at,
                    recent=tuple(earlier),
                )
            )
    return tuple(found)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


TICK = timedelta(microseconds=1)
_MARKETING = (Purpose.MARKETING, Channel.INBOX)
_LOCATED = (Purpose.LOCATION, None)


def walker(*walks: Walk, **said: Any) -> Person:
    return Person(walks=walks, **said)


PEOPLE: Mapping[str, Person] = {
    "stranger": Person(),
    "here now": walker(Walk(ago=hours(1), length=timedelta(minutes=31))),
    "an hour ago": walker(Walk(ago=hours(1), length=timedelta(minutes=29))),
    "nearly half a day": walker(Walk(ago=hours(12) - TICK)),
    "half a day": walker(Walk(ago=hours(12))),
    "month ago": walker(Walk(ago=days(30))),
    "month ago and now": walker(Walk(ago=days(30)), Walk(ago=hours(2))),
    "weekly": walker(*(Walk(ago=days(7 * week + 1)) for week in range(8))),
    "branch only": walker(Walk(ago=days(5), place="branch", length=hours(3))),
    "rival only": walker(Walk(ago=days(5), place="rival"), Walk(ago=days(6), place="rival")),
    "passes by": walker(
        Walk(ago=days(3), place="district", length=hours(2)), Walk(ago=days(9), place="district")
    ),
    "kiosk": walker(Walk(ago=days(2), place="kiosk")),
    "years ago": walker(Walk(ago=days(500))),
    "private": walker(Walk(ago=days(3)), is_personalised=False, tags=frozenset({"vip"})),
    "unlocated": walker(Walk(ago=days(3)), agreed=frozenset({_MARKETING}), tags=frozenset({"vip"})),
    "buyer": Person(redeemed=((days(3), "mine"), (days(50), "branch")), tags=frozenset({"vip"})),
    "rival's buyer": Person(redeemed=((days(20), "rival"),)),
    "gave it back": Person(given_back=((days(3), "mine"),)),
    "zh, phone": Person(
        language="zh-Hans",
        phone=True,
        agreed=frozenset({_LOCATED, _MARKETING, (Purpose.MARKETING, Channel.SMS)}),
    ),
    "fi, email": Person(language="fi", email=True, agreed=frozenset({_LOCATED, (Purpose.MARKETING, None)})),
    "phone, silent": Person(phone=True),
    "follower": Person(follows=frozenset({"mine"})),
    "branch follower": Person(follows=frozenset({"branch", "kiosk"}), is_personalised=False),
    "rival's follower": Person(follows=frozenset({"rival"})),
    "staff": walker(Walk(ago=days(3)), tags=frozenset({"staff"}), lists=frozenset({"customers"})),
    "regular": Person(segments=frozenset({"regulars"}), lists=frozenset({"customers"})),
    "looker": Person(
        did=(
            (days(1), EventKind.STORE_VIEW, "mine"),
            (days(2), EventKind.STORE_VIEW, "mine"),
            (days(2), EventKind.STORE_VIEW, "rival"),
            (days(40), EventKind.STORE_VIEW, "branch"),
            (days(1), EventKind.SEARCH, "district"),
        )
    ),
}


@dataclass(frozen=True, kw_only=True)
class Vector:
    """An audience, and who of PEOPLE belongs to it."""

    who: Any
    are_in: frozenset[str]
    owner: Owner = field(default=OWNER)


def vector(who: Any, *are_in: str, owner: Owner = OWNER) -> Vector:
    return Vector(who=who, are_in=frozenset(are_in), owner=owner)


def everybody_but(*out: str) -> tuple[str, ...]:
    return tuple(name for name in PEOPLE if name not in out)


_WALKS_UNKNOWN = ("private", "unlocated")
_CAME = ("half a day", "month ago", "month ago and now", "weekly", "branch only", "years ago", "staff")
_CAME_MINE = tuple(name for name in _CAME if name != "branch only")
_MAYBE = ("an hour ago", "nearly half a day")
_SETS_UNKNOWN = ("private", "branch follower")
_TERM = {"attr": "visits", "op": ">=", "value": 1}

VECTORS: tuple[Vector, ...] = (
    vector("everyone", *PEOPLE),
    vector({"all": []}, *PEOPLE),
    vector("new", *everybody_but(*_CAME, *_MAYBE, *_WALKS_UNKNOWN, "branch follower")),
    vector("returning", *_CAME),
    vector({"attr": "familiarity", "value": "returning", "scope": "store"}, *_CAME_MINE),
    vector(_TERM | {"older_h": 12}, *_CAME),
    # Not of what is unknown is unknown: whoever was here this morning is in neither.
    vector({"not": _TERM}, *everybody_but(*_CAME, *_MAYBE, *_WALKS_UNKNOWN, "branch follower")),
    vector({"not": {"not": _TERM}}, *_CAME),
    vector({"attr": "visits", "op": ">=", "value": 2}, "weekly"),
    vector(
        {"attr": "visits", "op": "<", "value": 2, "scope": "store"},
        *everybody_but("month ago and now", "weekly", *_WALKS_UNKNOWN, "branch follower"),
    ),
    vector(
        {"attr": "visits", "op": "==", "value": 1},
        *(name for name in _CAME if name not in ("weekly", "month ago and now")),
    ),
    vector({"attr": "visits", "op": ">=", "value": 4, "window_d": 30}, "weekly"),
    vector({"attr": "visits", "op": ">=", "value": 6, "window_d": 30}),
    vector(
        {"attr": "visits", "op": ">=", "value": 1, "window_d": 30},
        "half a day",
        "month ago",
        "month ago and now",
        "weekly",
        "branch only",
        "staff",
    ),
    vector(
        {"attr": "visits", "op": ">=", "value": 1, "window_d": 29},
        "half a day",
        "weekly",
        "branch only",
        "staff",
    ),
    vector({"attr": "familiarity", "value": "frequent", "n": 8, "window_d": 60}, "weekly"),
    vector({"attr": "familiarity", "value": "lapsed", "window_d": 29}, "month ago", "years ago"),
    vector({"attr": "familiarity", "value": "lapsed", "window_d": 30}, "years ago"),
    vector({"attr": "visits", "op": ">=", "value": 2, "scope": "property"}, "weekly", "rival only"),
    vector({"attr": "visits", "op": ">=", "value": 1, "scope": "district"}, "passes by"),
    vector("returning", "passes by", owner=OPERATOR),
    vector({"attr": "dwell_s", "op": ">=", "value": 10_800, "window_d": 30}, "weekly", "branch only"),
    vector(
        {"attr": "dwell_s", "op": "<=", "value": 7_200, "window_d": 7, "scope": "district"},
        *everybody_but(*_WALKS_UNKNOWN, "branch follower"),
    ),
    vector({"attr": "dwell_s", "op": "==", "value": 7_200, "window_d": 7, "scope": "district"}, "passes by"),
    vector(
        {"attr": "last_visit_days", "op": "<", "value": 5},
        "an hour ago",
        "nearly half a day",
        "half a day",
        "month ago and now",
        "weekly",
        "staff",
    ),
    vector({"attr": "last_visit_days", "op": "==", "value": 30}, "month ago"),
    vector({"all": [{"attr": "last_visit_days", "op": ">", "value": 30}, _TERM]}, "years ago"),
    vector({"attr": "last_redeem_days", "op": "<=", "value": 14}, "buyer"),
    vector(
        {"attr": "last_redeem_days", "op": ">", "value": 14},
        *everybody_but("buyer", "private", "branch follower"),
    ),
    vector(
        {"attr": "last_redeem_days", "op": "<", "value": 30, "scope": "property"}, "buyer", "rival's buyer"
    ),
    vector({"attr": "last_redeem_days", "op": "==", "value": 20, "scope": "district"}, "rival's buyer"),
    vector(
        {"attr": "category_interest", "value": "cafe", "window_d": 10},
        "half a day",
        "weekly",
        "rival only",
        "staff",
    ),
    vector({"attr": "category_interest", "value": "cafe", "window_d": 10, "n": 2}, "weekly", "rival only"),
    vector({"attr": "language", "value": "zh"}, "zh, phone"),
    vector({"not": {"attr": "language", "value": "zh"}}, *everybody_but("zh, phone", "fi, email")),
    vector({"attr": "channel", "value": "inbox"}, "unlocated", "zh, phone", "fi, email"),
    vector({"attr": "channel", "value": "sms"}, "zh, phone"),
    vector({"attr": "channel", "value": "email"}, "fi, email"),
    vector({"attr": "follows", "value": "merchant"}, "follower", "branch follower"),
    vector({"attr": "follows", "value": "store"}, "follower"),
    vector({"attr": "follows", "value": str(store(2))}, "branch follower"),
    # Somebody else's store is nobody's to ask for, but the operator's.
    vector({"attr": "follows", "value": str(store(3))}),
    vector({"attr": "follows", "value": str(store(3))}, "rival's follower", owner=OPERATOR),
    vector({"attr": "follows", "value": "district"}, "follower", "branch follower", "rival's follower"),
    vector({"attr": "tag", "value": "vip"}, "unlocated", "buyer"),
    vector({"not": {"attr": "tag", "value": "vip"}}, *everybody_but("unlocated", "buyer", *_SETS_UNKNOWN)),
    # A set that does not exist is unknown: nobody is in it, and nobody is known to be out of it.
    vector({"attr": "tag", "value": "no-such"}),
    vector({"not": {"attr": "tag", "value": "no-such"}}),
    vector({"attr": "list", "value": "customers"}, "staff", "regular"),
    vector({"seg": "regulars"}, "regular"),
    vector(
        {"all": [{"attr": "list", "value": "customers"}, {"not": {"attr": "tag", "value": "staff"}}]},
        "regular",
    ),
    vector({"attr": "did", "kind": "store.view", "op": ">=", "value": 2, "window_d": 30}, "looker"),
    vector({"attr": "did", "kind": "store.view", "op": ">=", "value": 3, "window_d": 30}),
    vector(
        {"attr": "did", "kind": "store.view", "op": "==", "value": 3, "window_d": 30, "scope": "property"},
        "looker",
    ),
    vector({"attr": "did", "kind": "search", "op": ">", "value": 0, "window_d": 7}, "looker"),
    vector(
        {"any": [{"attr": "tag", "value": "vip"}, {"attr": "language", "value": "zh"}]},
        "unlocated",
        "buyer",
        "zh, phone",
    ),
    # Any holds as soon as one part does, whatever is unknown beside it; all fails as soon as one does.
    vector({"any": [_TERM, {"attr": "follows", "value": "merchant"}]}, *_CAME, "follower", "branch follower"),
    vector(
        {"not": {"all": [_TERM, {"attr": "follows", "value": "merchant"}]}}, *everybody_but("branch follower")
    ),
    vector(
        {
            "all": [
                {"attr": "visits", "window_d": 90, "op": ">=", "value": 2},
                {"attr": "last_redeem_days", "op": ">", "value": 14},
                {"not": {"attr": "tag", "value": "staff"}},
            ]
        },
        "weekly",
    ),
)

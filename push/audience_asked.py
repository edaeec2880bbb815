"""What audiences ask of members, so that only that is loaded."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from push.audience import Audience
from push.audience_terms import (
    LONGEST_DAYS,
    Did,
    Dwell,
    Follows,
    Interest,
    LabelKind,
    Labelled,
    Lapsed,
    LastRedemption,
    LastVisit,
    Leaf,
    Visits,
    VisitScope,
    Walked,
    leaves,
)
from push.identifiers import StoreId

LEAST_STAY_DAYS = 1
"""Single visits are always needed so far back: those of the last twelve hours may belong to the same outing."""
_SCOPED = (Visits, Lapsed, Dwell, LastVisit, LastRedemption, Did, Follows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A named set, and whose: a merchant's or a property's; None is the operator's."""

    owner_id: UUID | None
    kind: LabelKind
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Facts to load. days of 0: not at all; stores are those whose properties must be known."""

    stay_days: int = 0
    event_days: int = 0
    redemptions: bool = False
    follows: bool = False
    labels: frozenset[Label] = frozenset()
    stores: frozenset[StoreId] = frozenset()

    def together(self, other: "Asked") -> "Asked":
        """What either asks."""
        return Asked(
            stay_days=max(self.stay_days, other.stay_days),
            event_days=max(self.event_days, other.event_days),
            redemptions=self.redemptions or other.redemptions,
            follows=self.follows or other.follows,
            labels=self.labels | other.labels,
            stores=self.stores | other.stores,
        )


NOTHING = Asked()
STAYS = Asked(stay_days=LEAST_STAY_DAYS)
"""When each place was visited last, and how often ever."""


def asked(audience: Audience, *, owner_id: UUID | None, stores: Iterable[StoreId] = ()) -> Asked:
    """What the audience of this owner's campaign for these stores asks."""
    found = list(leaves(audience.term))
    labels = frozenset(
        Label(owner_id=owner_id, kind=leaf.kind, name=leaf.name)
        for leaf in found
        if isinstance(leaf, Labelled)
    )
    names_property = any(isinstance(leaf, _SCOPED) and leaf.scope is VisitScope.PROPERTY for leaf in found)
    return Asked(
        stay_days=max((_stay_days(leaf) for leaf in found), default=0),
        event_days=max((leaf.days for leaf in found if isinstance(leaf, Did)), default=0),
        redemptions=any(isinstance(leaf, LastRedemption) for leaf in found),
        follows=any(isinstance(leaf, Follows) for leaf in found),
        labels=labels,
        stores=frozenset(stores) if names_property else frozenset(),
    )


def _stay_days(leaf: Leaf) -> int:
    if isinstance(leaf, Visits | Dwell | Interest) and leaf.days is not None:
        return min(max(leaf.days, LEAST_STAY_DAYS), LONGEST_DAYS)
    return LEAST_STAY_DAYS if isinstance(leaf, Walked) else 0

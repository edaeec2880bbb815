"""What a report is made of: counts and sums of each arm, as the rows say."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.campaigns.models import CampaignStore
from district.offers.policies import DEFAULT
from district.reports import queries
from district.reports.schemas import Outcome, Window
from push.holdout import Arm
from push.lift import Group, SampleRatio, Split, sample_ratio_of
from push.mean_lift import Sums

HISTORY: Final = timedelta(days=28)
"""How far back a member's earlier figure goes, which CUPED adjusts by."""
MEMORY: Final = timedelta(days=180)
"""Who was in none of the stores so long is a new customer."""


Values: TypeAlias = Mapping[str, Any]
Draw: TypeAlias = tuple[float | None, str | None]
"""The share of members that was held out, in percent, and the salt; of both None: before they were kept."""
_NOTHING: Final = Sums(people=0, y=0.0, yy=0.0)


def values_of(
    session: Session, district_id: uuid.UUID, campaign_id: uuid.UUID, *, within: Window, now: datetime
) -> Values:
    """What the statements are given."""
    stores = select(CampaignStore.store_id).where(
        CampaignStore.district_id == district_id, CampaignStore.campaign_id == campaign_id
    )
    return {
        "district_id": district_id,
        "campaign_id": campaign_id,
        "stores": list(session.scalars(stores)),
        "within": timedelta(hours=within),
        "now": now,
    }


@dataclass(frozen=True, kw_only=True)
class ArmRows:
    """One arm by its members' first exposures."""

    people: int = 0
    pending: int = 0
    visited: int = 0
    redeemed: int = 0
    bought: int = 0
    new: int = 0
    visits: Sums = field(default_factory=lambda: _NOTHING)
    spent: Sums = field(default_factory=lambda: _NOTHING)
    parts: Mapping[Draw, "ArmRows"] = field(default_factory=dict)
    """The same of those whose arm was drawn alike: from one share of the members, under one salt."""

    def group(self, outcome: Outcome) -> Group:
        """How many of it did what is counted."""
        did = {
            Outcome.VISIT: self.visited,
            Outcome.REDEMPTION: self.redeemed,
            Outcome.PURCHASE: self.bought,
            Outcome.NEW_CUSTOMER: self.new,
        }
        return Group(people=self.people, did=did[outcome])


def arms(session: Session, values: Values) -> dict[Arm, ArmRows]:
    """The arms, those without members too."""
    given = {**values, "history": HISTORY, "memory": MEMORY}
    parts: dict[Arm, dict[Draw, ArmRows]] = {arm: {} for arm in Arm}
    for row in session.execute(text(queries.ARMS_SQL), given).mappings():
        parts[Arm(row["arm"])][row["holdout_pct"], row["holdout_salt"]] = ArmRows(
            **{name: row[name] for name in _COUNTED}, visits=_sums(row, "visits"), spent=_sums(row, "spent")
        )
    return {arm: _whole(every) for arm, every in parts.items()}


_COUNTED: Final = ("people", "pending", "visited", "redeemed", "bought", "new")


def _whole(parts: Mapping[Draw, ArmRows]) -> ArmRows:
    every = list(parts.values())
    return ArmRows(
        **{name: sum(getattr(one, name) for one in every) for name in _COUNTED},
        visits=_added([one.visits for one in every]),
        spent=_added([one.spent for one in every]),
        parts=parts,
    )


def _added(every: Sequence[Sums]) -> Sums:
    names = ("people", "y", "yy", "x", "xx", "xy")
    return Sums(**{name: sum(getattr(one, name) for one in every) for name in names})


def drawn_alike(treated: ArmRows, control: ArmRows) -> list[tuple[ArmRows, ArmRows]]:
    """Both arms of each draw: what was drawn otherwise is compared by itself."""
    draws = sorted({*treated.parts, *control.parts}, key=str)
    return [(treated.parts.get(one, ArmRows()), control.parts.get(one, ArmRows())) for one in draws]


def _sums(row: Mapping[Any, Any], name: str) -> Sums:
    parts = {part: float(row[f"{name}_{part}"]) for part in ("y", "yy", "x", "xx", "xy")}
    return Sums(people=row["people"], **parts)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The split of members, and how many came while it is not known which share was held out."""

    ratio: SampleRatio
    unknown_control: int


def splits(session: Session, values: Values) -> Splits:
    """Over the members whose share is known: their version names it, or the policy has stood since they came."""
    given = {**values, "holdout_pct": float(DEFAULT.holdout_pct)}
    known: list[Split] = []
    unknown = 0
    for percent, treated, control in session.execute(text(queries.SPLITS_SQL), given):
        if percent is None:
            unknown += control
        else:
            known.append(Split(treated=treated, control=control, control_share=percent / 100))
    return Splits(ratio=sample_ratio_of(known), unknown_control=unknown)

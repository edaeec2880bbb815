"""A campaign's report made again from rows of tables, by the formulas of docs/metrics.md and nothing of the product's code."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from scipy import stats

from tests.journeys.formulas import (
    Interval,
    K,
    difference_of_means,
    newcombe,
    published,
    smallest_detectable,
    times,
    wilson,
)

DAY = timedelta(days=1)
NOTHING = timedelta(0)
OUTCOMES = ("visit", "redemption", "purchase", "new_customer")
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Tables:
    """All rows of a district that a report is made of."""

    exposure: Sequence[Row]
    offer: Sequence[Row]
    inbox_item: Sequence[Row]
    visit: Sequence[Row]
    redemption: Sequence[Row]
    purchase: Sequence[Row]
    posting: Sequence[Row]
    transfer: Sequence[Row]
    refusal: Sequence[Row]
    stores: frozenset[uuid.UUID]
    holdout_share: float
    """What the campaign's rule, which never changed, asks for."""
    currency: str


@dataclass(kw_only=True)
class ByHand:
    """One campaign's figures. ``within`` is X."""

    tables: Tables
    campaign_id: uuid.UUID
    within: timedelta
    now: datetime
    first: dict[uuid.UUID, Row] = field(init=False)

    def __post_init__(self) -> None:
        own = [one for one in self.tables.exposure if one["campaign_id"] == self.campaign_id]
        self.first = {}
        for one in sorted(own, key=lambda row: (row["at"], row["occurrence_key"])):
            self.first.setdefault(one["member_id"], one)
        self.offers = [one for one in self.tables.offer if one["campaign_id"] == self.campaign_id]
        self.offer_of = {one["id"]: one for one in self.tables.offer}
        self.arrived = {one["offer_id"] for one in self.tables.inbox_item}

    def report(self) -> dict[str, Any]:
        """Every number of the answer, in its place."""
        issued = [one for one in self.offers if one["state"] != "void"]
        redeemed = [one for one in issued if one["state"] == "redeemed"]
        held = [len(self.arm("control")), len(self.arm("district_control"))]
        pending = [one for one in self.first.values() if one["at"] + self.within > self.now]
        return {
            "within_h": self.within // timedelta(hours=1),
            "k": K,
            "issued": len(issued),
            "withdrawn": len(self.offers) - len(issued),
            "delivered": sum(one["id"] in self.arrived for one in self.offers),
            "opened": sum(one["opened_at"] is not None for one in self.offers),
            "redeemed": len(redeemed),
            "redemption_rate": wilson(len(redeemed), len(issued)),
            "funnel": self.funnel(held),
            "pending": published(sum(one["arm"] != "district_control" for one in pending)),
            "sample_ratio": self.sample_ratio(),
            "effects": [self.effect(outcome) for outcome in OUTCOMES],
            "visits_per_member": self.mean(self.visits_of, self.reason("visit")),
            "money": self.money(),
            "credited": self.credited(),
            "refusals": self.refusals(),
            "early_stop": None,  # the rule names none
        }

    def arm(self, name: str) -> list[Row]:
        return [one for one in self.first.values() if one["arm"] == name]

    def funnel(self, held: Sequence[int]) -> dict[str, Any]:
        treated = self.arm("treated")
        own = {one["member_id"]: [] for one in treated}  # type: dict[uuid.UUID, list[Row]]
        for offer in self.offers:
            own.get(offer["member_id"], []).append(offer)

        def step(is_so: Callable[[Row], bool]) -> int:
            return sum(any(is_so(offer) for offer in offers) for offers in own.values())

        return {
            "targeted": None if None in map(published, held) else len(treated) + sum(held),
            "control": published(held[0]),
            "district_control": published(held[1]),
            "treated": len(treated),
            "sent": step(lambda one: one["state"] != "void" or one["id"] in self.arrived),
            "delivered": step(lambda one: one["id"] in self.arrived),
            "opened": step(lambda one: one["opened_at"] is not None),
            "visited": self.shown(treated, "visit"),
            "redeemed": step(lambda one: one["state"] == "redeemed"),
        }

    def sample_ratio(self) -> dict[str, Any]:
        control, share = len(self.arm("control")), self.tables.holdout_share
        people = control + len(self.arm("treated"))
        chi2 = (control - people * share) ** 2 / (people * share * (1 - share))
        p_value = float(stats.chi2.sf(chi2, 1))
        shown = None if published(control) is None else p_value
        return {"expected_control_share": share, "p_value": shown, "is_trusted": p_value >= 0.001}

    # What a member did after, or before, his first exposure.

    def visits_of(self, one: Row, low: timedelta, high: timedelta) -> int:
        return sum(
            low <= row["started_at"] - one["at"] < high
            for row in self.tables.visit
            if row["member_id"] == one["member_id"] and row["place_id"] in self.tables.stores
        )

    def purchases_of(self, one: Row, low: timedelta, high: timedelta) -> list[Row]:
        return [
            row
            for row in self.tables.purchase
            if row["member_id"] == one["member_id"]
            and row["store_id"] in self.tables.stores
            and row["refunded_minor"] < row["amount_minor"]
            and low <= row["at"] - one["at"] < high
        ]

    def spent_of(self, one: Row, low: timedelta, high: timedelta) -> int:
        return sum(row["amount_minor"] - row["refunded_minor"] for row in self.purchases_of(one, low, high))

    def did(self, one: Row, outcome: str) -> bool:
        if outcome == "redemption":
            return any(
                row["reversed_at"] is None
                and row["store_id"] in self.tables.stores
                and self.offer_of[row["offer_id"]]["member_id"] == one["member_id"]
                and NOTHING <= row["redeemed_at"] - one["at"] < self.within
                for row in self.tables.redemption
            )
        if outcome == "purchase":
            return bool(self.purchases_of(one, NOTHING, self.within))
        came = self.visits_of(one, NOTHING, self.within) > 0
        return came and (outcome == "visit" or not self.visits_of(one, -180 * DAY, NOTHING))

    def count(self, arm: Sequence[Row], outcome: str) -> int:
        return sum(self.did(one, outcome) for one in arm)

    def shown(self, arm: Sequence[Row], outcome: str) -> int | None:
        did = self.count(arm, outcome)
        if outcome == "redemption":
            return did
        others = self.count(arm, "visit") - did if outcome == "new_customer" else 0
        return None if published(others) is None else published(did)

    def reason(self, outcome: str) -> str | None:
        treated, control = self.arm("treated"), self.arm("control")
        if not treated or not control:
            return "no_control" if treated else "nobody_treated"
        if published(len(control)) is None:
            return "too_few"
        if not self.sample_ratio()["is_trusted"]:
            return "split"
        return "too_few" if None in (self.shown(treated, outcome), self.shown(control, outcome)) else None

    def difference(self, outcome: str) -> Interval:
        return newcombe(
            *(
                wilson(self.count(arm, outcome), len(arm))
                for arm in (self.arm("treated"), self.arm("control"))
            )
        )

    def effect(self, outcome: str) -> dict[str, Any]:
        treated, control = self.arm("treated"), self.arm("control")
        reason = self.reason(outcome)
        found = self.difference(outcome) if reason is None else None
        base = self.count(control, outcome) / len(control)
        is_base_shown = reason in {None, "split"} and self.shown(control, outcome) is not None
        return {
            "outcome": outcome,
            "treated": self.arm_of(treated, outcome, len(treated)),
            "control": self.arm_of(control, outcome, published(len(control))),
            "difference": found,
            "relative": found["estimate"] / base if found and base else None,
            "additional": times(found, len(treated)),
            "is_certain": None if found is None else not found["low"] <= 0 <= found["high"],
            "smallest_detectable": smallest_detectable(base, len(treated), len(control))
            if is_base_shown
            else None,
            "reason": reason,
        }

    def arm_of(self, arm: Sequence[Row], outcome: str, people: int | None) -> dict[str, Any]:
        did = self.shown(arm, outcome) if people is not None else None
        share = wilson(did, people) if people and did is not None else None
        return {"people": people, "did": did, "share": share}

    def mean(self, amount: Callable[[Row, timedelta, timedelta], int], reason: str | None) -> dict[str, Any]:
        if reason is not None:
            return {"plain": None, "adjusted": None, "reason": reason}
        arms = [
            [
                (float(amount(one, NOTHING, self.within)), float(amount(one, -28 * DAY, NOTHING)))
                for one in self.arm(name)
            ]
            for name in ("treated", "control")
        ]
        has_history = any(x for arm in arms for _, x in arm)
        return {
            "plain": difference_of_means(*arms, adjusts=False),
            "adjusted": difference_of_means(*arms, adjusts=True) if has_history else None,
            "reason": None if has_history else "no_history",
        }

    def cost(self, is_counted: Callable[[uuid.UUID], bool]) -> int:
        """What entered tills' accounts for uses less what left them; by the offer that was used."""
        of_use = {row["id"]: row["offer_id"] for row in self.tables.redemption}
        postings = {row["id"]: row for row in self.tables.posting}
        total = 0
        for move in self.tables.transfer:
            posting = postings[move["posting_id"]]
            if posting["campaign_id"] != self.campaign_id or posting["kind"] not in {
                "redemption",
                "reversal",
            }:
                continue
            used = postings[posting["reverses_id"]] if posting["reverses_id"] else posting
            if is_counted(of_use[used["subject_id"]]):
                sign = (move["target"] == "merchant_payable") - (move["source"] == "merchant_payable")
                total += sign * move["amount_minor"]
        return total

    def money(self) -> dict[str, Any]:
        treated = {
            (one["member_id"], one["occurrence_key"])
            for one in self.tables.exposure
            if one["campaign_id"] == self.campaign_id and one["arm"] == "treated"
        }

        def is_measured(offer_id: uuid.UUID) -> bool:
            offer = self.offer_of[offer_id]
            return (offer["member_id"], offer["occurrence_key"]) in treated

        measured = self.cost(is_measured)
        reason = self.reason("purchase")
        spent = self.mean(self.spent_of, reason)
        brought = times(spent["adjusted"] or spent["plain"], len(self.arm("treated")))
        uses = [row for row in self.tables.redemption if row["reversed_at"] is None and self.is_own(row)]
        return {
            "currency": self.tables.currency,
            "cost_minor": self.cost(lambda _: True),
            "measured_cost_minor": measured,
            "unpriced_redemptions": sum(row["discount_minor"] is None for row in uses),
            "spent_per_member_minor": spent,
            "incremental_minor": brought,
            "net_minor": brought and {name: value - measured for name, value in brought.items()},
            "per_incremental_visit": self.unit_cost("visit", measured),
            "per_new_customer": self.unit_cost("new_customer", measured),
        }

    def is_own(self, use: Row) -> bool:
        return bool(self.offer_of[use["offer_id"]]["campaign_id"] == self.campaign_id)

    def unit_cost(self, outcome: str, cost: int) -> dict[str, Any]:
        reason = self.reason(outcome)
        more = times(self.difference(outcome), len(self.arm("treated"))) if reason is None else None
        if more is None or more["estimate"] <= 0:
            return {
                "estimate_minor": None,
                "low_minor": None,
                "high_minor": None,
                "reason": reason or "no_lift",
            }
        return {
            "estimate_minor": cost / more["estimate"],
            "low_minor": cost / more["high"],
            "high_minor": cost / more["low"] if more["low"] > 0 else None,
            "reason": None if more["low"] > 0 else "unbounded",
        }

    def credited(self) -> dict[str, Any]:
        visits = [
            (row["member_id"], row["started_at"], 0)
            for row in self.tables.visit
            if row["place_id"] in self.tables.stores
        ]
        bought = [
            (row["member_id"], row["at"], row["amount_minor"] - row["refunded_minor"])
            for row in self.tables.purchase
            if row["store_id"] in self.tables.stores and row["refunded_minor"] < row["amount_minor"]
        ]
        came, paid = self.last_touched(visits), self.last_touched(bought)
        uses = [row for row in self.tables.redemption if row["reversed_at"] is None and self.is_own(row)]
        return {
            "redemptions": len(uses),
            "visits": None if published(len({one[0] for one in came})) is None else len(came),
            "purchases": None if published(len({one[0] for one in paid})) is None else len(paid),
            "purchases_minor": None
            if published(len({one[0] for one in paid})) is None
            else sum(one[2] for one in paid),
        }

    def last_touched(self, acts: Sequence[tuple[Any, datetime, int]]) -> list[tuple[Any, datetime, int]]:
        """The acts before which, at most X ago, the last offer in the member's inbox was this campaign's."""
        found = []
        for act in acts:
            touches = [
                (item["at"], self.offer_of[item["offer_id"]]["campaign_id"])
                for item in self.tables.inbox_item
                if item["member_id"] == act[0] and NOTHING <= act[1] - item["at"] <= self.within
            ]
            newest = max((at for at, _ in touches), default=None)
            if newest is not None and min(of for at, of in touches if at == newest) == self.campaign_id:
                found.append(act)
        return found

    def refusals(self) -> list[dict[str, Any]]:
        own = [row for row in self.tables.refusal if row["campaign_id"] == self.campaign_id]
        assert not any(row["winner_id"] for row in own), "no other campaign competed"
        found = []
        for reason in sorted({row["reason"] for row in own}):
            rows = [row for row in own if row["reason"] == reason]
            members = published(len({row["member_id"] for row in rows}))
            found.append(
                {
                    "reason": reason,
                    "times": None if members is None else sum(row["times"] for row in rows),
                    "members": members,
                    "suppressed": members is None,
                    "winners": [],
                }
            )
        return found

"""The report of one campaign, as whoever asks may see it."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.campaigns import finding, owners
from district.campaigns.models import Campaign
from district.districts.service import DistrictInfo
from district.footfall.metrics import SMALLEST_GROUP, published
from district.reports import effects, queries, rows, stop_answer
from district.reports.effects import Comparison, estimate, is_hidden
from district.reports.rows import ArmRows, Values
from district.reports.schemas import (
    CreditedOut,
    Estimate,
    FunnelOut,
    MoneyOut,
    Outcome,
    RefusalOut,
    ReportOut,
    Window,
    WinnerOut,
)
from push.holdout import Arm
from push.lift import Group, wilson
from push.wording import Language


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a report is wanted."""

    now: datetime
    within: Window = Window.DAY
    language: Language = Language.EN


def report(
    session: Session, district: DistrictInfo, principal: Principal, campaign_id: uuid.UUID, asked: Asked
) -> ReportOut:
    """What became of a campaign, and what it caused. Raises: NotFound, for another's too."""
    row = finding.find(session, district.id, principal, campaign_id)
    values = rows.values_of(session, district.id, campaign_id, within=asked.within, now=asked.now)
    arms = rows.arms(session, values)
    compared = Comparison(
        treated=arms[Arm.TREATED],
        control=arms[Arm.CONTROL],
        splits=rows.splits(session, values),
        language=asked.language,
    )
    offers = session.execute(text(queries.OFFERS_SQL), values).mappings().one()
    issued = Group(people=offers["issued"], did=offers["redeemed"])
    return ReportOut(
        campaign_id=campaign_id,
        as_of=asked.now,
        within_h=asked.within,
        k=SMALLEST_GROUP,
        **offers,
        redemption_rate=estimate(wilson(issued)) if issued.people else None,
        funnel=_funnel(session, values, arms, compared),
        pending=published(compared.treated.pending + compared.control.pending),
        sample_ratio=effects.split(compared.splits, compared.control.people),
        effects=[effects.effect(compared, outcome) for outcome in Outcome],
        visits_per_member=effects.mean(compared, Outcome.VISIT, lambda arm: arm.visits),
        money=_money(session, values, compared, district.currency),
        credited=_credited(session, values),
        early_stop=stop_answer.of_campaign(session, district.id, row, asked.language),
        refusals=_refusals(session, principal, values),
    )


def _funnel(session: Session, values: Values, arms: Mapping[Arm, ArmRows], compared: Comparison) -> FunnelOut:
    """Who was held out stands behind who was targeted, so that a small one hides the other."""
    steps = session.execute(text(queries.STEPS_SQL), values).mappings().one()
    held = [arms[Arm.CONTROL].people, arms[Arm.DISTRICT_CONTROL].people]
    treated = arms[Arm.TREATED].people
    return FunnelOut(
        targeted=None if any(map(is_hidden, held)) else treated + sum(held),
        control=published(held[0]),
        district_control=published(held[1]),
        treated=treated,
        visited=compared.shown_did(compared.treated, Outcome.VISIT),
        **steps,
    )


def _money(session: Session, values: Values, compared: Comparison, currency: str) -> MoneyOut:
    cost, measured = session.execute(text(queries.COST_SQL), values).one()
    spent = effects.mean(compared, Outcome.PURCHASE, lambda arm: arm.spent)
    brought = _times(spent.adjusted or spent.plain, compared.treated.people)
    net = None
    if brought is not None:
        net = Estimate(
            estimate=brought.estimate - measured, low=brought.low - measured, high=brought.high - measured
        )
    return MoneyOut(
        currency=currency,
        cost_minor=cost,
        measured_cost_minor=measured,
        unpriced_redemptions=session.scalar(text(queries.UNPRICED_SQL), values) or 0,
        spent_per_member_minor=spent,
        incremental_minor=brought,
        net_minor=net,
        per_incremental_visit=effects.cost_of_one(compared, Outcome.VISIT, measured),
        per_new_customer=effects.cost_of_one(compared, Outcome.NEW_CUSTOMER, measured),
    )


def _times(one: Estimate | None, people: int) -> Estimate | None:
    if one is None:
        return None
    return Estimate(estimate=one.estimate * people, low=one.low * people, high=one.high * people)


def _credited(session: Session, values: Values) -> CreditedOut:
    found = {row["kind"]: row for row in session.execute(text(queries.CREDITED_SQL), values).mappings()}

    def shown(kind: str, figure: str) -> int | None:
        row = found.get(kind)
        if row is None:
            return 0
        return None if is_hidden(row["members"]) else int(row[figure])

    return CreditedOut(
        redemptions=session.scalar(text(queries.REDEMPTIONS_SQL), values) or 0,
        visits=shown("visit", "times"),
        purchases=shown("purchase", "times"),
        purchases_minor=shown("purchase", "amount_minor"),
    )


def _refusals(session: Session, principal: Principal, values: Values) -> list[RefusalOut]:
    winners = _winners(session, principal, values)
    return [
        RefusalOut(
            reason=reason,
            times=None if is_hidden(members) else times,
            members=published(members),
            suppressed=is_hidden(members),
            winners=winners[reason],
        )
        for reason, times, members in session.execute(text(queries.REFUSALS_SQL), values)
    ]


def _winners(session: Session, principal: Principal, values: Values) -> Mapping[str, list[WinnerOut]]:
    """By reason; a competitor's campaign has no name here."""
    ids = list(session.scalars(text(queries.WINNER_IDS_SQL), values))
    seen = select(Campaign.id, Campaign.name).where(
        Campaign.district_id == values["district_id"], Campaign.id.in_(ids), owners.seen_by(principal)
    )
    names = {row.id: row.name for row in session.execute(seen)}
    found: defaultdict[str, list[tuple[uuid.UUID | None, int]]] = defaultdict(list)
    for reason, winner_id, members in session.execute(
        text(queries.WINNERS_SQL), {**values, "seen": list(names)}
    ):
        found[reason].append((winner_id, members))
    return defaultdict(list, {reason: _shown_winners(every, names) for reason, every in found.items()})


def _shown_winners(
    every: Sequence[tuple[uuid.UUID | None, int]], names: Mapping[uuid.UUID, str]
) -> list[WinnerOut]:
    """Parts of a whole that is published: where those hidden are few together, the whole would tell them."""
    hidden = sum(members for _, members in every if is_hidden(members))
    hides_all = is_hidden(hidden)
    return [
        WinnerOut(
            campaign_id=winner_id,
            name=names[winner_id] if winner_id is not None else None,
            members=None if hides_all else published(members),
        )
        for winner_id, members in every
    ]

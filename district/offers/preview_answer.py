"""From a dry run's exact numbers to what is shown: rounded down to tens, so that nobody is told from the others."""

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from babel.numbers import get_currency_precision

from district.districts.service import DistrictInfo
from district.offers.looks import ShownLook
from district.offers.preview import DryRun
from district.offers.preview_channels import BOUNDED
from district.offers.preview_schemas import (
    BudgetOut,
    CostOut,
    LiftOut,
    LookOut,
    MemberPriceOut,
    OverlapOut,
    PreviewOut,
    SampleOut,
    TriggerOut,
)
from district.offers.scheduled import LONGEST
from push.consent import Channel
from push.lift import smallest_detectable
from push.rule import TriggerKind
from push.suppression import Suppression
from push.wording import Language

MICRO: Final = 1_000_000
NO_TEMPLATE: Final = ("no text for marketing is on file with the gateway", "短信服务商处没有已登记的营销模板")
_MINUTE = timedelta(minutes=1)


def tens(count: float) -> int:
    """Rounded down to tens: fewer than ten are none."""
    return int(count) // 10 * 10


def answer(run: DryRun, district: DistrictInfo) -> PreviewOut:
    """The preview as a merchant sees it."""
    refused = Counter(run.refused) + Counter(_scaled(run))
    wanted = run.passing - sum(_scaled(run).values())
    reach, bounded = _within_bounds(run, wanted)
    refused += bounded
    shown = tens(reach)
    finishes_at = _finishes_at(run, shown)
    by_channel = _by_channel(run, wanted, reach)
    return PreviewOut(
        campaign_id=run.campaign.id,
        version=run.campaign.version,
        trigger=run.trigger,
        basis=next(one.basis for one in run.tried if one.trigger is run.trigger),
        triggers=[
            TriggerOut(
                number=one.number,
                trigger=one.trigger,
                at=one.at,
                basis=one.basis,
                audience=tens(one.checked.size),
                reach=tens(one.count(run.campaign.id, None)),
                control=tens(one.count(run.campaign.id, Suppression.HOLDOUT)),
            )
            for one in run.tried
        ],
        reach_any=tens(len({member for one in run.tried for member in one.passing})),
        at=run.at,
        audience=tens(run.audience),
        reach=shown,
        reach_by_channel=by_channel,
        refused={reason: tens(count) for reason, count in sorted(refused.items())},
        control=tens(run.control),
        cost=_cost(run, district, shown, by_channel),
        budget=_budget(run, shown),
        finishes_at=finishes_at,
        finishes_in_time=finishes_at is None or finishes_at < _ends_at(run),
        overlap=_overlap(run, shown),
        lift=_lift(run, shown),
        samples=_samples(run),
        looks=[_look(one) for one in run.looks],
        worse_than_member_price=[
            MemberPriceOut(
                store_id=one.store_id,
                member_price_percent=one.member_price_percent,
                bill_minor=one.bill_minor,
            )
            for one in run.better
        ],
        is_estimate=run.passing > run.sampled,
    )


def _by_channel(run: DryRun, wanted: int, reach: int) -> dict[Channel, int]:
    """What stock and money leave is shared out as the whole would be. Nobody is told of fewer than ten."""
    share = reach / wanted if wanted > 0 else 0.0
    return {channel: tens(min(reach, round(count * share, 3))) for channel, count in run.by_channel.items()}


def _scaled(run: DryRun) -> Mapping[Suppression, int]:
    """Why members of the sample got none, as if all were like them."""
    share = run.passing / run.sampled if run.sampled else 0.0
    return {
        reason: round(count * share) for reason, count in run.sample_refused.items() if reason not in BOUNDED
    }


def _within_bounds(run: DryRun, wanted: int) -> tuple[int, Counter[Suppression]]:
    """What stock and money leave, and how many they turn away."""
    stocked = wanted if run.left is None else min(wanted, max(0, run.left))
    pays_for = _pays_for(run)
    paid = stocked if pays_for is None else min(stocked, pays_for)
    refused = Counter({Suppression.SOLD_OUT: wanted - stocked, Suppression.BUDGET: stocked - paid})
    return paid, +refused


def _pays_for(run: DryRun) -> int | None:
    """Offers of one day that the budget and the day's bounds allow."""
    terms, found = run.terms, []
    if terms.per_day is not None:
        found.append(terms.per_day)
    if terms.cost_minor:
        money = [one for one in (terms.budget_minor, terms.day_budget_minor) if one is not None]
        found += [one // terms.cost_minor for one in money]
    return min(found, default=None)


def _cost(run: DryRun, district: DistrictInfo, reach: int, by_channel: Mapping[Channel, int]) -> CostOut:
    """Messages at the price of the longest wording in the dearer language: nobody is told who reads which."""
    each = run.terms.cost_minor
    dearest: dict[Channel, int] = {}
    for one in run.looks:
        dearest[one.channel] = max(dearest.get(one.channel, 0), one.cost_micro)
    micro = sum(count * dearest.get(channel, 0) for channel, count in by_channel.items())
    return CostOut(
        currency=district.currency,
        each_minor=each,
        most_minor=each * reach,
        expected_minor=round(each * reach * run.chance),
        messages_minor=math.ceil(micro * 10 ** get_currency_precision(district.currency) / MICRO),
    )


def _budget(run: DryRun, reach: int) -> BudgetOut:
    total, each = run.terms.budget_minor, run.terms.cost_minor
    return BudgetOut(
        total_minor=total,
        per_day_minor=run.terms.day_budget_minor,
        burnt=min(1.0, each * reach / total) if total else None,
        pays_for=_pays_for(run),
    )


def _finishes_at(run: DryRun, reach: int) -> datetime | None:
    """The last full minute's batch, at the rule's pace."""
    pace = run.campaign.rule.per_minute
    if run.trigger is not TriggerKind.SCHEDULE or pace is None or not reach:
        return None
    return run.at + (math.ceil(reach / pace) - 1) * _MINUTE


def _ends_at(run: DryRun) -> datetime:
    longest = run.at + LONGEST
    return longest if run.closes_at is None else min(longest, run.closes_at)


def _overlap(run: DryRun, reach: int) -> list[OverlapOut]:
    """The merchant's own campaigns by name; those of others together, as what they are is theirs."""
    share = reach / run.sampled if run.sampled else 0.0
    own, others = [], 0
    mine = {run.campaign.merchant_id} - {None}
    for one in run.overlap:
        members = tens(one.members * share)
        if one.campaign.merchant_id in mine:
            own.append(OverlapOut(campaign_id=one.campaign.id, name=one.name, members=members))
        else:
            others = max(others, members)
    together = [OverlapOut(campaign_id=None, name="", members=others)] if others else []
    return [one for one in own if one.members] + together


def _lift(run: DryRun, reach: int) -> LiftOut:
    """The share is one of rounded parts, too: a hundredth of the sample is as near as it is told."""
    base = math.floor(100 * run.came / run.sampled) / 100 if run.sampled else 0.0
    control = tens(run.control)
    rise = smallest_detectable(base, treated=reach, control=control) if reach and control else None
    return LiftOut(
        base_share=base,
        treated=reach,
        control=control,
        smallest_points=None if rise is None else round(100 * rise, 2),
    )


def _samples(run: DryRun) -> list[SampleOut]:
    """The words, as they were written into the offers: of no member more than his language."""
    return [
        SampleOut(
            language=language.value,
            title=_read(offer.told.title, language),
            text=_read(offer.told.text, language),
            why=offer.draft.why.text().read(language)[1],
        )
        for language in Language
        for offer in run.issued
    ]


def _look(one: ShownLook) -> LookOut:
    problem, problem_zh = one.look.unfit or ("", "")
    return LookOut(
        variant=one.variant,
        channel=one.channel,
        language=one.language.value,
        title=one.look.title,
        text=one.look.text,
        link=one.link,
        is_cut=one.look.is_cut,
        letters=one.look.letters,
        parts=one.look.parts,
        cost_micro=one.cost_micro,
        template=one.template,
        not_filed_with=list(one.not_filed_with),
        is_unsendable=bool(problem or one.not_filed_with or one.has_no_template),
        problem=problem or (NO_TEMPLATE[0] if one.has_no_template else ""),
        problem_zh=problem_zh or (NO_TEMPLATE[1] if one.has_no_template else ""),
    )


def _read(words: Mapping[str, str], language: Language) -> str:
    return words.get(language.value) or next(iter(words.values()), "")

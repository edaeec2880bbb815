"""What a district's points rule means, in plain sentences."""

from datetime import date

from babel.dates import format_skeleton
from babel.numbers import get_currency_precision

from district.points.schemas import RuleBody
from district.web.formats import money, number, percent
from district.web.language import gettext as _
from district.web.language import ngettext, spoken

EXAMPLE = 50
"""What is bought in the example, in whole units of the currency."""
EXAMPLE_WITHOUT_MINOR = 5_000
"""The same where the currency has no smaller unit."""


def meaning(rule: RuleBody, currency: str) -> list[str]:
    """The rule read aloud, a sentence for each thing that it says."""
    if not rule.is_on:
        return [
            _("Switched off: nothing earns points, and no till takes any."),
            _("What members hold stays theirs, and ends in its time."),
        ]
    earning = _earning(rule, currency)
    if not earning:
        earning = [_("Nothing earns points but campaigns that promise them.")]
    return [*earning, _paying(rule, currency), _ending(rule), *_example(rule, currency)]


def month_name(first: date) -> str:
    """May 2026."""
    return format_skeleton("yMMMM", first, locale=spoken().language.locale)


def _earning(rule: RuleBody, currency: str) -> list[str]:
    if rule.most_per_day == 0:
        return []
    found = []
    if rule.per_visit and rule.visits_per_day:
        found.append(
            ngettext(
                "A visit to the district brings %(points)s, at most %(num)s time a trading day.",
                "A visit to the district brings %(points)s, at most %(num)s times a trading day.",
                rule.visits_per_day,
                points=_points(rule.per_visit),
            )
        )
    if rule.per_redemption:
        found.append(_("A coupon that is used brings %(points)s.", points=_points(rule.per_redemption)))
    if rule.minor_units_per_point and rule.most_per_purchase:
        found.append(
            _(
                "A purchase brings one point for each full %(amount)s, at most %(points)s; that gives back"
                " %(share)s of it.",
                amount=money(rule.minor_units_per_point, currency),
                points=_points(rule.most_per_purchase),
                share=percent(rule.value_minor / rule.minor_units_per_point, 1),
            )
        )
    if found:
        found.append(
            _("Nobody gets more than %(points)s a trading day of these.", points=_points(rule.most_per_day))
        )
    return found


def _paying(rule: RuleBody, currency: str) -> str:
    amount = money(rule.value_minor, currency)
    if rule.merchant_ids is None:
        return _("One point pays %(amount)s at the tills of every merchant.", amount=amount)
    return ngettext(
        "One point pays %(amount)s at the tills of %(num)s merchant.",
        "One point pays %(amount)s at the tills of %(num)s merchants.",
        len(set(rule.merchant_ids)),
        amount=amount,
    )


def _ending(rule: RuleBody) -> str:
    return _("Points end %(days)s days after they came.", days=number(rule.life_days))


def _example(rule: RuleBody, currency: str) -> list[str]:
    """What somebody has who does each of these once."""
    digits = get_currency_precision(currency)
    spent = EXAMPLE * 10**digits if digits else EXAMPLE_WITHOUT_MINOR
    bought = (
        min(spent // rule.minor_units_per_point, rule.most_per_purchase) if rule.minor_units_per_point else 0
    )
    came = rule.per_visit if rule.visits_per_day else 0
    points = min(came + rule.per_redemption + bought, rule.most_per_day)
    if not points:
        return []
    return [
        _(
            "So somebody who comes, uses a coupon and buys for %(amount)s has %(points)s, worth %(worth)s.",
            amount=money(spent, currency),
            points=_points(points),
            worth=money(points * rule.value_minor, currency),
        )
    ]


def _points(count: int) -> str:
    return ngettext("%(points)s point", "%(points)s points", count, points=number(count))

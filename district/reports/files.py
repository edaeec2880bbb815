"""A report as rows of a file."""

from collections.abc import Iterator, Sequence

from district.reports.schemas import Estimate, ReportOut

HEAD = ("section", "figure", "value", "low", "high", "reason")
Row = tuple[str, str, object, object, object, str]


def lines(report: ReportOut) -> Sequence[Row]:
    """Every figure of the report; an empty value without a reason is of fewer than k people."""
    return [
        *_counts(report),
        *_effects(report),
        *_money(report),
        *_early_stop(report),
        *_refusals(report),
    ]


def _line(section: str, figure: str, value: object, reason: str | None = None) -> Row:
    if isinstance(value, Estimate):
        return section, figure, value.estimate, value.low, value.high, reason or ""
    return section, figure, "" if value is None else value, "", "", reason or ""


def _counts(report: ReportOut) -> Iterator[Row]:
    for name in ("issued", "withdrawn", "delivered", "opened", "redeemed", "redemption_rate"):
        yield _line("offers", name, getattr(report, name))
    for name, value in report.funnel.model_dump().items():
        yield _line("funnel", name, value)
    for name, value in report.sample_ratio.model_dump().items():
        yield _line("sample_ratio", name, value)


def _effects(report: ReportOut) -> Iterator[Row]:
    for one in report.effects:
        for arm, counted in (("treated", one.treated), ("control", one.control)):
            yield _line(one.outcome, f"{arm}_people", counted.people)
            yield _line(one.outcome, f"{arm}_did", counted.did)
            yield _line(one.outcome, f"{arm}_share", counted.share)
        for name in ("difference", "relative", "additional"):
            yield _line(one.outcome, name, getattr(one, name), one.reason)
        yield _line(one.outcome, "smallest_detectable", one.smallest_detectable)
    mean = report.visits_per_member
    yield _line("visits_per_member", "plain", mean.plain, mean.reason)
    yield _line("visits_per_member", "adjusted", mean.adjusted, mean.reason)


def _money(report: ReportOut) -> Iterator[Row]:
    money = report.money
    for name in ("currency", "cost_minor", "measured_cost_minor", "unpriced_redemptions"):
        yield _line("money", name, getattr(money, name))
    spent = money.spent_per_member_minor
    yield _line("money", "spent_per_member_minor", spent.adjusted or spent.plain, spent.reason)
    yield _line("money", "incremental_minor", money.incremental_minor, spent.reason)
    yield _line("money", "net_minor", money.net_minor, spent.reason)
    for name in ("per_incremental_visit", "per_new_customer"):
        cost = getattr(money, name)
        low, high = ("" if bound is None else bound for bound in (cost.low_minor, cost.high_minor))
        value = "" if cost.estimate_minor is None else cost.estimate_minor
        yield "money", f"{name}_minor", value, low, high, cost.reason or ""
    for name, value in report.credited.model_dump().items():
        yield _line("credited", name, value)


def _early_stop(report: ReportOut) -> Iterator[Row]:
    if report.early_stop is not None:
        for name, value in report.early_stop.model_dump(mode="json", exclude={"stopped_text"}).items():
            yield _line("early_stop", name, value)


def _refusals(report: ReportOut) -> Iterator[Row]:
    for one in report.refusals:
        yield _line("refusals", one.reason, one.members)
        for winner in one.winners:
            yield _line(f"refusals:{one.reason}", winner.name or "others", winner.members)

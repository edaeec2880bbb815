"""What a campaign's document says of how often, how fast and for how much: its vocabulary and its values."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeAlias

from push.consent import Channel
from push.limits import MAX_CAP, CapRule, Period
from push.problems import Reason, Report
from push.rule import Budget, Caps, Holdout, Priority, StopWhen
from push.vocabulary import Number, Record, Shape, Spelt, Words, Yes
from push.wording import both

Document: TypeAlias = Mapping[str, Any]

DEFAULT_CAP = CapRule(n=1, per=Period.DAY)
DEFAULT_TTL = timedelta(minutes=90)
MAX_MONEY_MINOR = 10**12
MAX_HOLDOUT = 50
LEAST_NEW_CUSTOMERS = 10
"""Fewer are never counted out, so that a campaign's end tells of nobody."""
DEFAULT_OPT_OUT_PCT = 2
MEMBER_CHANNELS = tuple(one for one in Channel if one is not Channel.WEBHOOK)
_CAP = Record(required={"n": Number(1, MAX_CAP, whole=True), "per": Words(tuple(Period))})
_MONEY = Number(1, MAX_MONEY_MINOR, whole=True)
_TOO_MUCH = both(zh="每日预算不能超过总预算", en="a day cannot cost more than total_minor")

LIMITS: Mapping[str, Shape] = MappingProxyType(
    {
        "cap": Record(
            optional={
                "campaign": _CAP,
                "merchant": _CAP,
                "global": _CAP,
                "channel": Record(optional=dict.fromkeys(MEMBER_CHANNELS, _CAP), least=1),
                "gap_min": Number(1, 10_080, whole=True),
            },
            least=1,
        ),
        "pace": Record(required={"per_min": Number(1, 60_000, whole=True)}),
        "ttl_s": Number(60, 86_400, whole=True),
        "priority": Words(tuple(Priority)),
        "holdout": Record(
            required={"pct": Number(0, MAX_HOLDOUT)},
            optional={"salt": Spelt("[A-Za-z0-9_.-]{1,32}", "spring-2026", 32)},
        ),
        "budget": Record(optional={"total_minor": _MONEY, "per_day_minor": _MONEY}, least=1),
        "per_member": Number(1, 100, whole=True),
        "per_day": Number(1, 10_000_000, whole=True),
        "stop_when": Record(
            optional={
                "redemptions": Number(1, 10_000_000, whole=True),
                "new_customers": Number(LEAST_NEW_CUSTOMERS, 10_000_000, whole=True),
                "harm": Yes(),
                "opt_out_pct": Number(0.1, 50),
            },
            least=1,
        ),
    }
)


def parse_caps(document: Document | None) -> Caps:
    """How often; a campaign that names no cap of its own has one offer a member and trading day."""
    document = document or {}
    gap_min = document.get("gap_min")
    channels = document.get("channel", {})
    return Caps(
        campaign=_cap(document.get("campaign")) or DEFAULT_CAP,
        merchant=_cap(document.get("merchant")),
        overall=_cap(document.get("global")),
        channels=MappingProxyType({Channel(name): _rule(cap) for name, cap in channels.items()}),
        gap=None if gap_min is None else timedelta(minutes=int(gap_min)),
    )


def parse_holdout(document: Document | None) -> Holdout | None:
    if document is None:
        return None
    return Holdout(percent=float(document["pct"]), salt=document.get("salt"))


def parse_stop_when(document: Document | None) -> StopWhen | None:
    """When it ends by itself; whoever watches for harm watches who stops messages, too."""
    if document is None:
        return None
    is_harm_watched = document.get("harm") is True
    percent = document.get("opt_out_pct", DEFAULT_OPT_OUT_PCT if is_harm_watched else None)
    return StopWhen(
        redemptions=whole(document, "redemptions"),
        new_customers=whole(document, "new_customers"),
        is_harm_watched=is_harm_watched,
        opt_out_share=None if percent is None else float(percent) / 100,
    )


def parse_budget(document: Document | None, report: Report) -> Budget | None:
    if document is None:
        return None
    budget = Budget(
        total_minor=whole(document, "total_minor"), per_day_minor=whole(document, "per_day_minor")
    )
    if (budget.per_day_minor or 0) > (budget.total_minor or MAX_MONEY_MINOR):
        report.at("per_day_minor").add(Reason.CONTRADICTION, _TOO_MUCH)
    return budget


def whole(document: Document, name: str) -> int | None:
    """The integer of a member that may be left out; JSON may have written it as 2.0."""
    return None if document.get(name) is None else int(document[name])


def _cap(document: Document | None) -> CapRule | None:
    return None if document is None else _rule(document)


def _rule(document: Document) -> CapRule:
    return CapRule(n=int(document["n"]), per=Period(document["per"]))

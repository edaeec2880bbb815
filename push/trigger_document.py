"""`trigger` of a campaign's document: its vocabulary and what it says."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from push import occurrences
from push.occurrences import DstPolicy, Fold, Gap, RecurrenceRefused, Schedule
from push.problems import Reason, Report
from push.recurrence_text import MAX_TEXT as MAX_RRULE
from push.rule import JoinKind, Trigger, TriggerKind
from push.vocabulary import ListOf, Number, Record, Shape, Tagged, Text, Words, Yes
from push.wording import both

Document: TypeAlias = Mapping[str, Any]

MAX_TRIGGERS = 8
_COOL_DOWN: Mapping[str, Shape] = {"cool_down_s": Number(60, 31_536_000, whole=True)}
_BOTH_JOINS = both(zh="first 与 return 只能选一个", en="first and return exclude each other")


def _trigger(kind: TriggerKind, *, optional: Mapping[str, Shape] | None = None, **required: Shape) -> Record:
    return Record(required={"on": Words((kind,)), **required}, optional={**_COOL_DOWN, **(optional or {})})


TRIGGER = Record(
    required={
        "any": ListOf(
            Tagged(
                "on",
                {
                    TriggerKind.ENTER: _trigger(TriggerKind.ENTER),
                    TriggerKind.EXIT: _trigger(TriggerKind.EXIT),
                    TriggerKind.DWELL: _trigger(TriggerKind.DWELL, min_s=Number(1, 14_400, whole=True)),
                    TriggerKind.WIFI_JOIN: _trigger(
                        TriggerKind.WIFI_JOIN, optional={"first": Yes(), "return": Yes()}
                    ),
                    TriggerKind.STORE_VISIT: _trigger(TriggerKind.STORE_VISIT),
                    TriggerKind.SCHEDULE: _trigger(
                        TriggerKind.SCHEDULE,
                        rrule=Text(MAX_RRULE),
                        optional={
                            "dst": Record(optional={"gap": Words(tuple(Gap)), "fold": Words(tuple(Fold))})
                        },
                    ),
                    TriggerKind.PURCHASE: _trigger(TriggerKind.PURCHASE),
                    TriggerKind.BIRTHDAY: _trigger(TriggerKind.BIRTHDAY),
                    TriggerKind.VISITS: _trigger(TriggerKind.VISITS, n=Number(1, 1_000, whole=True)),
                    TriggerKind.LAPSED: _trigger(TriggerKind.LAPSED, days=Number(7, 730, whole=True)),
                },
            ),
            1,
            MAX_TRIGGERS,
        )
    }
)


def parse_triggers(document: Document, report: Report) -> tuple[Trigger, ...]:
    """What brings the offer; the document has the shape TRIGGER."""
    return tuple(_parse(item, report.at("any").at(number)) for number, item in enumerate(document["any"]))


def _parse(document: Document, report: Report) -> Trigger:
    on = TriggerKind(document["on"])
    cool_down = document.get("cool_down_s")
    return Trigger(
        on=on,
        dwell=timedelta(seconds=int(document.get("min_s", 0))),
        join=_join(document, report),
        visits=int(document.get("n", 0)),
        lapsed_after=timedelta(days=int(document.get("days", 0))),
        schedule=_schedule(document, report) if on is TriggerKind.SCHEDULE else None,
        cool_down=None if cool_down is None else timedelta(seconds=int(cool_down)),
    )


def _join(document: Document, report: Report) -> JoinKind:
    if "first" in document and "return" in document:
        report.at("return").add(Reason.CONTRADICTION, _BOTH_JOINS)
    if "first" in document:
        return JoinKind.FIRST
    return JoinKind.RETURN if "return" in document else JoinKind.ANY


def _schedule(document: Document, report: Report) -> Schedule | None:
    dst = document.get("dst", {})
    policy = DstPolicy(gap=Gap(dst.get("gap", Gap.SHIFT)), fold=Fold(dst.get("fold", Fold.FIRST)))
    try:
        return occurrences.read(document["rrule"], dst=policy)
    except RecurrenceRefused as refused:
        report.at("rrule").add(Reason.RECURRENCE, refused.detail)
        return None

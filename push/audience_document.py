"""The ``who`` of a rule: its strict parser, what other sets it names, and its schema."""

from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import UUID

from push.audience import Audience, new_to, returning_to
from push.audience_terms import (
    EVERYONE,
    All,
    AnyOf,
    Did,
    Dwell,
    EventKind,
    Familiarity,
    Follows,
    Interest,
    LabelKind,
    Labelled,
    Lapsed,
    LastRedemption,
    LastVisit,
    Leaf,
    Not,
    Op,
    Reachable,
    Speaks,
    Term,
    Visits,
    VisitScope,
)
from push.audience_vocabulary import DEFINITIONS, MAX_TERMS, OWN_STORES, WHO, count_terms
from push.consent import Channel
from push.identifiers import StoreId
from push.problems import Reason, Report
from push.vocabulary import JsonSchema
from push.wording import Language, clean

# JSON, after its shape was checked: its members have no static type.
Document: TypeAlias = Mapping[str, Any]


def who_schema() -> JsonSchema:
    """JSON Schema 2020-12 of ``who`` alone. That a tree has at most 40 terms, only the parser says."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Audience",
        **WHO.schema(),
        "$defs": dict(DEFINITIONS),
    }


def parse_who(document: object, report: Report) -> Audience:
    """The audience that the document states; what is wrong goes to the report, and then the value means nothing."""
    before = len(report.problems)
    WHO.check(document, report)
    if len(report.problems) > before:
        return Audience()
    if isinstance(document, str):
        return _SHORT[Familiarity(document)]
    if count_terms(document) > MAX_TERMS:
        report.add(Reason.WRONG_LENGTH, f"1-{MAX_TERMS}")
        return Audience()
    assert isinstance(document, Mapping)  # noqa: S101  the shape says so; this tells the type checker
    return Audience(_tree(document, report))


_SHORT = {
    Familiarity.EVERYONE: Audience(EVERYONE),
    Familiarity.NEW: new_to(),
    Familiarity.RETURNING: returning_to(),
}


def _tree(document: Document, report: Report) -> Term:
    for key, joint in (("all", All), ("any", AnyOf)):
        if key in document:
            inner = report.at(key)
            parts = tuple(_tree(part, inner.at(index)) for index, part in enumerate(document[key]))
            # One part alone says the same: equal audiences shall be equal values.
            return parts[0] if len(parts) == 1 else joint(parts)
    if "not" in document:
        return Not(_tree(document["not"], report.at("not")))
    if "seg" in document:
        return Labelled(kind=LabelKind.SEGMENT, name=document["seg"])
    return _leaf(document, report)


def _leaf(document: Document, report: Report) -> Leaf:
    value = document["value"]
    match document["attr"]:
        case "familiarity":
            return _familiar(document)
        case "language":
            return Speaks(language=Language(value))
        case "channel":
            return Reachable(channel=Channel(value))
        case "follows":
            if value in OWN_STORES:
                return Follows(scope=VisitScope(value))
            return Follows(store_id=StoreId(UUID(value)))
        case "tag" | "list" as kind:
            return Labelled(kind=LabelKind(kind), name=value)
        case "category_interest":
            return _interest(document, report)
        case _:
            return _compared(document)


def _familiar(document: Document) -> Visits | Lapsed:
    scope = _scope(document)
    match Familiarity(document["value"]):
        case Familiarity.LAPSED:
            return Lapsed(days=int(document["window_d"]), scope=scope)
        case Familiarity.FREQUENT:
            return Visits(
                op=Op.AT_LEAST, value=int(document["n"]), days=int(document["window_d"]), scope=scope
            )
        case Familiarity.NEW:
            return Visits(op=Op.EQUAL, value=0, scope=scope)
        case _:
            return Visits(op=Op.AT_LEAST, value=1, scope=scope)


def _interest(document: Document, report: Report) -> Interest:
    category = clean(document["value"])
    if category != document["value"]:
        report.at("value").add(Reason.BLANK)
    return Interest(category=category, visits=int(document.get("n", 1)), days=int(document["window_d"]))


def _compared(document: Document) -> Leaf:
    op, value, scope = Op(document["op"]), int(document["value"]), _scope(document)
    days = int(document["window_d"]) if "window_d" in document else None
    match document["attr"]:
        case "visits":
            return Visits(op=op, value=value, days=days, scope=scope)
        case "last_visit_days":
            return LastVisit(op=op, days=value, scope=scope)
        case "last_redeem_days":
            return LastRedemption(op=op, days=value, scope=scope)
        case "dwell_s":
            assert days is not None  # noqa: S101  the shape asks for it
            return Dwell(op=op, value_s=value, days=days, scope=scope)
        case _:
            assert days is not None  # noqa: S101  the shape asks for it
            kind = EventKind(document["kind"])
            return Did(kind=kind, op=op, value=value, days=days, scope=_place_of(kind, scope))


def _scope(document: Document) -> VisitScope:
    return VisitScope(document.get("scope", VisitScope.MERCHANT))


def _place_of(kind: EventKind, scope: VisitScope) -> VisitScope:
    """A search has no place."""
    return VisitScope.DISTRICT if kind is EventKind.SEARCH else scope

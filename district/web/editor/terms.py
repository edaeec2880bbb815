"""One question about a member as a row of the editor: what is asked, how it compares, of when and where."""

from collections.abc import Mapping
from typing import Any, Final

from district.web.editor.fields import Row
from district.web.editor.reading import Reading, dumped, loaded, plain, shown_seconds
from district.web.language import gettext as _
from push.audience_terms import Op, VisitScope

TERM: Final = "term"
COMPARED: Final = frozenset({"visits", "dwell_s", "last_visit_days", "last_redeem_days", "did"})
WINDOWED: Final = frozenset({"visits", "dwell_s", "lapsed", "frequent", "category_interest", "did"})
SCOPED: Final = frozenset(
    {
        "new",
        "returning",
        "lapsed",
        "frequent",
        "visits",
        "dwell_s",
        "last_visit_days",
        "last_redeem_days",
        "did",
    }
)
WORDS: Final = ("new", "returning", "lapsed", "frequent")
"""Familiarity, each word an attribute of its own in the editor."""
CHOSEN: Final = ("language", "channel", "follows", "tag", "list", "segment", "category_interest")
"""What names one of several; its name is in the field that is called like it."""
ATTRIBUTES: Final = (
    *WORDS, "visits", "dwell_s", "last_visit_days", "last_redeem_days", "category_interest", "did", "language",
    "channel", "follows", "tag", "list", "segment",
)  # fmt: skip
NEW: Final[Mapping[str, str]] = {
    "is": "yes",
    "attr": "returning",
    "op": Op.AT_LEAST,
    "value": "2",
    "min": "30",
    "min_unit": "min",
    "days": "90",
    "n": "3",
    "scope": VisitScope.MERCHANT,
    "kind": "purchase",
    "language": "zh",
    "channel": "sms",
    "follows": VisitScope.MERCHANT,
}
_KEPT: Final = "kept"


def read(reading: Reading, row: Row) -> dict[str, Any]:
    """The term that the row says."""
    attr = row.one("attr")
    found = _kept(reading, row) if attr == _KEPT else _asked(reading, row, attr)
    return {"not": found} if row.one("is") == "no" else found


def _kept(reading: Reading, row: Row) -> dict[str, Any]:
    return reading.document(row.name("kept"), _("This part of the audience cannot be read: take it out."))


def _asked(reading: Reading, row: Row, attr: str) -> dict[str, Any]:
    if attr == "segment":
        return {"seg": _chosen(reading, row, attr)}
    term: dict[str, Any] = {"attr": attr}
    if attr in WORDS:
        term = {"attr": "familiarity", "value": attr}
    elif attr in CHOSEN:
        term["value"] = _chosen(reading, row, attr)
    if attr in COMPARED:
        term["op"] = row.one("op")
        term["value"] = (
            reading.seconds(row.name("min")) if attr == "dwell_s" else reading.whole(row.name("value"))
        )
    if attr in {"frequent", "category_interest"}:
        term["n"] = reading.whole(row.name("n"))
    if attr == "did":
        term["kind"] = row.one("kind")
    return term | _bounds(reading, row, attr)


def _bounds(reading: Reading, row: Row, attr: str) -> dict[str, Any]:
    """Of when and where."""
    found: dict[str, Any] = {}
    # Visits may be counted over all time; nothing else may.
    if attr in WINDOWED and (row.one("days") or attr != "visits"):
        found["window_d"] = reading.whole(row.name("days"))
    is_search = attr == "did" and row.one("kind") == "search"
    if attr in SCOPED and not is_search and row.one("scope") not in {"", VisitScope.MERCHANT}:
        found["scope"] = row.one("scope")
    return found


def _chosen(reading: Reading, row: Row, attr: str) -> str:
    chosen = row.one(attr)
    if not chosen:
        reading.wrong(row.name(attr), _("Choose one."))
    return chosen


def show(document: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a row that say this term; of a deeper tree the tree itself, to be kept."""
    is_not = "not" in document
    inner = document["not"] if is_not else document
    if not {"attr", "seg"} & set(inner):
        # A kept tree carries its own "not".
        return {**NEW, "attr": _KEPT, "kept": dumped(document)}
    return {**NEW, **_shown(inner), "is": "no" if is_not else "yes"}


def _shown(term: Mapping[str, Any]) -> dict[str, str]:
    if "seg" in term:
        return {"attr": "segment", "segment": term["seg"]}
    attr = term["value"] if term["attr"] == "familiarity" else term["attr"]
    row = {"attr": attr, "scope": term.get("scope", VisitScope.MERCHANT), "days": ""}
    if attr in CHOSEN:
        row[attr] = str(term["value"])
    if attr in COMPARED:
        row |= {"op": term["op"]}
        row |= shown_seconds("min", term["value"]) if attr == "dwell_s" else {"value": plain(term["value"])}
    if attr == "category_interest":
        row["n"] = plain(term.get("n", 1))
    for member, name in (("window_d", "days"), ("n", "n")):
        if member in term:
            row[name] = plain(term[member])
    return row | ({"kind": term["kind"]} if attr == "did" else {})


def kept_document(row: Row) -> Any:
    """The tree that a row keeps without fields for it."""
    return loaded(row.one("kept"))

"""A segment as a form: each kind of term once, must hold or must not, joined by all or any; and the rule that it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from district.web.operator_forms import Sent, scaled

Document = dict[str, Any]
MUST, NOT = "must", "not"
OPS = (">=", "<=", "==", ">", "<")
SCOPES = ("merchant", "store", "property", "district")


@dataclass(frozen=True, kw_only=True)
class TermForm:
    """One kind of term: the form's fields with what they hold at first, the document of it, and back."""

    key: str
    fields: Mapping[str, str]
    document: Callable[[Mapping[str, str]], Document]
    values: Callable[[Document], Mapping[str, str] | None]


def _number(text: str) -> int | str | None:
    return scaled(text, 1)


def _only(document: Document, attr: str, **fixed: str) -> bool:
    return document.get("attr") == attr and all(document.get(name) == value for name, value in fixed.items())


def _familiar(document: Document) -> Mapping[str, str] | None:
    if not _only(document, "familiarity") or document.get("value") not in {"new", "returning"}:
        return None
    return {"value": document["value"], "scope": document.get("scope", "merchant")}


def _lapsed(document: Document) -> Mapping[str, str] | None:
    if not _only(document, "familiarity", value="lapsed"):
        return None
    return {"days": str(document["window_d"]), "scope": document.get("scope", "merchant")}


def _visits(document: Document) -> Mapping[str, str] | None:
    if not _only(document, "visits") or "older_h" in document:
        return None
    return {
        "op": document["op"],
        "n": str(document["value"]),
        "days": str(document.get("window_d", "")),
        "scope": document.get("scope", "merchant"),
    }


def _visits_document(given: Mapping[str, str]) -> Document:
    window = {"window_d": _number(given["days"])} if given["days"] else {}
    return {
        "attr": "visits",
        "op": given["op"],
        "value": _number(given["n"]),
        **window,
        "scope": given["scope"],
    }


def _dwell(document: Document) -> Mapping[str, str] | None:
    if not _only(document, "dwell_s"):
        return None
    return {
        "op": document["op"],
        "minutes": f"{document['value'] / 60:g}",
        "days": str(document["window_d"]),
        "scope": document.get("scope", "merchant"),
    }


def _redeemed(document: Document) -> Mapping[str, str] | None:
    if not _only(document, "last_redeem_days"):
        return None
    return {
        "op": document["op"],
        "days": str(document["value"]),
        "scope": document.get("scope", "merchant"),
    }


def _interest(document: Document) -> Mapping[str, str] | None:
    if not _only(document, "category_interest"):
        return None
    return {
        "value": document["value"],
        "n": str(document.get("n", 1)),
        "days": str(document["window_d"]),
    }


def _did(document: Document) -> Mapping[str, str] | None:
    if not _only(document, "did"):
        return None
    return {
        "kind": document["kind"],
        "op": document["op"],
        "n": str(document["value"]),
        "days": str(document["window_d"]),
    }


def _did_document(given: Mapping[str, str]) -> Document:
    """A search has no place."""
    scope = "district" if given["kind"] == "search" else "merchant"
    return {
        "attr": "did",
        "kind": given["kind"],
        "op": given["op"],
        "value": _number(given["n"]),
        "window_d": _number(given["days"]),
        "scope": scope,
    }


def _named(attr: str) -> TermForm:
    """A term that is one value."""
    return TermForm(
        key=attr,
        fields={"value": ""},
        document=lambda given: {"attr": attr, "value": given["value"]},
        values=lambda found: {"value": str(found["value"])} if _only(found, attr) else None,
    )


TERMS: tuple[TermForm, ...] = (
    TermForm(
        key="familiarity",
        fields={"value": "returning", "scope": "merchant"},
        document=lambda given: {"attr": "familiarity", "value": given["value"], "scope": given["scope"]},
        values=_familiar,
    ),
    TermForm(
        key="lapsed",
        fields={"days": "60", "scope": "merchant"},
        document=lambda given: {
            "attr": "familiarity",
            "value": "lapsed",
            "window_d": _number(given["days"]),
            "scope": given["scope"],
        },
        values=_lapsed,
    ),
    TermForm(
        key="visits",
        fields={"op": ">=", "n": "3", "days": "90", "scope": "merchant"},
        document=_visits_document,
        values=_visits,
    ),
    TermForm(
        key="dwell",
        fields={"op": ">=", "minutes": "60", "days": "90", "scope": "merchant"},
        document=lambda given: {
            "attr": "dwell_s",
            "op": given["op"],
            "value": scaled(given["minutes"], 60),
            "window_d": _number(given["days"]),
            "scope": given["scope"],
        },
        values=_dwell,
    ),
    TermForm(
        key="redeemed",
        fields={"op": ">", "days": "14", "scope": "merchant"},
        document=lambda given: {
            "attr": "last_redeem_days",
            "op": given["op"],
            "value": _number(given["days"]),
            "scope": given["scope"],
        },
        values=_redeemed,
    ),
    TermForm(
        key="interest",
        fields={"value": "", "n": "2", "days": "90"},
        document=lambda given: {
            "attr": "category_interest",
            "value": given["value"],
            "n": _number(given["n"]),
            "window_d": _number(given["days"]),
        },
        values=_interest,
    ),
    TermForm(
        key="did",
        fields={"kind": "offer.view", "op": ">=", "n": "1", "days": "30"},
        document=_did_document,
        values=_did,
    ),
    _named("language"),
    _named("channel"),
    _named("follows"),
    _named("tag"),
    _named("list"),
    TermForm(
        key="seg",
        fields={"value": ""},
        document=lambda given: {"seg": given["value"]},
        values=lambda found: {"value": str(found["seg"])} if "seg" in found else None,
    ),
)


def rule_of(sent: Sent) -> Document | str:
    """The rule that the form says; everyone where nothing was chosen."""
    parts: list[Document] = []
    for term in TERMS:
        state = sent.one(f"{term.key}.is")
        if state not in {MUST, NOT}:
            continue
        document = term.document({name: sent.one(f"{term.key}.{name}") for name in term.fields})
        parts.append(document if state == MUST else {"not": document})
    if not parts:
        return "everyone"
    return {"any" if sent.one("joint") == "any" else "all": parts}


def empty() -> Sent:
    """The form at first."""
    values = {f"{term.key}.{name}": (text,) for term in TERMS for name, text in term.fields.items()}
    return Sent(values=values | {"joint": ("all",), "kind": ("live",)})


def filled(rule: Any) -> Sent | None:
    """The form that says this rule; None where it says more than the form can."""
    values = dict(empty().values)
    if isinstance(rule, str):
        rule = {"all": [] if rule == "everyone" else [{"attr": "familiarity", "value": rule}]}
    parts = rule.get("all", rule.get("any"))
    parts = [rule] if parts is None else parts
    values["joint"] = ("any" if "any" in rule else "all",)
    for part in parts:
        found = _recognised(part)
        if found is None or values.get(f"{found[0]}.is"):
            return None
        key, state, given = found
        values[f"{key}.is"] = (state,)
        values |= {f"{key}.{name}": (text,) for name, text in given.items()}
    return Sent(values=values)


def _recognised(part: Document) -> tuple[str, str, Mapping[str, str]] | None:
    state, inner = (NOT, part["not"]) if "not" in part else (MUST, part)
    for term in TERMS:
        given = term.values(inner)
        if given is not None:
            return term.key, state, given
    return None

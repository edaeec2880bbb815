"""The ground of a campaign: around the shops, drawn, a building, a street, a zone or anywhere; and what does not belong to it."""

from collections.abc import Mapping
from typing import Any, Final

from district.web.editor.fields import Fields, Row
from district.web.editor.reading import Reading, dumped, loaded, plain
from district.web.language import gettext as _

POINTER: Final = "/rule/where"
CUT: Final = "cut"
"""The kind of the rows of what is left out of the ground."""
NAMED: Final = {"street": "street", "zone": "zone"}


def read(reading: Reading) -> dict[str, Any]:
    """``where`` of the rule; empty for anywhere."""
    fields, where = reading.fields, dict[str, Any]()
    ground = fields.one("ground")
    if (within := _within(reading, ground)) is not None:
        where["within"] = within
    reading.came(POINTER, "ground")
    reading.came(f"{POINTER}/within", {"street": "street_buffer", "zone": "zone"}.get(ground, "within"))
    near = "near_m" if ground == "shops" else "also_near_m"
    if ground == "shops" or (fields.one(near) and ground not in {"", "none"}):
        where["near_my_stores_m"] = reading.figure(near)
    reading.came(f"{POINTER}/near_my_stores_m", near)
    if cut := _cut(reading):
        where["exclude"] = cut
    reading.came(f"{POINTER}/exclude", "add-cut")
    for member, name in (("floor", "floor"), ("or_visited", "visited_days")):
        reading.came(f"{POINTER}/{member}", name)
    if fields.one("floor"):
        where["floor"] = fields.one("floor")
    if fields.one("visited"):
        where["or_visited"] = {"store": fields.one("visited"), "days": reading.whole("visited_days")}
    return where


def _within(reading: Reading, ground: str) -> dict[str, Any] | None:
    fields = reading.fields
    match ground:
        case "drawn":
            return reading.document("within", _("Draw the area on the map, or choose another way."))
        case "street":
            if not fields.one("street"):
                reading.wrong("street", _("Choose a street."))
            return {"street": fields.one("street"), "buffer_m": reading.figure("street_buffer")}
        case "zone":
            if not fields.one("zone"):
                reading.wrong("zone", _("Choose a zone."))
            return {"zone": fields.one("zone")}
        case _:
            return None


def _cut(reading: Reading) -> list[dict[str, Any]]:
    """What is left out of the ground."""
    found = []
    for number, row in enumerate(reading.fields.kept_rows(CUT)):
        pointer = f"{POINTER}/exclude/{number}"
        reading.came(pointer, row.name("kind"))
        reading.came(f"{pointer}/buffer_m", row.name("buffer"))
        found.append(_cut_out(reading, row))
    return found


def _cut_out(reading: Reading, row: Row) -> dict[str, Any]:
    match row.one("kind"):
        case "zone" | "street" as kind:
            if not row.one(kind):
                reading.wrong(
                    row.name("kind"), _("Choose a street.") if kind == "street" else _("Choose a zone.")
                )
            buffer = {"buffer_m": reading.figure(row.name("buffer"))} if kind == "street" else {}
            return {kind: row.one(kind), **buffer}
        case _shape:
            return reading.document(row.name("cut"), _("Draw what is to be left out."))


def show(where: Mapping[str, Any] | None) -> Fields:
    """The fields that say this ``where``."""
    where = where or {}
    within, near = where.get("within"), where.get("near_my_stores_m")
    fields = Fields().merged(_ground(within, near is not None))
    if near is not None:
        fields = fields.merged({"near_m" if within is None else "also_near_m": plain(near)})
    for number, one in enumerate(where.get("exclude", ())):
        fields = fields.added(CUT, cut_row(one), key=str(number))
    visited = where.get("or_visited", {})
    return fields.merged(
        {
            "floor": where.get("floor", ""),
            "visited": visited.get("store", ""),
            "visited_days": plain(visited.get("days", 30)),
        }
    )


def _ground(within: Mapping[str, Any] | None, is_near: bool) -> dict[str, str]:
    if within is None:
        return {"ground": "shops" if is_near else "none"}
    if "zone" in within:
        return {"ground": "zone", "zone": within["zone"]}
    if "street" in within:
        buffer = plain(within["buffer_m"])
        return {"ground": "street", "street": within["street"], "street_buffer": buffer}
    return {"ground": "drawn", "within": dumped(within)}


def cut_row(fence: Mapping[str, Any]) -> dict[str, str]:
    """The row of a place that is left out."""
    for kind in NAMED:
        if kind in fence:
            return {"kind": kind, kind: fence[kind], "buffer": plain(fence.get("buffer_m", 10))}
    return {"kind": "shape", "cut": dumped(fence)}


def shape_words(text: str) -> str:
    """What a drawn place is, in a few words."""
    fence = loaded(text)
    match fence:
        case {"circle": {"radius_m": float() | int() as radius}}:
            return _("a circle of %(metres)s m", metres=plain(radius))
        case {"building": building, "buffer_m": float() | int() as buffer}:
            return _("building %(name)s and %(metres)s m around it", name=building, metres=plain(buffer))
        case {"type": "Polygon", "coordinates": [[*ring], *_holes]}:
            return _("a drawn area with %(count)s corners", count=max(len(ring) - 1, 0))
        case {"type": "MultiPolygon", "coordinates": [*parts]}:
            return _("%(count)s drawn areas", count=len(parts))
        case _:
            return _("a drawn area")

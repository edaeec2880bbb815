"""An audience as one SQL statement: the same terms, definitions and three values as ``push.audience.verdict``.

SQL's own NULL is the third value: AND, OR and NOT treat it as Kleene does, and WHERE keeps only what is true. The text
of the statement is made of constants of this module; whatever a person wrote is a parameter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from district.audiences.contacts import ListKey
from district.audiences.joins import Joins
from district.audiences.queries import CONTACT_HASH_SQL
from district.districts.service import DistrictInfo
from push.audience import Audience
from push.audience_facts import Owner
from push.audience_terms import (
    DAY,
    PRESENT_VISIT,
    RETURNING_AFTER,
    All,
    AnyOf,
    Did,
    Dwell,
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
    Walked,
)
from push.consent import Channel, Purpose
from push.wording import Language

_OPS: Final = {Op.EQUAL: "=", Op.LESS: "<", Op.AT_MOST: "<=", Op.MORE: ">", Op.AT_LEAST: ">="}
_ADDRESSES: Final = {
    Channel.INBOX: "true",
    Channel.SMS: "m.phone IS NOT NULL",
    Channel.EMAIL: "m.email IS NOT NULL",
}
_LANGUAGE: Final = "lower(split_part(replace(left(m.language, 35), '_', '-'), '-', 1))"
_SETS: Final = {
    LabelKind.TAG: (
        "tag",
        "",
        "SELECT member_id FROM member_tag WHERE district_id = %(district_id)s AND tag_id = {}",
    ),
    LabelKind.SEGMENT: (
        "segment",
        "AND kind = 'static' AND frozen_at IS NOT NULL",
        "SELECT member_id FROM segment_member WHERE district_id = %(district_id)s AND segment_id = {}",
    ),
    LabelKind.LIST: (
        "contact_list",
        "AND uploaded_at IS NOT NULL",
        "SELECT contact_hash FROM contact_list_entry WHERE district_id = %(district_id)s AND list_id = {}",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A statement that gives the ids of members, and what it takes."""

    sql: str
    params: dict[str, Any]


def compile_sql(
    audience: Audience,
    district: DistrictInfo,
    owner: Owner,
    *,
    now: datetime,
    among: Sequence[UUID] | None = None,
) -> Compiled:
    """The active members of the district who are known to belong, each once, in no order; only of ``among`` when given.

    Segments stand written out in the audience (``push.audience_segments.expand``); a name that is left is a set, and
    one that does not exist is unknown. ``now`` is business time.
    """
    work = _Work(joins=Joins(owner=owner, is_among=among is not None), now=now)
    belongs = work.tree(audience.term)
    only = "AND m.id = ANY(%(among)s::uuid[])" if among is not None else ""
    sql = f"""SELECT m.id FROM member AS m {work.joins.sql}
WHERE m.district_id = %(district_id)s AND m.state = 'active' {only} AND ({belongs})"""
    given = {
        "district_id": district.id,
        "now": now,
        "before": now - PRESENT_VISIT,
        "settled_by": now - RETURNING_AFTER,
        "owner_merchant": owner.merchant_id,
        "owner_stores": sorted(owner.store_ids),
        "owner_properties": sorted(owner.property_ids),
        "among": None if among is None else list(among),
        **ListKey.of(district).padded,
    }
    return Compiled(sql=sql, params=given | work.joins.params)


@dataclass(kw_only=True)
class _Work:
    """A statement while it is made."""

    joins: Joins
    now: datetime

    def tree(self, term: Term) -> str:
        """An expression: true, false, or NULL where too little is known."""
        match term:
            case All(parts=parts):
                return f"({' AND '.join(map(self.tree, parts))})" if parts else "true"
            case AnyOf(parts=parts):
                return f"({' OR '.join(map(self.tree, parts))})" if parts else "false"
            case Not(part=part):
                return f"(NOT {self.tree(part)})"
            case _:
                return f"({self._leaf(term)})"

    def _leaf(self, leaf: Leaf) -> str:
        match leaf:
            case Speaks(language=language):
                known = self.joins.param([one.value for one in Language])
                return f"CASE WHEN {_LANGUAGE} = ANY({known}) THEN {_LANGUAGE} = {self.joins.param(language.value)} END"
            case Reachable(channel=channel):
                said = self.joins.consent(Purpose.MARKETING, ("", channel.value))
                return f"coalesce({said}.granted, false) AND {_ADDRESSES[channel]}"
            case Follows():
                return self._follows(leaf)
            case Labelled(kind=kind, name=name):
                return self._label(kind, name)
            case LastRedemption(op=op, days=days, scope=scope):
                done = self.joins.redeemed(scope)
                return _if_open(self._is_ago(op, f"{done}.last_at", days))
            case Did(op=op, value=value):
                events = self.joins.events(leaf.kind, leaf.scope, self.now - leaf.days * DAY)
                return _if_open(f"coalesce({events}.times, 0) {_OPS[op]} {self.joins.param(value)}")
            case Visits() | Lapsed() | Dwell() | LastVisit() | Interest():
                located = self.joins.consent(Purpose.LOCATION, ("",))
                return f"CASE WHEN m.is_personalised AND {located}.granted THEN {self._walked(leaf)} END"

    def _walked(self, leaf: Walked) -> str:
        match leaf:
            case Visits(op=op, value=value, days=days, scope=scope):
                return self._counted(self.joins.visits(scope, self._since(days)), op, value)
            case Interest(category=category, visits=visits, days=days):
                there = self.joins.visits(VisitScope.DISTRICT, self._since(days), category=category)
                return self._counted(there, Op.AT_LEAST, visits)
            case Dwell(op=op, value_s=value_s, days=days, scope=scope):
                there = self.joins.visits(scope, self._since(days))
                stayed = f"floor(extract(epoch FROM coalesce({there}.stayed, interval '0')))"
                return f"{stayed} {_OPS[op]} {self.joins.param(value_s)}"
            case LastVisit(op=op, days=days, scope=scope):
                return self._is_ago(op, f"{self.joins.visits(scope, None)}.last_at", days)
            case Lapsed(days=days, scope=scope):
                there = self.joins.visits(scope, None)
                return f"coalesce({there}.last_at < {self.joins.param(self.now - days * DAY)}, false)"

    def _since(self, days: int | None) -> datetime | None:
        return None if days is None else self.now - days * DAY

    def _counted(self, there: str, op: Op, value: int) -> str:
        """For each count that it may be, or for none; else unknown."""
        least, most = f"coalesce({there}.least, 0)", f"coalesce({there}.most, 0)"
        wanted = self.joins.param(value)
        if op is Op.EQUAL:
            is_sure = f"{least} = {most} OR {wanted} < {least} OR {wanted} > {most}"
            return f"CASE WHEN {is_sure} THEN {most} = {wanted} END"
        sign = _OPS[op]
        is_sure = f"({least} {sign} {wanted}) = ({most} {sign} {wanted})"
        return f"CASE WHEN {is_sure} THEN {most} {sign} {wanted} END"

    def _is_ago(self, op: Op, at: str, days: int) -> str:
        """Never is longer ago than any number of days."""
        never = "true" if op in {Op.MORE, Op.AT_LEAST} else "false"
        elapsed = f"floor(extract(epoch FROM %(now)s::timestamptz - {at}) / 86400)"
        return f"coalesce({elapsed} {_OPS[op]} {self.joins.param(days)}, {never})"

    def _follows(self, term: Follows) -> str:
        if term.store_id is None:
            stores = self.joins.stores(term.scope)
        else:
            stores = self.joins.stores(VisitScope.MERCHANT, only=term.store_id)
        among = self.joins.among("member_id")
        return f"""m.id IN (SELECT member_id FROM follow
            WHERE district_id = %(district_id)s AND store_id = ANY(ARRAY({stores})) {among})"""

    def _is_owners(self) -> str:
        """Whether a set is that of the audience's owner."""
        owner = self.joins.owner
        if owner.id is None:
            return "merchant_id IS NULL AND property_id IS NULL"
        if owner.merchant_id is not None:
            return "merchant_id = %(owner_merchant)s"
        return f"property_id = {self.joins.param(owner.id)}::uuid"

    def _label(self, kind: LabelKind, name: str) -> str:
        table, condition, members = _SETS[kind]
        found = f"""(SELECT id FROM {table} WHERE district_id = %(district_id)s AND {self._is_owners()}
            AND name = {self.joins.param(name)} {condition})"""
        inside = members.format(found)
        if kind is LabelKind.LIST:
            each = (f"{CONTACT_HASH_SQL.format(column)} IN ({inside})" for column in ("m.phone", "m.email"))
            is_in = f"coalesce({', false) OR coalesce('.join(each)}, false)"
        else:
            is_in = f"m.id IN ({inside})"
        return _if_open(is_in, f"AND {found} IS NOT NULL")


def _if_open(expression: str, condition: str = "") -> str:
    """Unknown of who wants no personal offers."""
    return f"CASE WHEN m.is_personalised {condition} THEN {expression} END"

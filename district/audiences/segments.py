"""Segments: audiences with a name, live or frozen, never in a ring, never changed under a campaign that was approved."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from district.audiences import ownership
from district.audiences.compile import compile_sql
from district.audiences.models import Segment, SegmentKind, SegmentMember, SegmentVersion
from district.audiences.ownership import SetOwner
from district.audiences.schemas import NewSegment, SegmentChange
from district.auth.service import Principal
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.members.consents import CHANNEL
from district.problems import Conflict, Invalid
from push.audience import Audience
from push.audience_document import parse_who
from push.audience_facts import Owner
from push.audience_segments import AudienceTooLarge, SegmentRing, expand, names_of
from push.audience_terms import LabelKind, VisitScope
from push.identifiers import MerchantId, StoreId
from push.problems import Report

Rules = Mapping[uuid.UUID | None, Mapping[str, Audience]]
LIVE_SQL = """
SELECT coalesce(merchant_id, property_id), name, rule FROM segment
WHERE district_id = %(district_id)s AND kind = 'live' ORDER BY id
"""
_FILL_SQL = "INSERT INTO segment_member (district_id, segment_id, member_id) SELECT %(district_id)s, %(segment_id)s, id FROM "
_STORES_SQL = """
SELECT id, property_id FROM store
WHERE district_id = :district_id AND :owner_id IN (merchant_id, property_id) AND closed_at IS NULL
"""


class SegmentStale(Conflict):
    """A change of a version that is no longer the newest."""

    slug, title = "version-stale", "The segment was changed meanwhile"


class NotStatic(Conflict):
    """A live segment that is to be frozen."""

    slug, title = "segment-not-static", "Only a static segment is frozen"


def create(
    session: Session, district: DistrictInfo, principal: Principal, new: NewSegment, *, clock: Clock
) -> Segment:
    """Make a segment; a static one finds its members at once.

    Raises: Invalid with every part that cannot be used, NameTaken, TooManySets.
    """
    ownership.check_free(session, Segment, district.id, principal, new.name)
    owner = ownership.owner_of(principal)
    _checked(session, district.id, owner, new.rule, new.name)
    now = clock.now()
    row = Segment(
        district_id=district.id,
        id=new_id(),
        merchant_id=owner.merchant_id,
        property_id=owner.property_id,
        name=new.name,
        title=new.title,
        kind=new.kind,
        version=1,
        rule=new.rule,
        created_at=now,
        changed_at=now,
    )
    session.add(row)
    session.flush()
    _keep_version(session, row, principal, now)
    if new.kind is SegmentKind.STATIC:
        _freeze(session, district, row, now)
    return row


def change(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    name: str,
    wanted: SegmentChange,
    *,
    clock: Clock,
) -> Segment:
    """Change title or rule. A rule that campaigns name stays: they were approved with it.

    Raises: NotFound, SegmentStale, SetInUse, Invalid.
    """
    owner = ownership.owner_of(principal)
    ownership.lock_owner(session, district.id, owner)
    row = ownership.find(session, Segment, district.id, principal, name)
    if row.version != wanted.version:
        raise SegmentStale("Read the segment again and repeat the change.", version=row.version)
    row.title = wanted.title if wanted.title is not None else row.title
    if "rule" in wanted.model_fields_set and wanted.rule != row.rule:
        ownership.check_unused(session, district.id, owner, LabelKind.SEGMENT, name)
        _checked(session, district.id, owner, wanted.rule, name)
        row.rule, row.version = wanted.rule, row.version + 1
        session.flush()
        _keep_version(session, row, principal, clock.now())
        if row.kind == SegmentKind.STATIC:
            _freeze(session, district, row, clock.now())
    row.changed_at = clock.now()
    session.flush()
    return row


def remove(session: Session, district: DistrictInfo, principal: Principal, name: str) -> None:
    """Raises: NotFound, SetInUse."""
    owner = ownership.owner_of(principal)
    ownership.lock_owner(session, district.id, owner)
    row = ownership.find(session, Segment, district.id, principal, name)
    ownership.check_unused(session, district.id, owner, LabelKind.SEGMENT, name)
    session.delete(row)
    session.flush()


def freeze(
    session: Session, district: DistrictInfo, principal: Principal, name: str, *, clock: Clock
) -> Segment:
    """Look for a static segment's members anew. Raises: NotFound, NotStatic."""
    row = ownership.find(session, Segment, district.id, principal, name)
    if row.kind != SegmentKind.STATIC:
        raise NotStatic("A live segment is asked anew each time: there is nothing to freeze.")
    _freeze(session, district, row, clock.now())
    return row


def _freeze(session: Session, district: DistrictInfo, row: Segment, now: datetime) -> None:
    whose = SetOwner.of(row)
    rules = rules_of(session, district.id, whose)
    audience = expand(parse_who(row.rule, Report()), rules)
    found = compile_sql(audience, district, asked_as(session, district.id, whose), now=now)
    session.execute(
        delete(SegmentMember).where(
            SegmentMember.district_id == district.id, SegmentMember.segment_id == row.id
        )
    )
    session.connection().exec_driver_sql(
        f"{_FILL_SQL} ({found.sql}) AS found", {**found.params, "segment_id": row.id}
    )
    row.frozen_at = now
    session.flush()
    notify(session, CHANNEL, str(district.id))


def asked_as(session: Session, district_id: uuid.UUID, owner: SetOwner) -> Owner:
    """What scopes stand for in a rule of this owner that belongs to no campaign: all open stores of his."""
    rows = session.execute(text(_STORES_SQL), {"district_id": district_id, "owner_id": owner.id}).all()
    if owner.merchant_id is None:
        return Owner(
            scope=VisitScope.DISTRICT if owner.property_id is None else VisitScope.PROPERTY,
            store_ids=frozenset(StoreId(row[0]) for row in rows),
            property_ids=frozenset() if owner.property_id is None else frozenset({owner.property_id}),
        )
    return Owner(
        merchant_id=MerchantId(owner.merchant_id),
        store_ids=frozenset(StoreId(row[0]) for row in rows),
        property_ids=frozenset(row[1] for row in rows if row[1] is not None),
    )


def rules_of(session: Session, district_id: uuid.UUID, owner: SetOwner) -> dict[str, Audience]:
    """The live segments of an owner by name."""
    rows = session.scalars(
        ownership.owned(Segment, district_id, owner).where(Segment.kind == SegmentKind.LIVE)
    )
    return {row.name: parse_who(row.rule, Report()) for row in rows}


async def all_rules(connection: AsyncConnection[TupleRow], district_id: uuid.UUID) -> Rules:
    """The live segments of every owner of a district."""
    found: dict[uuid.UUID | None, dict[str, Audience]] = {}
    cursor = await connection.execute(LIVE_SQL, {"district_id": district_id})
    for owner_id, name, rule in await cursor.fetchall():
        found.setdefault(owner_id, {})[name] = parse_who(rule, Report())
    return found


def check_audience(
    session: Session,
    district_id: uuid.UUID,
    owner: SetOwner,
    audience: Audience,
    *,
    pointer: str = "/rule/who",
) -> None:
    """See that an audience names only sets of its owner's, and is not too large with its segments written out.

    Raises: Invalid.
    """
    missing = [
        (kind, name)
        for kind, table in ownership.TABLES.items()
        for name in sorted(_missing(session, table, district_id, owner, names_of(audience, kind)))
    ]
    if missing:
        raise Invalid(
            "The audience names what is not there.",
            errors=[
                {
                    "pointer": pointer,
                    "reason": "unknown_set",
                    "detail": f"You have no {kind} named {name!r}: make it first.",
                    "detail_zh": f"没有名为 {name!r} 的{_ZH[kind]}，请先创建。",
                }
                for kind, name in missing
            ],
        )
    try:
        expand(audience, rules_of(session, district_id, owner))
    except (SegmentRing, AudienceTooLarge) as refused:
        raise _unusable(str(refused), pointer) from refused


_ZH = {LabelKind.TAG: "标签", LabelKind.LIST: "名单", LabelKind.SEGMENT: "目标人群"}


def _missing(
    session: Session, table: Any, district_id: uuid.UUID, owner: SetOwner, names: frozenset[str]
) -> set[str]:
    if not names:
        return set()
    there: Sequence[str] = session.scalars(
        select(table.name).where(table.district_id == district_id, *owner.has(table), table.name.in_(names))
    ).all()
    return set(names) - set(there)


def _checked(session: Session, district_id: uuid.UUID, owner: SetOwner, rule: Any, name: str) -> None:
    """See that a rule can be that of the owner's segment ``name``. Raises: Invalid."""
    report = Report(pointer="/rule")
    audience = parse_who(rule, report)
    if report.problems:
        raise Invalid(
            "The segment asks for what is not supported.",
            errors=[
                {
                    "pointer": problem.pointer,
                    "reason": problem.reason.value,
                    "detail": problem.detail.en,
                    "detail_zh": problem.detail.zh,
                }
                for problem in report.problems
            ],
        )
    if name in names_of(audience, LabelKind.SEGMENT):
        raise _unusable(str(SegmentRing((name, name))), "/rule")
    check_audience(session, district_id, owner, audience, pointer="/rule")
    rules = {**rules_of(session, district_id, owner), name: audience}
    try:
        for one in rules.values():
            expand(one, rules)
    except (SegmentRing, AudienceTooLarge) as refused:
        raise _unusable(str(refused), "/rule") from refused


def _unusable(detail: str, pointer: str) -> Invalid:
    return Invalid(
        detail,
        errors=[
            {
                "pointer": pointer,
                "detail": detail,
                "detail_zh": "目标人群互相引用成环，或展开后过大，请简化。",
            }
        ],
    )


def _keep_version(session: Session, row: Segment, principal: Principal, now: datetime) -> None:
    session.add(
        SegmentVersion(
            district_id=row.district_id,
            segment_id=row.id,
            version=row.version,
            rule=row.rule,
            made_at=now,
            made_by=principal.subject_id,
        )
    )
    session.flush()

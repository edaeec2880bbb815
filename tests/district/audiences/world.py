"""Persons of the vectors as rows of a real database, and both ways to ask who belongs to an audience."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences.compile import compile_sql
from district.audiences.contacts import ListKey
from district.audiences.contexts import load
from district.database import new_id
from district.districts.models import District
from district.districts.service import DistrictInfo
from push.audience import Audience, matches
from push.audience_asked import asked
from push.audience_facts import Owner
from push.audience_terms import LabelKind
from tests.factories import Makers
from tests.push.audience_vectors import MALL, MARKET, MERCHANT, NOW, PLACES, RIVAL, WORLD, Person

Connection = AsyncConnection[TupleRow]
PROPERTY_SQL = (
    "INSERT INTO property (district_id, id, kind, name, created_at) VALUES (%s, %s, 'mall', 'Mall', %s)"
)
MEMBER_SQL = """INSERT INTO member (district_id, id, phone, email, language, bucket, joined_at, is_personalised)
VALUES (%s, %s, %s, %s, %s, 1, %s, %s)"""
CONSENT_SQL = """INSERT INTO consent (district_id, id, member_id, purpose, channel, granted, action, at)
VALUES (%s, %s, %s, %s, %s, %s, 'api', %s)"""
VISIT_SQL = """INSERT INTO visit (district_id, trading_day, id, place_kind, place_id, member_id, started_at, ended_at, fixes)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 9)"""
OFFER_SQL = """INSERT INTO offer (district_id, id, campaign_id, member_id, occurrence_key, code, kind, value, title, text, why,
                   valid_from, valid_until, issued_at)
VALUES (%s, %s, %s, %s, %s, %s, 'coupon', '{}', '{}', '{}', '{}', %s, %s, %s)"""
REDEMPTION_SQL = """INSERT INTO redemption (district_id, id, offer_id, store_id, till, use_request_no, body_hash, value,
                        redeemed_at, reversed_at)
VALUES (%s, %s, %s, %s, 'till', %s, '', '{}', %s, %s)"""
FOLLOW_SQL = "INSERT INTO follow (district_id, member_id, store_id, at) VALUES (%s, %s, %s, %s)"
EVENT_SQL = "INSERT INTO member_event (district_id, id, member_id, kind, at, store_id) VALUES (%s, %s, %s, %s, %s, %s)"
TAGGED_SQL = "INSERT INTO member_tag (district_id, tag_id, member_id, at) VALUES (%s, %s, %s, %s)"
LISTED_SQL = "INSERT INTO contact_list_entry (district_id, list_id, contact_hash) VALUES (%s, %s, %s)"
IN_SEGMENT_SQL = "INSERT INTO segment_member (district_id, segment_id, member_id) VALUES (%s, %s, %s)"


@dataclass(kw_only=True)
class Town:
    """A district with the places of the vectors, the sets that there are, and a campaign that offers come from."""

    info: DistrictInfo
    campaign_id: uuid.UUID
    sets: Mapping[tuple[LabelKind, str], uuid.UUID]
    phones: int = field(default=0)

    @property
    def id(self) -> uuid.UUID:
        return self.info.id


def build(makers: Makers) -> Town:
    """The district; each test file has a database of its own, in which these ids are free."""
    district = makers.district()
    for merchant_id in (MERCHANT, RIVAL):
        makers.merchant(district, id=merchant_id)
    for property_id in (MALL, MARKET):
        makers.session.connection().exec_driver_sql(PROPERTY_SQL, (district.id, property_id, NOW))
    for place in PLACES.values():
        if place.store_id is not None:
            makers.store(
                district,
                id=place.store_id,
                merchant_id=place.merchant_id,
                property_id=place.property_id,
                category=place.category,
            )
    campaign = makers.campaign(district, makers.merchant(district), [])
    return Town(info=makers.info(district), campaign_id=campaign.id, sets=_sets(makers, district))


def _sets(makers: Makers, district: District) -> dict[tuple[LabelKind, str], uuid.UUID]:
    """The vectors' sets as the merchant's; a rival's of the same names, and two that hold nobody yet, are traps."""
    found = {}
    run = makers.session.connection().exec_driver_sql
    tag = "INSERT INTO tag (district_id, id, merchant_id, name, title, created_at) VALUES (%s, %s, %s, %s, '', %s)"
    listed = """INSERT INTO contact_list (district_id, id, merchant_id, name, title, created_at, uploaded_at)
        VALUES (%s, %s, %s, %s, '', %s, %s)"""
    segment = """INSERT INTO segment (district_id, id, merchant_id, name, title, kind, rule, created_at, changed_at,
        frozen_at) VALUES (%s, %s, %s, %s, '', %s, '"everyone"', %s, %s, %s)"""
    for merchant_id in (MERCHANT, RIVAL, None):
        for name in WORLD.tags:
            found[LabelKind.TAG, name, merchant_id] = id_ = new_id()
            run(tag, (district.id, id_, merchant_id, name, NOW))
        for name, uploaded_at in [*((name, NOW) for name in WORLD.lists), ("no-such", None)]:
            found[LabelKind.LIST, name, merchant_id] = id_ = new_id()
            run(listed, (district.id, id_, merchant_id, name, NOW, uploaded_at))
        for name, kind, frozen_at in [
            *((name, "static", NOW) for name in WORLD.segments),
            ("no-such", "static", None),
            ("live", "live", None),
        ]:
            found[LabelKind.SEGMENT, name, merchant_id] = id_ = new_id()
            run(segment, (district.id, id_, merchant_id, name, kind, NOW, NOW, frozen_at))
    makers.done()
    return {(kind, name): id_ for (kind, name, merchant_id), id_ in found.items() if merchant_id == MERCHANT}


async def settle(connection: Connection, town: Town, people: Sequence[Person]) -> list[uuid.UUID]:
    """Write the persons; their ids in the same order."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    ids = [_rows(town, person, rows) for person in people]
    async with connection.cursor() as cursor:
        for statement, values in rows.items():
            await cursor.executemany(statement, values)
    return ids


def _rows(town: Town, person: Person, rows: dict[str, list[tuple[Any, ...]]]) -> uuid.UUID:
    member_id = new_id()
    town.phones += 1
    is_listed = bool(person.lists)
    phone = f"+35840{town.phones:07d}" if person.phone else None
    email = f"m{town.phones}@example.com" if person.email or (is_listed and not person.phone) else None
    member = (town.id, member_id, phone, email, person.language, NOW, person.is_personalised)
    rows.setdefault(MEMBER_SQL, []).append(member)
    for purpose, channel in sorted(person.agreed, key=str):
        for granted in (False, True):
            said = (town.id, new_id(), member_id, purpose.value, channel or "", granted, NOW)
            rows.setdefault(CONSENT_SQL, []).append(said)
    for name in person.tags:
        rows.setdefault(TAGGED_SQL, []).append((town.id, town.sets[LabelKind.TAG, name], member_id, NOW))
    for name in person.segments:
        rows.setdefault(IN_SEGMENT_SQL, []).append((town.id, town.sets[LabelKind.SEGMENT, name], member_id))
    for name in person.lists:
        contact = ListKey.of(town.info).hash(phone or email or "")
        rows.setdefault(LISTED_SQL, []).append((town.id, town.sets[LabelKind.LIST, name], contact))
    for name in person.follows:
        rows.setdefault(FOLLOW_SQL, []).append((town.id, member_id, PLACES[name].store_id, NOW))
    _deeds(town, member_id, person, rows)
    return member_id


def _deeds(town: Town, member_id: uuid.UUID, person: Person, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    for walk in person.walks:
        start, store_id = NOW - walk.ago, PLACES[walk.place].store_id
        kind = "district" if store_id is None else "store"
        visit = (town.id, start.date(), new_id(), kind, store_id, member_id, start, start + walk.length)
        rows.setdefault(VISIT_SQL, []).append(visit)
    used: list[tuple[timedelta, str, datetime | None]] = [
        (ago, place, None) for ago, place in person.redeemed
    ]
    used += [(ago, place, NOW) for ago, place in person.given_back]
    for ago, place, reversed_at in used:
        offer_id = new_id()
        offer = (town.id, offer_id, town.campaign_id, member_id, offer_id.hex, offer_id.hex, NOW, NOW, NOW)
        rows.setdefault(OFFER_SQL, []).append(offer)
        redeemed = (town.id, new_id(), offer_id, PLACES[place].store_id, offer_id.hex, NOW - ago, reversed_at)
        rows.setdefault(REDEMPTION_SQL, []).append(redeemed)
    for ago, kind_, place in person.did:
        event = (town.id, new_id(), member_id, kind_.value, NOW - ago, PLACES[place].store_id)
        rows.setdefault(EVENT_SQL, []).append(event)


async def by_sql(
    connection: Connection,
    town: Town,
    audience: Audience,
    owner: Owner,
    among: Sequence[uuid.UUID] | None = None,
) -> set[uuid.UUID]:
    """Whom the compiled statement finds."""
    compiled = compile_sql(audience, town.info, owner, now=NOW, among=among)
    rows = await (await connection.execute(compiled.sql, compiled.params)).fetchall()
    assert len(rows) == len({row[0] for row in rows})
    return {row[0] for row in rows}


async def one_by_one(
    connection: Connection, town: Town, audience: Audience, owner: Owner, member_ids: Sequence[uuid.UUID]
) -> set[uuid.UUID]:
    """Whom the rules find in what is loaded for a decision."""
    wanted = asked(audience, owner_id=owner.id, stores=owner.store_ids)
    known = await load(connection, town.info, member_ids, wanted=wanted, now=NOW)
    return {
        member_id
        for member_id in member_ids
        if matches(audience, known[member_id].as_owner_sees(owner), now=NOW)
    }

"""What the walkers know before they set out: the district, its feed and gateway, stores, tills, and the past members."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.auth import service as auth
from district.auth.models import Role
from district.clock import Clock
from district.demo import history
from district.districts import service as districts
from district.districts.service import DistrictInfo
from district.members.service import alias_of
from geo.coordinates import LonLat

KEY_LABEL = "walkers"
SESSION_LIFE = timedelta(days=3)

PLACES_SQL = """
SELECT s.id, coalesce(s.category, i.category), ST_X(i.location), ST_Y(i.location), coalesce(s.floor, i.floor),
       EXISTS (SELECT 1 FROM campaign c WHERE c.district_id = s.district_id AND c.state = 'live'
               AND c.merchant_id = s.merchant_id)
FROM store s JOIN imported_place i ON i.district_id = s.district_id AND i.ref = s.ref
WHERE s.district_id = :district_id AND s.closed_at IS NULL AND coalesce(s.name, i.name) <> ''
ORDER BY s.ref
"""
TILLS_SQL = """
SELECT t.id, t.store_id, s.merchant_id FROM till t
JOIN store s ON s.district_id = t.district_id AND s.id = t.store_id
WHERE t.district_id = :district_id AND s.merchant_id IS NOT NULL
"""
OLD_KEYS_SQL = """
UPDATE api_key SET revoked_at = :now WHERE district_id = :district_id AND label = :label AND revoked_at IS NULL
"""
STREETS_SQL = """
SELECT kind, ST_AsGeoJSON(shape, 7)::json FROM map_feature WHERE district_id = :district_id AND layer = 'streets'
"""
FEED_SQL = "SELECT slug, secret FROM feed WHERE district_id = :district_id AND vendor = 'meraki' ORDER BY created_at LIMIT 1"
GATEWAY_SQL = "SELECT slug, secret FROM gateway WHERE district_id = :district_id AND vendor = 'click' ORDER BY created_at LIMIT 1"
ACCESS_POINTS_SQL = """
SELECT mac, ST_X(location), ST_Y(location) FROM access_point WHERE district_id = :district_id AND location IS NOT NULL
"""
PAST_SQL = (
    "SELECT alias, member_id FROM device_alias WHERE district_id = :district_id AND alias = ANY(:aliases)"
)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A store that people go to."""

    id: str
    category: str
    position: LonLat
    has_offers: bool
    floor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Everything that the walkers need from the database, read once."""

    district: DistrictInfo
    feed: str
    feed_secret: str = field(repr=False)
    gateway: str
    gateway_secret: str = field(repr=False)
    shops: Sequence[Shop]
    streets: Sequence[Mapping[str, object]]
    access_points: Sequence[tuple[str, LonLat]]
    till_keys: Mapping[str, str] = field(repr=False)
    """By store id."""
    sessions: Mapping[int, str] = field(repr=False)
    """Of the past members' browsers, by the member's number."""


def read(session: Session, slug: str, *, clock: Clock) -> Ground:
    """Read it, make a key for each demo till, and open the past members' sessions. Raises: NotFound."""
    district = districts.read(session, slug)
    here = {"district_id": district.id}
    feed, feed_secret = session.execute(text(FEED_SQL), here).one()
    gateway, gateway_secret = session.execute(text(GATEWAY_SQL), here).one()
    shops = [
        Shop(
            id=str(id_),
            category=category,
            position=LonLat(lon=lon, lat=lat),
            floor=floor,
            has_offers=has_offers,
        )
        for id_, category, lon, lat, floor, has_offers in session.execute(text(PLACES_SQL), here)
    ]
    streets = [
        {"properties": {"highway": kind}, "geometry": geometry}
        for kind, geometry in session.execute(text(STREETS_SQL), here)
    ]
    points = [
        (mac, LonLat(lon=lon, lat=lat)) for mac, lon, lat in session.execute(text(ACCESS_POINTS_SQL), here)
    ]
    return Ground(
        district=district,
        feed=feed,
        feed_secret=feed_secret,
        gateway=gateway,
        gateway_secret=gateway_secret,
        shops=shops,
        streets=streets,
        access_points=points,
        till_keys=_till_keys(session, district, clock),
        sessions=past_sessions(session, district, clock),
    )


def _till_keys(session: Session, district: DistrictInfo, clock: Clock) -> Mapping[str, str]:
    """A key for each till, instead of the last run's, which nobody can read any more."""
    values = {"district_id": district.id, "label": KEY_LABEL, "now": clock.now()}
    session.execute(text(OLD_KEYS_SQL), values)
    keys = {}
    for till_id, store_id, merchant_id in session.execute(
        text(TILLS_SQL), {"district_id": district.id}
    ).all():
        _, keys[str(store_id)] = auth.create_key(
            session,
            role=Role.TILL,
            district_id=district.id,
            district_slug=district.slug,
            clock=clock,
            label=KEY_LABEL,
            scope_id=till_id,
            merchant_id=merchant_id,
        )
    return keys


def past_sessions(session: Session, district: DistrictInfo, clock: Clock) -> Mapping[int, str]:
    """Their browsers have kept them logged in since their last visit."""
    numbers = {alias_of(district, history.history_mac(number)): number for number in range(history.RETURNING)}
    found: Sequence[tuple[bytes, uuid.UUID]] = [
        (bytes(alias), member_id)
        for alias, member_id in session.execute(
            text(PAST_SQL), {"district_id": district.id, "aliases": list(numbers)}
        )
    ]
    sessions = {}
    with session.no_autoflush:
        for alias, member_id in found:
            issued = auth.open_session(
                session,
                role=Role.SHOPPER,
                district_id=district.id,
                district_slug=district.slug,
                subject_id=member_id,
                clock=clock,
                life=SESSION_LIFE,
            )
            sessions[numbers[alias]] = issued.token
    return sessions

"""Makers of rows for tests: each gives a valid row, and takes what the test cares about."""

import secrets
import uuid
from datetime import timedelta
from typing import Any

from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, Point, Polygon
from sqlalchemy.orm import Session

from district.auth import service as auth
from district.auth.models import Account, Role
from district.campaigns.models import Campaign, CampaignStock, CampaignStore
from district.clock import FixedClock
from district.database import new_id
from district.districts import service as districts
from district.districts.models import District
from district.districts.queries import ALL_DISTRICTS_SQL
from district.feeds.models import Feed
from district.members.models import Member
from district.merchants.models import Merchant
from district.offers.arbitration_models import MarketingPolicy
from district.offers.models import Offer
from district.offers.policies import DEFAULT
from district.stores.models import Store
from district.zones.models import AccessPoint, Zone
from geo.coordinates import LonLat
from push.coupon import RANDOM_BYTES, code_from
from push.limits import MAX_CAP

HELSINKI = LonLat(lon=24.9445, lat=60.1689)


def square(center: LonLat = HELSINKI, half_degrees: float = 0.001) -> Polygon:
    """A square around a point; sides in degrees."""
    lon, lat, half = center.lon, center.lat, half_degrees
    return Polygon(
        [
            (lon - half, lat - half),
            (lon + half, lat - half),
            (lon + half, lat + half),
            (lon - half, lat + half),
        ]
    )


class Makers:
    """Rows in one session; ``commit`` makes each visible to others at once."""

    def __init__(self, session: Session, clock: FixedClock, *, commit: bool = False) -> None:
        self.session = session
        self.clock = clock
        self._commit = commit

    def _add(self, row: Any) -> Any:
        self.session.add(row)
        self.done()
        return row

    def done(self) -> None:
        """Flush or commit what was made."""
        if self._commit:
            self.session.commit()
        else:
            self.session.flush()

    def district(self, **values: Any) -> District:
        """A district in central Helsinki with a slug of its own, whose policy lets members be told often."""
        given: dict[str, Any] = {
            "slug": f"d-{uuid.uuid4().hex[:12]}",
            "name": "Kluuvi",
            "center": HELSINKI,
            "zone": "Europe/Helsinki",
            "currency": "EUR",
        }
        row = districts.create(self.session, districts.NewDistrict(**(given | values)), clock=self.clock)
        self.policy(row)
        return row

    def policy(self, district: District, **values: Any) -> None:
        """The district's marketing policy: ten offers a day without a gap, nobody held out, but for what is said."""
        freely = {"offers_per_day": MAX_CAP, "gap_min": 0, "holdout_pct": 0, "version": 1}
        given = {**DEFAULT.values(), **freely, "changed_at": self.clock.now(), **values}
        self.session.merge(MarketingPolicy(district_id=district.id, **given))
        self.done()

    def info(self, district: District) -> districts.DistrictInfo:
        """The district as a value."""
        row = self.session.connection().exec_driver_sql(
            ALL_DISTRICTS_SQL.replace("ORDER BY", "WHERE id = %s ORDER BY"), (district.id,)
        )
        return districts.of_row(tuple(row.one()))

    def account(self, district: District, role: Role, *, scope_id: uuid.UUID | None = None) -> Account:
        """A staff account with the password ``password``."""
        row = auth.create_account(
            self.session,
            username=f"user-{uuid.uuid4().hex[:12]}",
            password="password",
            role=role,
            district_id=district.id,
            scope_id=scope_id,
            clock=self.clock,
        )
        self.done()
        return row

    def token(
        self,
        district: District,
        role: Role,
        *,
        subject_id: uuid.UUID | None = None,
        scope_id: uuid.UUID | None = None,
    ) -> str:
        """A session token for any role, without a log-in."""
        issued = auth.open_session(
            self.session,
            role=role,
            district_id=district.id,
            district_slug=district.slug,
            subject_id=subject_id or new_id(),
            scope_id=scope_id,
            clock=self.clock,
        )
        self.done()
        return issued.token

    def key(
        self,
        district: District,
        role: Role,
        *,
        scope_id: uuid.UUID | None = None,
        merchant_id: uuid.UUID | None = None,
    ) -> str:
        """A live key."""
        _, token = auth.create_key(
            self.session,
            role=role,
            district_id=district.id,
            district_slug=district.slug,
            scope_id=scope_id,
            merchant_id=merchant_id,
            clock=self.clock,
        )
        self.done()
        return token

    def member(self, district: District, **values: Any) -> Member:
        """A member who joined a moment ago."""
        given: dict[str, Any] = {
            "id": new_id(),
            "bucket": 5000,
            "language": "en",
            "joined_at": self.clock.now(),
        }
        row: Member = self._add(Member(district_id=district.id, **(given | values)))
        return row

    def merchant(self, district: District, **values: Any) -> Merchant:
        """A merchant."""
        given: dict[str, Any] = {"id": new_id(), "name": "Zio", "created_at": self.clock.now()}
        row: Merchant = self._add(Merchant(district_id=district.id, **(given | values)))
        return row

    def store(self, district: District, *, at: LonLat = HELSINKI, **values: Any) -> Store:
        """A store with its own attributes."""
        given: dict[str, Any] = {
            "id": new_id(),
            "ref": f"ref-{uuid.uuid4().hex[:12]}",
            "name": "Zio",
            "category": "clothes",
            "location": from_shape(Point(at.lon, at.lat), srid=4326),
            "created_at": self.clock.now(),
        }
        row: Store = self._add(Store(district_id=district.id, **(given | values)))
        return row

    def zone(self, district: District, *, outline: Polygon | None = None, **values: Any) -> Zone:
        """A square zone."""
        given: dict[str, Any] = {
            "id": new_id(),
            "slug": f"z-{uuid.uuid4().hex[:16]}",
            "name": "Aleksi",
            "outline": from_shape(MultiPolygon([outline or square()]), srid=4326),
            "created_at": self.clock.now(),
        }
        row: Zone = self._add(Zone(district_id=district.id, **(given | values)))
        return row

    def access_point(self, district: District, *, at: LonLat | None = HELSINKI, **values: Any) -> AccessPoint:
        """A placed access point."""
        given: dict[str, Any] = {
            "id": new_id(),
            "mac": uuid.uuid4().hex[:12],
            "location": from_shape(Point(at.lon, at.lat), srid=4326) if at else None,
            "created_at": self.clock.now(),
        }
        row: AccessPoint = self._add(AccessPoint(district_id=district.id, **(given | values)))
        return row

    def feed(self, district: District, **values: Any) -> Feed:
        """A feed of the plain sightings form."""
        given: dict[str, Any] = {
            "id": new_id(),
            "slug": f"feed-{uuid.uuid4().hex[:16]}",
            "vendor": "sightings",
            "created_at": self.clock.now(),
        }
        row: Feed = self._add(Feed(district_id=district.id, **(given | values)))
        return row

    def campaign(
        self,
        district: District,
        merchant: Merchant,
        stores: list[Store],
        *,
        stock: int | None = None,
        **values: Any,
    ) -> Campaign:
        """A live campaign: everyone who enters a square gets a coupon, once; nobody is held out."""
        fence = values.pop("fence", square())
        given: dict[str, Any] = {
            "id": new_id(),
            "merchant_id": merchant.id,
            "name": "Lunch",
            "state": "live",
            "rule": {
                "v": 1,
                "trigger": {"any": [{"on": "fence.enter"}]},
                "where": {"within": {"type": "Polygon", "coordinates": [list(fence.exterior.coords)]}},
                "holdout": {"pct": 0},
            },
            "offer": {
                "kind": "coupon",
                "value": {"type": "percent", "percent": 20},
                "title": {"zh": "八折", "en": "20 % off"},
                "text": {"zh": "今天有效", "en": "Today only"},
            },
            "fence": from_shape(MultiPolygon([fence]), srid=4326),
            "created_at": self.clock.now(),
            "changed_at": self.clock.now(),
        }
        row: Campaign = self._add(Campaign(district_id=district.id, **(given | values)))
        self._add(CampaignStock(district_id=district.id, campaign_id=row.id, quota=stock))
        for store in stores:
            self._add(CampaignStore(district_id=district.id, campaign_id=row.id, store_id=store.id))
        return row

    def offer(self, campaign: Campaign, member: Member, **values: Any) -> Offer:
        """An offer, valid for two hours."""
        now = self.clock.now()
        given: dict[str, Any] = {
            "id": new_id(),
            "occurrence_key": uuid.uuid4().hex,
            "code": code_from(secrets.token_bytes(RANDOM_BYTES)),
            "kind": "coupon",
            "value": {"type": "percent", "percent": 20},
            "title": {"zh": "八折", "en": "20 % off"},
            "text": {"zh": "今天有效", "en": "Today only"},
            "why": {},
            "valid_from": now,
            "valid_until": now + timedelta(hours=2),
            "issued_at": now,
        }
        row: Offer = self._add(
            Offer(
                district_id=campaign.district_id,
                campaign_id=campaign.id,
                member_id=member.id,
                **(given | values),
            )
        )
        return row

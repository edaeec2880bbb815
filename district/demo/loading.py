"""A demo district into the database: through the same services that imports, merchants and operators use."""

import uuid
from collections.abc import Callable, Sequence
from importlib.resources import as_file
from random import Random

from geoalchemy2.shape import from_shape
from shapely import Point
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import service as campaigns
from district.campaigns.consents import Grantee
from district.campaigns.schemas import NewCampaign
from district.campaigns.shared_models import TerritoryConsent
from district.clock import Clock
from district.database import new_id, notify
from district.demo import access, policy
from district.demo.access import First, Loaded
from district.demo.shops import StoreSpot, chosen, plan_of
from district.demo.world import World
from district.districts import service as districts
from district.districts.service import DistrictInfo
from district.merchants.models import Merchant
from district.stores import jobs as stores
from district.stores.models import Property, Store, Till
from district.zones import jobs as zones
from district.zones.models import AccessPoint, Zone
from geo.coordinates import LonLat
from geo.metric import distance_m
from push.campaign import CampaignAction

SEED = 20260501
LIVE_CAMPAIGNS = 48
CENTRAL_M = 150.0
WAITING_CAMPAIGNS = 3
ZONE_CHANNEL = "zone_changed"
ACCESS_POINT_CHANNEL = "access_point_changed"
Progress = Callable[[str], None]

SPOTS_SQL = """
SELECT s.id, CASE WHEN :is_chinese AND i.name_zh <> '' THEN i.name_zh ELSE coalesce(s.name, i.name) END,
       coalesce(s.category, i.category), ST_X(i.location), ST_Y(i.location),
       coalesce((SELECT b.id::text FROM map_feature b
                 WHERE b.district_id = s.district_id AND b.layer = 'buildings' AND ST_Covers(b.shape, i.location)
                 LIMIT 1), '')
FROM store s JOIN imported_place i ON i.district_id = s.district_id AND i.ref = s.ref
WHERE s.district_id = :district_id AND coalesce(s.name, i.name) <> '' AND i.opening_hours <> ''
ORDER BY s.ref
"""


def load(session: Session, world: World, *, clock: Clock, progress: Progress = lambda _: None) -> Loaded:
    """Make the district and everything in it, in the caller's transaction. Raises: Conflict when it exists."""
    random = Random(SEED)  # noqa: S311 the same demo each time; no secret comes from it
    districts.create(session, world.district, clock=clock)
    district = districts.read(session, world.district.slug)
    policy.load(session, district, clock=clock)
    progress("map")
    for layer, features in world.map_layers.items():
        zones.import_map(session, district, layer, features)
    progress("stores")
    with as_file(world.stores_file) as path:
        stores.import_file(session, district, path, clock=clock, source=world.district.attribution)
    progress("places")
    _add_areas(session, district, world, clock)
    _agree(session, district, clock)
    loaded = Loaded(slug=district.slug)
    progress("merchants")
    first = _add_merchants(session, district, clock, random)
    progress("accounts")
    access.add_accounts(session, district, loaded, first, clock)
    access.add_connections(session, district, loaded, first, clock)
    return loaded


def _add_areas(session: Session, district: DistrictInfo, world: World, clock: Clock) -> None:
    now = clock.now()
    for area in world.areas:
        outline = from_shape(area.outline, srid=4326)
        session.add(
            Property(
                district_id=district.id,
                id=new_id(),
                kind=area.kind,
                name=area.name,
                name_zh=area.name_zh,
                outline=outline,
                created_at=now,
            )
        )
        session.add(
            Zone(
                district_id=district.id,
                id=new_id(),
                slug=area.slug,
                name=area.name,
                name_zh=area.name_zh,
                outline=outline,
                floor=area.floor,
                created_at=now,
            )
        )
    for spec in world.access_points:
        session.add(
            AccessPoint(
                district_id=district.id,
                id=new_id(),
                mac=spec.mac,
                name=spec.name,
                location=from_shape(Point(spec.position.lon, spec.position.lat), srid=4326),
                floor=spec.floor,
                created_at=now,
            )
        )
    session.flush()
    notify(session, ZONE_CHANNEL, str(district.id))
    notify(session, ACCESS_POINT_CHANNEL, str(district.id))


def _agree(session: Session, district: DistrictInfo, clock: Clock) -> None:
    """Every property lets anyone's campaigns into its building, until somebody takes that back."""
    for property_id in session.scalars(select(Property.id).where(Property.district_id == district.id)):
        session.add(
            TerritoryConsent(
                district_id=district.id,
                id=new_id(),
                property_id=property_id,
                grantee_kind=Grantee.ANYONE,
                grantee_id=district.id,
                granted_at=clock.now(),
                granted_role=Role.OPERATOR,
                granted_by=new_id(),
            )
        )
    session.flush()


def spots(session: Session, district: DistrictInfo) -> Sequence[StoreSpot]:
    """The stores that a demo can use: named, and with hours. Their names are in the district's own language."""
    values = {"district_id": district.id, "is_chinese": district.country == "CN"}
    rows = session.execute(text(SPOTS_SQL), values)
    return [
        StoreSpot(
            id=str(id_), name=name, category=category, position=LonLat(lon=lon, lat=lat), building=building
        )
        for id_, name, category, lon, lat, building in rows
    ]


def _add_merchants(session: Session, district: DistrictInfo, clock: Clock, random: Random) -> First:
    """Merchants with live campaigns, and a few whose campaigns wait for the operator."""
    operator = _principal(district, Role.OPERATOR)
    firsts: list[First] = []
    for number, spot in enumerate(
        chosen(spots(session, district), LIVE_CAMPAIGNS + WAITING_CAMPAIGNS, random)
    ):
        merchant = Merchant(
            district_id=district.id, id=new_id(), name=spot.name, created_at=clock.now(), is_demo=True
        )
        session.add(merchant)
        session.flush()
        firsts.append(_open_store(session, district, merchant, spot, clock))
        is_central = distance_m(spot.position, district.center) < CENTRAL_M
        plan = plan_of(spot, random, currency=district.currency, is_for_all=is_central)
        owner = _principal(district, Role.MERCHANT, merchant_id=merchant.id)
        made = campaigns.create(
            session,
            district,
            owner,
            NewCampaign(
                name=plan.name,
                store_ids=[uuid.UUID(spot.id)],
                rule=dict(plan.rule),
                offer=dict(plan.offer),
                stock=plan.stock,
            ),
            clock=clock,
        )
        campaigns.step(session, district.id, owner, made.id, CampaignAction.SUBMIT, clock=clock)
        if number < LIVE_CAMPAIGNS:
            campaigns.step(session, district.id, operator, made.id, CampaignAction.APPROVE, clock=clock)
    return firsts[0]


def _open_store(
    session: Session, district: DistrictInfo, merchant: Merchant, spot: StoreSpot, clock: Clock
) -> First:
    store_id = uuid.UUID(spot.id)
    store = session.get_one(Store, (district.id, store_id))
    store.merchant_id = merchant.id
    till = Till(
        district_id=district.id,
        id=new_id(),
        store_id=store_id,
        name="1",
        created_at=clock.now(),
        is_demo=True,
    )
    session.add(till)
    session.flush()
    return First(merchant_id=merchant.id, name=merchant.name, store_id=store_id, till_id=till.id)


def _principal(district: DistrictInfo, role: Role, *, merchant_id: uuid.UUID | None = None) -> Principal:
    return Principal(
        role=role,
        district_id=district.id,
        district_slug=district.slug,
        subject_id=new_id(),
        scope_id=merchant_id,
        merchant_id=merchant_id,
    )

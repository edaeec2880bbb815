"""How one gets into a demo district: log-ins, keys, feeds and gateways, as an operator would set them up."""

import secrets
import uuid
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from district.auth import service as auth
from district.auth.models import Role
from district.clock import Clock
from district.database import new_id
from district.demo.past_campaigns import first_mall
from district.districts import service as districts
from district.districts.models import RouteKind
from district.districts.service import DistrictInfo
from district.feeds.models import Feed
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.members import service as members


@dataclass(kw_only=True)
class Loaded:
    """What a script or a person needs to use the district; the keys are shown here and nowhere else."""

    slug: str
    users: list[dict[str, str]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    gateways: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class First:
    """The merchant that the demo logs in as."""

    merchant_id: uuid.UUID
    name: str
    store_id: uuid.UUID
    till_id: uuid.UUID


def add_accounts(
    session: Session, district: DistrictInfo, loaded: Loaded, first: First, clock: Clock
) -> None:
    """One account a role, each with a password of its own; the shopper is a member like any other."""
    member = members.join(session, district, language="en", clock=clock, is_demo=True)
    scopes = {
        Role.OPERATOR: None,
        Role.MERCHANT: first.merchant_id,
        Role.PROPERTY: first_mall(session, district),
        Role.OBSERVER: None,
        Role.SHOPPER: member.id,
    }
    for role, scope_id in scopes.items():
        username, password = f"{role}.{district.slug}", secrets.token_urlsafe(9)
        auth.create_account(
            session,
            username=username,
            password=password,
            role=role,
            district_id=district.id,
            scope_id=scope_id,
            display_name=first.name if role is Role.MERCHANT else "",
            clock=clock,
        )
        loaded.users.append({"role": str(role), "username": username, "password": password})


def add_connections(
    session: Session, district: DistrictInfo, loaded: Loaded, first: First, clock: Clock
) -> None:
    """Feeds, keys and gateways, as an operator would set them up."""
    plain = _feed(session, district, vendor="sightings", slug=f"{district.slug}-sightings", clock=clock)
    meraki = _feed(session, district, vendor="meraki", slug=f"{district.slug}-meraki", clock=clock)
    for role, scope_id in ((Role.FEED, plain.id), (Role.TILL, first.till_id), (Role.RADIUS, None)):
        _, key = auth.create_key(
            session,
            role=role,
            district_id=district.id,
            district_slug=district.slug,
            clock=clock,
            label="demo",
            scope_id=scope_id,
            merchant_id=first.merchant_id if role is Role.TILL else None,
        )
        loaded.keys[str(role)] = key
    loaded.keys |= {"meraki_feed": meraki.slug, "meraki_secret": meraki.secret}
    for vendor in ("click", "opennds"):
        new = NewGateway(slug=f"{district.slug}-{vendor}", vendor=vendor, methods=["click", "phone", "email"])
        gateway = gateways.create(session, district, new, clock=clock)
        loaded.gateways.append({"slug": gateway.slug, "vendor": vendor, "secret": gateway.secret})


def _feed(session: Session, district: DistrictInfo, *, vendor: str, slug: str, clock: Clock) -> Feed:
    row = Feed(
        district_id=district.id,
        id=new_id(),
        slug=slug,
        vendor=vendor,
        secret=secrets.token_urlsafe(24),
        validator=secrets.token_hex(20),
        datum=district.datum,
        created_at=clock.now(),
    )
    session.add(row)
    districts.add_route(session, RouteKind.FEED, slug, district.id)
    session.flush()
    return row

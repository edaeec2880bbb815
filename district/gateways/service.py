"""Gateways: registered by operators, found by their slug, each with its vendor's dialect."""

import ipaddress
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.districts import paging
from district.districts import service as districts
from district.districts.models import RouteKind
from district.districts.service import DistrictInfo, Registry
from district.gateways import options
from district.gateways.dialect import Arrival, GatewayInfo
from district.gateways.models import Gateway, Plan, RedirectSight, RedirectUse
from district.gateways.schemas import GatewayChange, NewGateway
from district.gateways.vendors import DIALECTS as DIALECTS  # noqa: PLC0414 callers ask one module about gateways
from district.problems import Invalid, NotFound
from district.zones.models import Zone


def info_of(row: Gateway, *, portal_url: str = "") -> GatewayInfo:
    """A gateway as its dialect sees it; ``portal_url`` is where its clients come to, for ``identify``."""
    return GatewayInfo(
        slug=row.slug,
        vendor=row.vendor,
        secret=row.secret,
        public_url=row.public_url,
        portal_url=row.public_url or portal_url,
        allow_hosts=tuple(row.allow_hosts),
        allow_networks=tuple(row.allow_networks),
        methods=tuple(row.methods),
        options=row.options,
    )


def find(session: Session, registry: Registry, slug: str) -> tuple[DistrictInfo, Gateway]:
    """The gateway of a portal address. Raises: NotFound."""
    district = registry.routed(RouteKind.GATEWAY, slug)
    return district, get(session, district.id, slug)


def get(session: Session, district_id: uuid.UUID, slug: str) -> Gateway:
    """Raises: NotFound."""
    row = session.scalar(select(Gateway).where(Gateway.district_id == district_id, Gateway.slug == slug))
    if row is None:
        raise NotFound(f"No gateway {slug!r}.")
    return row


def page(session: Session, district_id: uuid.UUID, *, after: str, limit: int) -> Sequence[Gateway]:
    """Gateways by slug, after a slug."""
    return paging.by_slug(session, Gateway, district_id, after=after, limit=limit)


def create(session: Session, district: DistrictInfo, new: NewGateway, *, clock: Clock) -> Gateway:
    """Register a gateway. Raises: Conflict when the slug is taken, Invalid for a bad network, zone, plan or option."""
    _check(session, district, zone_id=new.zone_id, networks=new.allow_networks)
    plan_id = _plan_id(session, district.id, new.plan)
    own = options.checked(new.vendor, new.options)
    _check_methods(new.methods, is_real_name=new.is_real_name)
    districts.add_route(session, RouteKind.GATEWAY, new.slug, district.id)
    row = Gateway(
        district_id=district.id,
        id=new_id(),
        slug=new.slug,
        name=new.name,
        vendor=new.vendor,
        secret=new.secret or secrets.token_urlsafe(24),
        public_url=new.public_url,
        zone_id=new.zone_id,
        allow_hosts=new.allow_hosts,
        allow_networks=new.allow_networks,
        methods=list(new.methods),
        fail_open=new.fail_open,
        options=own,
        plan_id=plan_id,
        is_real_name=new.is_real_name,
        sign_in=new.sign_in.model_dump(mode="json"),
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def change(session: Session, district: DistrictInfo, slug: str, changed: GatewayChange) -> Gateway:
    """Change what is given. Raises: NotFound, Invalid."""
    row = get(session, district.id, slug)
    values = changed.model_dump(exclude_unset=True)
    _check(session, district, zone_id=values.get("zone_id"), networks=values.get("allow_networks", []))
    if "plan" in values:
        values["plan_id"] = _plan_id(session, district.id, values.pop("plan"))
    if "options" in values:
        values["options"] = options.checked(row.vendor, values["options"], stored=row.options)
    for name, value in values.items():
        setattr(row, name, value)
    _check_methods(row.methods, is_real_name=row.is_real_name)
    session.flush()
    return row


def plan_slug(session: Session, row: Gateway) -> str | None:
    """The plan of a gateway by its name in addresses; None for the default."""
    plan = session.get(Plan, (row.district_id, row.plan_id)) if row.plan_id else None
    return plan.slug if plan else None


def remove(session: Session, district: DistrictInfo, slug: str) -> None:
    """Forget a gateway and its address. Raises: NotFound."""
    session.delete(get(session, district.id, slug))
    districts.drop_route(session, RouteKind.GATEWAY, slug)


def _check(
    session: Session, district: DistrictInfo, *, zone_id: uuid.UUID | None, networks: Sequence[str]
) -> None:
    if zone_id is not None and session.get(Zone, (district.id, zone_id)) is None:
        raise Invalid("There is no such zone in this district.")
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise Invalid(f"{network!r} is not a network such as 10.0.0.0/8.") from None


def _plan_id(session: Session, district_id: uuid.UUID, slug: str | None) -> uuid.UUID | None:
    if slug is None:
        return None
    found = session.scalar(select(Plan.id).where(Plan.district_id == district_id, Plan.slug == slug))
    if found is None:
        raise Invalid("See errors.", errors=[{"pointer": "/plan", "detail": f"No plan {slug!r}."}])
    return found


def _check_methods(methods: Sequence[str], *, is_real_name: bool) -> None:
    nameless = [name for name in ("click", "voucher") if name in methods]
    if is_real_name and nameless:
        detail = (
            f"Where the law asks for a real name, nobody may pass by {nameless[0]}: take it out of methods."
        )
        raise Invalid("See errors.", errors=[{"pointer": "/methods", "detail": detail}])


def take(
    session: Session, gateway: Gateway, arrival: Arrival, *, clock: Clock, form_hash: bytes | None = None
) -> bool:
    """Use a redirect up; False when it was used before. Of two at once the later waits for the earlier one's end.

    One that opened nothing, because the vendor's server did not let the person in, may be used again: by another form
    as if for the first time, while the form that used it goes on where it stopped.
    """
    statement = insert(RedirectUse).values(
        district_id=gateway.district_id,
        gateway_id=gateway.id,
        fingerprint=arrival.fingerprint,
        used_at=clock.machine_now(),
        form_hash=form_hash,
    )
    again = statement.on_conflict_do_update(
        index_elements=["district_id", "gateway_id", "fingerprint"],
        set_={
            "used_at": statement.excluded.used_at,
            "form_hash": statement.excluded.form_hash,
            "member_id": None,
            "is_proven": False,
            "released_at": None,
        },
        where=RedirectUse.released_at.is_not(None)
        & (
            RedirectUse.form_hash.is_distinct_from(statement.excluded.form_hash)
            | statement.excluded.form_hash.is_(None)
        ),
    )
    taken = session.execute(again.returning(RedirectUse.gateway_id))
    return taken.first() is not None


def with_first_sight(session: Session, gateway: Gateway, arrival: Arrival, *, clock: Clock) -> Arrival:
    """The arrival, knowing when what ages in it was first seen here; now, when it never was."""
    if not arrival.ages:
        return arrival
    key, now = (gateway.district_id, gateway.id, arrival.ages), clock.machine_now()
    row = session.get(RedirectSight, key)
    if row is None:
        values = {"district_id": key[0], "gateway_id": key[1], "ages": key[2], "first_at": now}
        session.execute(insert(RedirectSight).values(values).on_conflict_do_nothing())
    return replace(arrival, shown_at=row.first_at if row else now)


def use_of(session: Session, gateway: Gateway, arrival: Arrival) -> RedirectUse | None:
    """What became of a redirect; None while nobody used it."""
    return session.get(RedirectUse, (gateway.district_id, gateway.id, arrival.fingerprint))

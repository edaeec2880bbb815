"""RADIUS clients: registered by operators, each with a secret of its own."""

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.gateways import service as gateways
from district.gateways.models import Gateway
from district.problems import Conflict, NotFound
from district.radius.clients import CHANNEL
from district.radius.models import RadiusClient
from district.radius.schemas import SECRET_BYTES, NewRadiusClient, RadiusClientChange


def get(session: Session, district: DistrictInfo, client_id: uuid.UUID) -> RadiusClient:
    """Raises: NotFound."""
    row = session.get(RadiusClient, (district.id, client_id))
    if row is None:
        raise NotFound("No such RADIUS client.")
    return row


def create(session: Session, district: DistrictInfo, new: NewRadiusClient, *, clock: Clock) -> RadiusClient:
    """Register a NAS. Raises: Conflict when name or address is taken, NotFound without such a gateway."""
    row = RadiusClient(
        district_id=district.id,
        id=new_id(),
        name=new.name,
        address=new.address,
        secret=new.secret or secrets.token_urlsafe(SECRET_BYTES),
        gateway_id=_gateway_id(session, district, new.gateway),
        nas_identifier=new.nas_identifier,
        coa_address=new.coa_address,
        coa_port=new.coa_port,
        created_at=clock.now(),
    )
    return _stored(session, row)


def change(
    session: Session, district: DistrictInfo, client_id: uuid.UUID, wanted: RadiusClientChange
) -> RadiusClient:
    """Change what is given. Raises: NotFound, Conflict."""
    row = get(session, district, client_id)
    given: dict[str, Any] = wanted.model_dump(exclude_unset=True)
    values = {name: value for name, value in given.items() if name != "gateway" and value is not None}
    if "gateway" in given:
        values["gateway_id"] = _gateway_id(session, district, given["gateway"])
    return _stored(session, row, values)


def remove(session: Session, district: DistrictInfo, client_id: uuid.UUID) -> None:
    """Forget a NAS. Raises: NotFound."""
    session.delete(get(session, district, client_id))
    session.flush()
    notify(session, CHANNEL)


def gateway_slug(session: Session, row: RadiusClient) -> str | None:
    """The name of the gateway behind a NAS."""
    gateway = session.get(Gateway, (row.district_id, row.gateway_id)) if row.gateway_id else None
    return gateway.slug if gateway else None


def listed(session: Session, district: DistrictInfo) -> list[tuple[RadiusClient, bool]]:
    """Every NAS by address, and whether its gateway lets people in while we are away."""
    found = (
        select(RadiusClient, Gateway.fail_open)
        .outerjoin(
            Gateway,
            (Gateway.district_id == RadiusClient.district_id) & (Gateway.id == RadiusClient.gateway_id),
        )
        .where(RadiusClient.district_id == district.id)
        .order_by(RadiusClient.address, RadiusClient.id)
    )
    return [(row, bool(fail_open)) for row, fail_open in session.execute(found)]


def _gateway_id(session: Session, district: DistrictInfo, slug: str | None) -> uuid.UUID | None:
    return gateways.get(session, district.id, slug).id if slug else None


def _stored(session: Session, row: RadiusClient, values: Mapping[str, Any] | None = None) -> RadiusClient:
    """Inside a savepoint, so that a caller may go on after a refusal."""
    try:
        with session.begin_nested():
            for name, value in (values or {}).items():
                setattr(row, name, value)
            session.add(row)
            session.flush()
    except IntegrityError:
        raise Conflict("Another RADIUS client has this name or this address; choose another.") from None
    notify(session, CHANNEL)
    return row

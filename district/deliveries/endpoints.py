"""Where merchants receive signed events: made, listed and removed by the merchant himself."""

import asyncio
import secrets
import uuid
from datetime import datetime

import anyio.from_thread
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.deliveries.channels import policy_of
from district.merchants.models import Merchant, WebhookEndpoint
from district.problems import Conflict, Invalid, NotFound
from district.settings import Settings
from push.channels import signing
from push.channels.outbound import HostUnknown, Outbound, TargetRefused

MOST = 5
SECRET_BYTES = 32
RESOLVE_S = 3.0


class NewEndpoint(BaseModel):
    """An address of the merchant's."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2_048, pattern=r"^[^#]*$")


class EndpointOut(BaseModel):
    """An endpoint; its secret is shown only when it is made."""

    id: uuid.UUID
    url: str
    created_at: datetime
    disabled_at: datetime | None
    secret: str | None = None


class EndpointPage(BaseModel):
    """All endpoints of a merchant; there are at most five."""

    items: list[EndpointOut]
    next: None = None


def create(
    session: Session,
    district_id: uuid.UUID,
    merchant_id: uuid.UUID,
    new: NewEndpoint,
    *,
    settings: Settings,
    clock: Clock,
) -> EndpointOut:
    """Make an endpoint. Raises: Invalid for an address that is not public, Conflict when there are enough."""
    _check_address(new.url, settings)
    session.get_one(Merchant, (district_id, merchant_id), with_for_update=True)
    held = session.scalar(
        select(func.count()).where(
            WebhookEndpoint.district_id == district_id, WebhookEndpoint.merchant_id == merchant_id
        )
    )
    if held is not None and held >= MOST:
        raise Conflict(f"A merchant has at most {MOST} webhooks; remove one first.")
    key = secrets.token_bytes(SECRET_BYTES)
    row = WebhookEndpoint(
        district_id=district_id,
        id=new_id(),
        merchant_id=merchant_id,
        url=new.url,
        secret=key,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return EndpointOut(
        id=row.id, url=row.url, created_at=row.created_at, disabled_at=None, secret=signing.secret_from(key)
    )


def listed(session: Session, district_id: uuid.UUID, merchant_id: uuid.UUID) -> list[EndpointOut]:
    """The merchant's endpoints, without their secrets."""
    rows = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.district_id == district_id, WebhookEndpoint.merchant_id == merchant_id)
        .order_by(WebhookEndpoint.id)
    )
    return [
        EndpointOut(id=row.id, url=row.url, created_at=row.created_at, disabled_at=row.disabled_at)
        for row in rows
    ]


def remove(session: Session, district_id: uuid.UUID, merchant_id: uuid.UUID, endpoint_id: uuid.UUID) -> None:
    """Forget an endpoint. Raises: NotFound, also for another merchant's."""
    row = session.get(WebhookEndpoint, (district_id, endpoint_id))
    if row is None or row.merchant_id != merchant_id:
        raise NotFound("No such webhook.")
    session.delete(row)


def _check_address(url: str, settings: Settings) -> None:
    """Refuse what would not be called anyway; it is checked again at each call, as names change."""
    try:
        anyio.from_thread.run(_resolve, url, settings)
    except (TargetRefused, HostUnknown, TimeoutError) as refused:
        detail = str(refused) or "The host's name cannot be found."
        raise Invalid("See errors.", errors=[{"pointer": "/url", "detail": detail}]) from refused


async def _resolve(url: str, settings: Settings) -> None:
    outbound = Outbound(policy=policy_of(settings))
    try:
        async with asyncio.timeout(RESOLVE_S):
            await outbound.target(url)
    finally:
        await outbound.close()

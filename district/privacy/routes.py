"""A member's right to be forgotten."""

from fastapi import APIRouter, Response

from district.auth.principals import Shopper
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import RegistryDep
from district.portal.routes import self_of
from district.privacy import service

router = APIRouter(prefix="/v1", tags=["members"])


@router.delete("/me", status_code=204)
def close(principal: Shopper, session: DbSession, registry: RegistryDep, clock: ClockDep) -> Response:
    """Close the account: contacts, devices, inbox and open offers go, every session ends."""
    district, member = self_of(session, principal, registry)
    service.erase(session, district, member, clock=clock)
    return Response(status_code=204)

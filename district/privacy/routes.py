"""A member's rights: to see what is kept, to prove what he agreed to, to be forgotten."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from district.auth.principals import Shopper
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import RegistryDep
from district.members import ledger
from district.members.schemas import ConsentProof, proof_answer
from district.portal.routes import self_of
from district.privacy import export, service
from push.consent import Purpose

router = APIRouter(prefix="/v1", tags=["members"])
PRIVATE = {"Cache-Control": "no-store"}


@router.get("/me/export")
def as_json(
    principal: Shopper, session: DbSession, registry: RegistryDep, response: Response
) -> dict[str, Any]:
    """All that is kept of the caller, table by table; devices as pseudonyms."""
    district, member = self_of(session, principal, registry)
    response.headers.update(PRIVATE)
    return export.document(session, district, member)


@router.get("/me/export.zip", response_class=Response)
def as_archive(principal: Shopper, session: DbSession, registry: RegistryDep) -> Response:
    """The same as a zip of one JSON file and a CSV file for each table."""
    district, member = self_of(session, principal, registry)
    headers = PRIVATE | {"Content-Disposition": 'attachment; filename="my-data.zip"'}
    data = export.archive(session, district, member)
    return Response(data, media_type="application/zip", headers=headers)


@router.get("/me/consents/proof")
def proof(
    purpose: Annotated[Purpose, Query()], principal: Shopper, session: DbSession, registry: RegistryDep
) -> ConsentProof:
    """All that the caller said to one purpose, with the words that were shown."""
    district, member = self_of(session, principal, registry)
    found, check = ledger.proofs(session, district.id, member.id, purpose)
    return proof_answer(purpose, found, check)


@router.delete("/me", status_code=204)
def close(principal: Shopper, session: DbSession, registry: RegistryDep, clock: ClockDep) -> Response:
    """Close the account: contacts, devices, inbox and open offers go, every session ends."""
    district, member = self_of(session, principal, registry)
    service.erase(session, district, member, clock=clock)
    return Response(status_code=204)

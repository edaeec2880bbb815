"""Operators' interface to what mail needs beside a provider: records of the DNS, and addresses that messages come back from."""

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from district.auth.principals import Operator
from district.channels import service, suppression
from district.channels.routes import PROVIDERS, secret_of
from district.channels.schemas import DnsRecords, DnsRecordView, SuppressedAddress, SuppressedAddresses
from district.database import DbSession
from district.districts.service import DistrictDep

router = APIRouter(tags=["channels"])
SUPPRESSED = "/v1/districts/{d}/suppressed-addresses"


@router.get(PROVIDERS + "/{slug}/dns")
def get_records(
    slug: str, request: Request, operator: Operator, district: DistrictDep, session: DbSession
) -> DnsRecords:
    """What to enter in the DNS so that the provider's messages are believed."""
    found = service.records_of(service.find(session, district.id, slug), secret_of(request))
    return DnsRecords(items=[DnsRecordView.model_validate(one) for one in found])


@router.get(SUPPRESSED)
def list_suppressed(
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    address: Annotated[str, Query(max_length=320, description="Only this one")] = "",
    before: Annotated[uuid.UUID | None, Query(description="The last id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SuppressedAddresses:
    """Numbers and e-mail addresses from which messages came back."""
    found = suppression.listed(session, district.id, address=address, before=before, limit=limit + 1)
    return SuppressedAddresses(
        items=[SuppressedAddress.model_validate(row) for row in found[:limit]],
        next=found[limit - 1].id if len(found) > limit else None,
    )


@router.delete(SUPPRESSED + "/{address_id}", status_code=HTTPStatus.NO_CONTENT)
def remove_suppressed(
    address_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession
) -> Response:
    """Send to the address again; should messages come back again, so does the entry."""
    suppression.remove(session, district.id, address_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)

"""All pages of the operator's console."""

from fastapi import APIRouter

from district.web import (
    operator_approvals,
    operator_feeds,
    operator_gateways,
    operator_live,
    operator_places,
)

router = APIRouter()
for _part in (operator_live, operator_approvals, operator_gateways, operator_feeds, operator_places):
    router.include_router(_part.router)

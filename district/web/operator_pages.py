"""All pages of the operator's console."""

from fastapi import APIRouter

from district.web import (
    operator_access_log,
    operator_alarms,
    operator_approvals,
    operator_feeds,
    operator_gateway_edit,
    operator_gateways,
    operator_live,
    operator_places,
    operator_self_test,
)

router = APIRouter()
for _part in (
    operator_live,
    operator_approvals,
    operator_gateways,
    operator_gateway_edit,
    operator_self_test,
    operator_alarms,
    operator_access_log,
    operator_feeds,
    operator_places,
):
    router.include_router(_part.router)

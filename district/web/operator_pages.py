"""All pages of the operator's console."""

from fastapi import APIRouter

from district.web import (
    operator_access_codes,
    operator_access_log,
    operator_access_points,
    operator_alarms,
    operator_approvals,
    operator_channels,
    operator_deliveries,
    operator_feeds,
    operator_gateway_edit,
    operator_gateways,
    operator_live,
    operator_places,
    operator_plans,
    operator_posters,
    operator_providers,
    operator_radius,
    operator_recipients,
    operator_self_test,
    operator_sessions,
    operator_suppressed,
    operator_texting,
    operator_texts,
)

router = APIRouter()
for _part in (
    operator_live,
    operator_approvals,
    operator_channels,
    operator_texts,
    operator_deliveries,
    operator_suppressed,
    operator_gateways,
    operator_gateway_edit,
    operator_self_test,
    operator_alarms,
    operator_sessions,
    operator_plans,
    operator_posters,
    operator_access_codes,
    operator_radius,
    operator_providers,
    operator_texting,
    operator_recipients,
    operator_access_log,
    operator_feeds,
    operator_places,
    operator_access_points,
):
    router.include_router(_part.router)

"""Campaigns, audiences and marketing in the consoles of merchants, properties and the operator."""

from fastapi import APIRouter

from district.web import (
    audience_lists,
    audience_segments,
    audience_shared,
    audience_tags,
    operator_incentives,
    operator_locks,
    operator_marketing,
    operator_points,
    operator_redeem_model,
    operator_searches,
    poster_pages,
    preview_pages,
    property_editor,
    staff_campaigns,
)

router = APIRouter()
for _part in (
    preview_pages,
    poster_pages,
    property_editor,  # before the pages of one campaign, whose addresses take its words for ids
    staff_campaigns,
    audience_shared,
    audience_segments,
    audience_tags,
    audience_lists,
    operator_marketing,
    operator_incentives,
    operator_points,
    operator_locks,
    operator_redeem_model,
    operator_searches,
):
    router.include_router(_part.router)

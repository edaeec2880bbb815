"""The programs' interface: every router under ``/v1`` and beside it, in one list."""

from fastapi import APIRouter

from district.campaigns import routes as campaigns
from district.feeds import routes as feeds
from district.gateways import routes as gateways
from district.portal import routes as portal
from district.stores import public as stores
from district.zones import tiles

ROUTERS: tuple[APIRouter, ...] = (
    campaigns.router,
    feeds.router,
    gateways.router,
    portal.router,
    stores.router,
    tiles.router,
)

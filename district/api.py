"""The programs' interface: every router under ``/v1`` and beside it, in one list."""

from fastapi import APIRouter

from district.campaigns import routes as campaigns
from district.deliveries import routes as deliveries
from district.feeds import routes as feeds
from district.footfall import routes as footfall
from district.gateways import routes as gateways
from district.merchants import routes as merchants
from district.offers import routes as offers
from district.portal import routes as portal
from district.privacy import routes as privacy
from district.redemptions import routes as redemptions
from district.stores import public as stores
from district.stores import routes as store_routes
from district.stores import till_routes
from district.zones import routes as zones
from district.zones import tiles

ROUTERS: tuple[APIRouter, ...] = (
    offers.router,
    redemptions.router,
    deliveries.router,
    campaigns.router,
    feeds.router,
    gateways.router,
    portal.router,
    privacy.router,
    stores.router,
    store_routes.router,
    till_routes.router,
    zones.router,
    footfall.router,
    merchants.router,
    tiles.router,
)

"""The programs' interface: every router under ``/v1`` and beside it, in one list."""

from fastapi import APIRouter

from district.gateways import routes as gateways
from district.portal import routes as portal
from district.stores import public as stores

ROUTERS: tuple[APIRouter, ...] = (gateways.router, portal.router, stores.router)

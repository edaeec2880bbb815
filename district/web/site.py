"""All pages of the product on one application."""

from fastapi import APIRouter, FastAPI

PAGES: tuple[APIRouter, ...] = ()


def install(app: FastAPI) -> None:
    """Add the pages, their static files and their security headers."""
    for router in PAGES:
        app.include_router(router, include_in_schema=False)

"""The programs' interface: every router under ``/v1`` and beside it, in one list."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()

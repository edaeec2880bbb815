"""What the till page asks in the background: its service worker, its kit, its number, and bringing in what it took."""

import hashlib
import json
import uuid
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime

from district.clock import ClockDep
from district.database import DbPool, Pool
from district.offers import code_keys
from district.problems import NotFound
from district.redemptions import offline_kits, offline_settling, till_numbers
from district.redemptions.offline_schemas import Journal, JournalOut, Kit
from district.redemptions.schemas import NumberBody, NumberOut
from district.web.language import negotiate
from district.web.merchant_pages import MerchantStaff
from district.web.security import require_own_form
from district.web.staff import Staff
from district.web.static_files import STATIC
from district.web.templating import vendor_address
from district.web.till import at_till, places_of, shell_page
from district.web.till_outcomes import Place

router = APIRouter(prefix="/merchant/redeem")
SHELL = "/merchant/redeem/shell"
MODULES = (
    "console.css",
    "console.js",
    "live.js",
    "mark.svg",
    "scan.js",
    "till.js",
    "till_code.js",
    "till_journal.js",
    "till_store.js",
    "till_sync.js",
    "till_view.js",
)
VENDORED = (
    ("@tabler/core", "tabler.min.css"),
    ("@tabler/core", "tabler.min.js"),
    ("htmx.org", "htmx.min.js"),
    ("htmx-ext-sse", "sse.min.js"),
    ("qr-scanner", "qr-scanner.min.js"),
    ("qr-scanner", "qr-scanner-worker.min.js"),
    ("@noble/ed25519", "index.js"),
)
TillId = Annotated[str, Query(max_length=40)]


@lru_cache(maxsize=1)
def worker_script() -> str:
    """The service worker with the names of what it keeps; it changes when any of that does, so that browsers renew it."""
    body = (STATIC / "app" / "till_worker.js").read_text("utf-8")
    assets = [f"/static/app/{name}" for name in MODULES]
    assets += [vendor_address(package, file) for package, file in VENDORED]
    digest = hashlib.sha256(body.encode())
    for name in MODULES:
        digest.update((STATIC / "app" / name).read_bytes())
    digest.update("".join(assets).encode())
    head = f"const VERSION = {json.dumps(digest.hexdigest()[:16])};\nconst SHELL = {json.dumps(SHELL)};\n"
    return f"{head}const ASSETS = {json.dumps(assets)};\n{body}"


@router.get("/worker.js")
def read_worker(_here: MerchantStaff) -> Response:
    """The service worker of the till page, for its staff.

    Who has logged out is led to the log-in page, as from all of these pages. Browsers refuse a worker that is
    redirected and keep the one they have, so that a till goes on without a line.
    """
    return Response(
        worker_script(),
        media_type="text/javascript; charset=utf-8",
        headers={"Service-Worker-Allowed": "/merchant/redeem", "Cache-Control": "no-cache"},
    )


@router.get("/shell")
async def read_shell(request: Request, here: MerchantStaff, pool: DbPool, clock: ClockDep) -> Response:
    """The page without any answer in it."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    response = shell_page(request, here, clock, places)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _place(request: Request, here: Staff, pool: Pool, till: str) -> Place:
    """Raises: NotFound for another merchant's."""
    places = await places_of(pool, here, is_chinese=negotiate(request).value == "zh")
    for one in places:
        if str(one.id) == till:
            return one
    raise NotFound("No such till of yours.")


@router.get("/offline-kit")
async def read_kit(
    request: Request,
    response: Response,
    here: MerchantStaff,
    pool: DbPool,
    clock: ClockDep,
    till: TillId,
    at: AwareDatetime,
    journal: uuid.UUID | None = None,
) -> Kit:
    """As the interface gives it to a till's key."""
    place = await _place(request, here, pool, till)
    response.headers["Cache-Control"] = "no-store"
    secret = code_keys.secret_of(request.app.state.settings)
    asked = offline_kits.Asked(journal=journal, at=at)
    return await offline_kits.give(
        pool, here.district, at_till(here, place), asked, secret=secret, clock=clock
    )


@router.post("/offline-kit/back", dependencies=[Depends(require_own_form)], status_code=HTTPStatus.NO_CONTENT)
async def give_back(
    request: Request, here: MerchantStaff, pool: DbPool, clock: ClockDep, till: TillId, journal: uuid.UUID
) -> None:
    """Another device of the till may have what is left of the quota."""
    place = await _place(request, here, pool, till)
    await offline_kits.close(pool, at_till(here, place), journal, clock=clock)


@router.post("/offline", dependencies=[Depends(require_own_form)])
async def bring_in(
    request: Request, body: Journal, here: MerchantStaff, pool: DbPool, clock: ClockDep, till: TillId
) -> JournalOut:
    """Settle what the page took without a line."""
    place = await _place(request, here, pool, till)
    return await offline_settling.settle(pool, at_till(here, place), body, clock=clock)


@router.get("/number")
async def read_number(
    request: Request, here: MerchantStaff, pool: DbPool, clock: ClockDep, till: TillId
) -> NumberOut:
    """The number that the till shows to members who type."""
    place = await _place(request, here, pool, till)
    return await till_numbers.show(pool, at_till(here, place), NumberBody(), clock=clock)

"""Stores for everyone: the nearest ones, from memory, and one store."""

import uuid
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from district.clock import Clock
from district.database import Pool
from district.districts.service import Registry
from district.problems import Invalid, NotFound, Unavailable
from district.snapshot import Snapshot
from district.stores import answers, search
from district.stores.book import DistrictStores, StoreBook
from district.stores.queries import STORE_IS_OPEN_SQL
from geo.datum import Datum

router = APIRouter(prefix="/v1", tags=["stores"])


@router.get("/districts/{d}/stores/nearest", openapi_extra=search.OPENAPI)
async def nearest(d: str, request: Request) -> Response:
    """The nearest stores of a district as GeoJSON, nearest first; ``distance_m`` is geodesic.

    With ``crs``, lon and lat are taken in that datum and the answer's coordinates are given in it.
    """
    wanted = search.read(request.query_params)
    stores = stores_of(request, d)
    found = stores.nearest(wanted.origin, now=_now(request), limit=wanted.limit, wishes=wanted.wishes)
    return answers.collection(found, datum=wanted.crs)


@router.get("/stores/nearest", openapi_extra=search.OPENAPI)
async def nearest_anywhere(request: Request) -> Response:
    """The nearest stores over all districts, say of one brand."""
    wanted = search.read(request.query_params)
    found = book_of(request).nearest(
        wanted.origin, now=_now(request), limit=wanted.limit, wishes=wanted.wishes
    )
    return answers.collection(found, datum=wanted.crs)


@router.get("/districts/{d}/stores/{store_id}")
async def detail(d: str, store_id: str, request: Request) -> Response:
    """One store, by its id or by the ``ref`` it was imported under."""
    stores = stores_of(request, d)
    row = row_of(stores, store_id)
    if row is None and await _is_new(request, stores, store_id):
        stores = stores_of(request, d)
        row = row_of(stores, store_id)
    if row is None:
        raise NotFound("No such store, or it has closed.")
    try:
        datum = Datum(request.query_params.get("crs", Datum.WGS84).lower())
    except ValueError:
        raise Invalid(f"crs must be one of {', '.join(Datum)}.") from None
    return answers.detail(stores.found(row, now=_now(request), distance_m=0.0), datum=datum)


def book_of(request: Request) -> StoreBook:
    """The book of this process. Raises: Unavailable before it was first read."""
    snapshot: Snapshot[StoreBook] = request.app.state.store_book
    if not snapshot.loaded:
        raise Unavailable("The stores have not been read yet.")
    return snapshot.value


def stores_of(request: Request, slug: str) -> DistrictStores:
    """The stores of a district. Raises: NotFound, Unavailable for a district made a moment ago."""
    registry: Registry = request.app.state.registry.value
    district = registry.find(slug)
    stores = book_of(request).by_district.get(district.id)
    if stores is None:
        raise Unavailable("The district's stores have not been read yet.")
    return stores


def row_of(stores: DistrictStores, id_or_ref: str) -> int | None:
    """The row of a store, None when there is none that is open."""
    try:
        return stores.rows.get(uuid.UUID(id_or_ref))
    except ValueError:
        return stores.refs.get(id_or_ref)


async def _is_new(request: Request, stores: DistrictStores, id_or_ref: str) -> bool:
    """Whether the database has a store that the book has not yet; the book is then read again."""
    try:
        store_id = uuid.UUID(id_or_ref)
    except ValueError:
        store_id = None
    values = {"district_id": stores.district.id, "id": store_id, "ref": id_or_ref.replace("\x00", "")}
    pool: Pool = request.app.state.pool
    async with pool.connection() as connection:
        row = await (await connection.execute(STORE_IS_OPEN_SQL, values)).fetchone()
    return row is not None and await request.app.state.store_book.refresh()


def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock.now()

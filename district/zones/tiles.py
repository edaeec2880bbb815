"""Vector tiles of a district, made by PostGIS and kept in memory until something on them changes."""

import hashlib
from collections import OrderedDict
from functools import lru_cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from district.auth.models import Role
from district.auth.principals import Anyone
from district.auth.service import Principal
from district.database import Pool
from district.districts.service import DistrictInfo, Registry
from district.problems import NotFound
from district.snapshot import Snapshot
from district.zones.queries import FENCES_TILE_SQL, tile_sql
from district.zones.service import CHANNEL

ZOOM_LEAST: Final = 10
ZOOM_MOST: Final = 18
MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"
CACHED_BYTES: Final = 64 << 20
MAX_AGE_S: Final = 60
_CHANNELS: Final = (CHANNEL, "stores_changed", "campaign_changed", "district_changed")
_POLLS_SKIPPED: Final = 5

router = APIRouter(prefix="/v1", tags=["map"])

Key = tuple[str, int, int, int]


class TileCache:
    """Tiles made since the last change, the least used forgotten first."""

    def __init__(self, capacity_bytes: int = CACHED_BYTES) -> None:
        self._tiles: OrderedDict[Key, bytes] = OrderedDict()
        self._capacity_bytes, self._size_bytes = capacity_bytes, 0

    def __len__(self) -> int:
        return len(self._tiles)

    def get(self, key: Key) -> bytes | None:
        """A tile that is kept, None for one that must be made."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def put(self, key: Key, tile: bytes) -> None:
        """Keep a tile; an entry counts 200 bytes beside its content."""
        self._size_bytes += (
            len(tile) + 200 - (len(self._tiles.pop(key, b"")) + 200 if key in self._tiles else 0)
        )
        self._tiles[key] = tile
        while self._size_bytes > self._capacity_bytes:
            _, dropped = self._tiles.popitem(last=False)
            self._size_bytes -= len(dropped) + 200


def tile_cache() -> Snapshot[TileCache]:
    """The tiles of this process: an empty cache after each change, and once a minute for changes unheard of."""

    async def load() -> TileCache:
        return TileCache()

    return Snapshot(load, empty=TileCache(), channels=_CHANNELS, polls_skipped=_POLLS_SKIPPED)


@router.get("/tiles/{slug}/{z}/{x}/{y}.mvt", responses={204: {"description": "Nothing is there"}})
async def tile(  # noqa: PLR0917 FastAPI calls by name
    slug: str,
    z: Annotated[int, Path(ge=0, le=30)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
    request: Request,
    caller: Anyone,
) -> Response:
    """A Mapbox vector tile of a district, extent 4096; a log-in of the district sees its fences too."""
    registry: Registry = request.app.state.registry.value
    district = registry.find(slug)
    if not ZOOM_LEAST <= z <= ZOOM_MOST or max(x, y) >= 1 << z:
        raise NotFound(f"Tiles exist for z {ZOOM_LEAST} to {ZOOM_MOST}, with x and y from 0 to 2^z - 1.")
    cache: TileCache = request.app.state.tiles.value
    content = cache.get((slug, z, x, y))
    if content is None:
        content = await _made(request, tile_sql_of(z), district, (z, x, y))
        cache.put((slug, z, x, y), content)
    if caller is not None and _sees_fences(caller, district):
        merchant = {"merchant_id": caller.merchant_id}
        content += await _made(request, FENCES_TILE_SQL, district, (z, x, y), merchant)
        return _answer(request, content, "private, no-cache")
    return _answer(request, content, f"public, max-age={MAX_AGE_S}")


tile_sql_of = lru_cache(maxsize=32)(tile_sql)


def _sees_fences(caller: Principal, district: DistrictInfo) -> bool:
    return caller.district_id == district.id and caller.role in (Role.MERCHANT, Role.OPERATOR)


async def _made(
    request: Request,
    statement: str,
    district: DistrictInfo,
    place: tuple[int, int, int],
    more: dict[str, Any] | None = None,
) -> bytes:
    pool: Pool = request.app.state.pool
    z, x, y = place
    values = {"district_id": district.id, "z": z, "x": x, "y": y, "now": request.app.state.clock.now()}
    async with pool.connection() as connection:
        row = await (await connection.execute(statement, values | (more or {}))).fetchone()
    return b"" if row is None else bytes(row[0])


def _answer(request: Request, content: bytes, caching: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": caching, "Vary": "Authorization, Cookie"}
    if not content:
        return Response(status_code=204, headers=headers)
    known = request.headers.get("if-none-match", "")
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=MEDIA_TYPE, headers=headers)

"""/static: our own modules and the vendored libraries, compressed once per process."""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
_COMPRESSED_SUFFIXES = frozenset({".js", ".mjs", ".css", ".svg", ".json", ".txt"})
_MEDIA_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_WORTH_COMPRESSING_BYTES = 500
_IMMUTABLE = "public, max-age=31536000, immutable"
# Our own modules import each other by plain names, so their addresses cannot carry a version: always ask, 304 is cheap.
_REVALIDATED = "public, no-cache"


@lru_cache(maxsize=128)
def _compressed(path: str, modified_ns: int, size_bytes: int) -> tuple[bytes, str]:
    """The file's gzip form and its entity tag; the time and size are there as the cache's key."""
    content = Path(path).read_bytes()
    return gzip.compress(content, compresslevel=9, mtime=0), hashlib.sha256(content).hexdigest()[:32]


class VersionedStatic(StaticFiles):
    """StaticFiles with long caching for versioned paths and gzip for text, made once and kept in memory."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        headers = dict(scope["headers"])
        suffix = Path(path).suffix
        if isinstance(response, FileResponse) and scope["method"] == "GET" and suffix in _COMPRESSED_SUFFIXES:
            found = response.stat_result
            is_worth_it = found is not None and found.st_size >= _WORTH_COMPRESSING_BYTES
            if found is not None and is_worth_it and b"gzip" in headers.get(b"accept-encoding", b""):
                key = (str(response.path), found.st_mtime_ns, found.st_size)
                body, digest = await anyio.to_thread.run_sync(_compressed, *key)
                known_tag = headers.get(b"if-none-match", b"").decode("latin-1")
                response = _gzip_response(body, f'W/"{digest}"', known_tag)
        if suffix in _MEDIA_TYPES and response.status_code == 200:
            response.headers["content-type"] = f"{_MEDIA_TYPES[suffix]}; charset=utf-8"
        response.headers["cache-control"] = _IMMUTABLE if path.startswith("vendor/") else _REVALIDATED
        response.headers["vary"] = "accept-encoding"
        return response


def _gzip_response(body: bytes, tag: str, known_tag: str) -> Response:
    if known_tag == tag:
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, media_type="text/plain", headers={"content-encoding": "gzip", "etag": tag})


def mount(app: Starlette) -> None:
    """Serve /static from the package."""
    app.mount("/static", VersionedStatic(directory=STATIC), name="static")

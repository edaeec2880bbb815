"""/static: our own modules and the vendored libraries, compressed once per process."""

import gzip
import hashlib
import os
from functools import lru_cache
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.responses import Response
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
def _compressed(path: str, modified_ns: int, size_bytes: int) -> tuple[bytes, str]:  # noqa: ARG001 the key of the cache
    """The file's gzip form and its entity tag."""
    content = Path(path).read_bytes()
    return gzip.compress(content, compresslevel=9, mtime=0), hashlib.sha256(content).hexdigest()[:32]


class VersionedStatic(StaticFiles):
    """StaticFiles with long caching for versioned paths and gzip for text, made once and kept in memory."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        full_path, found = self.lookup_path(path) if scope["method"] == "GET" else ("", None)
        suffix = os.path.splitext(full_path)[1]
        headers = dict(scope["headers"])
        is_compressible = suffix in _COMPRESSED_SUFFIXES and b"gzip" in headers.get(b"accept-encoding", b"")
        if found is None or not is_compressible or found.st_size < _WORTH_COMPRESSING_BYTES:
            response = await super().get_response(path, scope)
        else:
            body, digest = await anyio.to_thread.run_sync(
                _compressed, full_path, found.st_mtime_ns, found.st_size
            )
            response = _gzip_response(
                body, f'W/"{digest}"', suffix, headers.get(b"if-none-match", b"").decode("latin-1")
            )
        if suffix in _MEDIA_TYPES and response.status_code != 304:
            response.headers["content-type"] = f"{_MEDIA_TYPES[suffix]}; charset=utf-8"
        response.headers["cache-control"] = _IMMUTABLE if path.startswith("vendor/") else _REVALIDATED
        response.headers["vary"] = "accept-encoding"
        return response


def _gzip_response(body: bytes, tag: str, suffix: str, known_tag: str) -> Response:
    if known_tag == tag:
        return Response(status_code=304, headers={"etag": tag})
    media_type = _MEDIA_TYPES.get(suffix, "text/plain")
    return Response(body, media_type=media_type, headers={"content-encoding": "gzip", "etag": tag})


def mount(app: Starlette) -> None:
    """Serve /static from the package."""
    app.mount("/static", VersionedStatic(directory=STATIC), name="static")

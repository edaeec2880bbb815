"""A maintainer's tool: fetch the pinned browser libraries with npm and write vendor.lock.

Run `python -m district.web.vendoring` in a checkout after changing PACKAGES; commit what it writes.
Nobody else needs npm: the files are in the repository and in the wheel.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

WEB = Path(__file__).parent
VENDOR = WEB / "static" / "vendor"
LOCK = WEB / "vendor.lock"

_MIT = """MIT License

{owner}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One library: its npm name, exact version, and the files that a browser needs."""

    name: str
    version: str
    licence: str
    files: tuple[str, ...]
    licence_files: tuple[str, ...] = ()
    owner: str = ""
    """The copyright line, for the packages that name their licence but ship no text of it."""

    @property
    def folder(self) -> str:
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}"


PACKAGES = (
    Package(
        name="@tabler/core",
        version="1.6.1",
        licence="MIT",
        files=("dist/css/tabler.min.css", "dist/js/tabler.min.js"),
        owner="Copyright 2018-2026 The Tabler Authors\nCopyright 2018-2026 codecalm.net Paweł Kuna",
    ),
    Package(
        name="maplibre-gl",
        version="6.17.0",
        licence="BSD-3-Clause",
        files=("dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css"),
        licence_files=("LICENSE.txt",),
    ),
    Package(
        name="htmx.org",
        version="2.0.11",
        licence="0BSD",
        files=("dist/htmx.min.js",),
        licence_files=("LICENSE",),
    ),
    Package(
        name="htmx-ext-sse",
        version="2.2.4",
        licence="0BSD",
        files=("dist/sse.min.js",),
        licence_files=("LICENSE",),
    ),
    Package(
        name="terra-draw",
        version="1.35.0",
        licence="MIT",
        files=("dist/terra-draw.module.js",),
        owner="Copyright (c) James Milner",
    ),
    Package(
        name="terra-draw-maplibre-gl-adapter",
        version="1.4.1",
        licence="MIT",
        files=("dist/terra-draw-maplibre-gl-adapter.module.js",),
        owner="Copyright (c) James Milner",
    ),
    Package(
        name="echarts",
        version="6.1.0",
        licence="Apache-2.0",
        files=("dist/echarts.common.min.js",),
        licence_files=("LICENSE", "NOTICE"),
    ),
    Package(
        name="qr-scanner",
        version="1.4.2",
        licence="MIT",
        files=("qr-scanner.min.js", "qr-scanner-worker.min.js"),
        licence_files=("LICENSE",),
    ),
    Package(
        name="@noble/ed25519",
        version="3.2.0",
        licence="MIT",
        files=("index.js",),
        licence_files=("LICENSE",),
    ),
)


@dataclass(frozen=True, kw_only=True)
class LockedPackage:
    """What vendor.lock says of one library; `sha256` goes by the path below static/vendor/."""

    name: str
    version: str
    licence: str
    sha256: dict[str, str]


def read_lock() -> tuple[LockedPackage, ...]:
    """The committed lock, in its order."""
    return tuple(LockedPackage(**entry) for entry in json.loads(LOCK.read_text("utf-8")))


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unpack(package: Package, scratch: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to fetch browser libraries: install nodejs and npm")
    command = [npm, "pack", "--silent", f"{package.name}@{package.version}"]
    packed = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True)
    with tarfile.open(scratch / packed.stdout.strip().splitlines()[-1]) as archive:
        archive.extractall(scratch / package.folder, filter="data")
    return scratch / package.folder / "package"


def vendor(package: Package) -> LockedPackage:
    """Replace the package's folder below static/vendor/ and return its lock entry."""
    target = VENDOR / package.folder
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = _unpack(package, Path(scratch))
        for name in (*package.files, *package.licence_files):
            shutil.copyfile(source / name, target / Path(name).name)
    if not package.licence_files:
        (target / "LICENSE").write_text(_MIT.format(owner=package.owner), "utf-8")
    return LockedPackage(
        name=package.name,
        version=package.version,
        licence=package.licence,
        sha256={f"{package.folder}/{path.name}": sha256_of(path) for path in sorted(target.iterdir())},
    )


def main() -> None:
    kept = {package.folder for package in PACKAGES}
    for folder in VENDOR.iterdir() if VENDOR.exists() else ():
        if folder.name not in kept:
            shutil.rmtree(folder)
    locked = [asdict(vendor(package)) for package in PACKAGES]
    LOCK.write_text(json.dumps(locked, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Where the server programs are: the system's, or those that the installer unpacked privately."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from district.embedded.errors import ProgramMissing

MIN_POSTGRES = 15
CHECKOUT = Path(__file__).resolve().parents[2]
INSTALL_HINT = "run `make demo` once, or install it yourself"


def tools_root() -> Path:
    """The directory that privately unpacked packages live in; like a ``/`` of their own."""
    return Path(os.environ.get("DISTRICT_TOOLS_ROOT") or CHECKOUT / ".tools" / "root")


@dataclass(frozen=True, kw_only=True)
class PostgresPrograms:
    """One PostgreSQL installation that has PostGIS."""

    major: int
    bin: Path
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Program:
    """One executable and what it needs in its environment."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)


def private_environment(root: Path) -> dict[str, str]:
    """What programs unpacked under ``root`` need to find their libraries and the projections' data."""
    usr = root / "usr" / "lib"
    folders = [found for found in (usr, *usr.glob("*-linux-gnu*")) if found.is_dir()]
    # Some libraries (BLAS, LAPACK) sit in a folder of their own that update-alternatives would have linked to.
    folders += [
        found for parent in folders[1:] for found in parent.iterdir() if found.name in {"blas", "lapack"}
    ]
    return {"LD_LIBRARY_PATH": ":".join(map(str, folders)), "PROJ_DATA": str(root / "usr" / "share" / "proj")}


def _has_postgis(root: Path, major: int) -> bool:
    return (root / f"usr/share/postgresql/{major}/extension/postgis.control").exists()


def _debian_style(root: Path) -> list[PostgresPrograms]:
    found = []
    for folder in (root / "usr/lib/postgresql").glob("*/bin"):
        name = folder.parent.name
        if not name.isdigit() or int(name) < MIN_POSTGRES or not (folder / "postgres").exists():
            continue
        if not _has_postgis(root, int(name)):
            continue
        environment = {} if root == Path("/") else private_environment(root)
        found.append(PostgresPrograms(major=int(name), bin=folder, environment=environment))
    return found


def _by_pg_config() -> list[PostgresPrograms]:
    """Other systems: whatever ``pg_config`` on the path describes."""
    program = shutil.which("pg_config")
    if program is None:
        return []
    told = subprocess.run(
        [program, "--bindir", "--sharedir", "--version"], capture_output=True, text=True, check=False
    )
    lines = told.stdout.splitlines()
    if told.returncode or len(lines) != 3:
        return []
    digits = lines[2].split()[-1].split(".")[0] if lines[2].split() else ""
    folder, share = Path(lines[0]), Path(lines[1])
    if (
        not digits.isdigit()
        or int(digits) < MIN_POSTGRES
        or not (share / "extension/postgis.control").exists()
    ):
        return []
    return [PostgresPrograms(major=int(digits), bin=folder)] if (folder / "postgres").exists() else []


@lru_cache(maxsize=8)
def _all_postgres(root: Path) -> tuple[PostgresPrograms, ...]:
    found = [*_debian_style(Path("/")), *_debian_style(root)]
    return tuple(sorted(found or _by_pg_config(), key=lambda item: -item.major))


def find_postgres(major: int | None = None) -> PostgresPrograms:
    """The newest PostgreSQL ≥ 15 that has PostGIS, or the one of exactly this major version.

    Raises: ProgramMissing.
    """
    for programs in _all_postgres(tools_root()):
        if major is None or programs.major == major:
            return programs
    _all_postgres.cache_clear()
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL ≥ {MIN_POSTGRES}"
    raise ProgramMissing(
        f"{wanted} with PostGIS is not installed: {INSTALL_HINT}, or set DISTRICT_DATABASE_URL"
    )


def find_nats() -> Program:
    """The nats-server program.

    Raises: ProgramMissing.
    """
    private = tools_root()
    for path in (Path("/usr/sbin/nats-server"), Path("/usr/bin/nats-server")):
        if path.exists():
            return Program(path=path)
        if (unpacked := private / path.relative_to("/")).exists():
            return Program(path=unpacked, environment=private_environment(private))
    if on_path := shutil.which("nats-server"):
        return Program(path=Path(on_path))
    raise ProgramMissing(f"nats-server is not installed: {INSTALL_HINT}, or set DISTRICT_NATS_URL")

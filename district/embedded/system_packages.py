"""The distribution's packages that we need: installed by apt as root, or unpacked into a directory of our own.

Standard library only: this runs before anything is installed.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

MIN_POSTGRES = 15
APT_OPTIONS = ("-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3", "-q")
CREATECLUSTER = Path("/etc/postgresql-common/createcluster.conf")
POLICY = Path("/usr/sbin/policy-rc.d")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ERROR_LINES = 3
_SERVICES = ("nats-server", "freeradius", "mosquitto", "postfix")


class BootstrapError(Exception):
    """The preparation cannot go on; the message is one line that says what to do."""


class Runner:
    """Runs commands with their output in a log file."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}

    def run(
        self,
        argv: Sequence[str],
        failure: str,
        *,
        cwd: Path | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Run to success.

        Raises: BootstrapError with ``failure`` and what the command said last.
        """
        with self.log.open("ab") as log:
            log.write(f"$ {shlex.join(argv)}\n".encode())
            log.flush()
            try:
                ended = subprocess.run(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=cwd,
                    env={**self.environment, **(extra or {})},
                    check=False,
                )
            except FileNotFoundError:
                raise BootstrapError(f"{failure}: {argv[0]} is not installed") from None
        if ended.returncode:
            raise BootstrapError(f"{failure}: {self._said()} (everything: {self.log})")

    def _said(self) -> str:
        lines = [
            line.strip() for line in self.log.read_text(errors="replace").splitlines()[-40:] if line.strip()
        ]
        errors = [line for line in lines if re.match(r"(E|error|ERROR)\b", line)]
        return (errors or lines or ["no output"])[-1][:300]


def output_of(argv: Sequence[str]) -> str:
    """What a harmless command prints, empty when it fails."""
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return ""


def privilege() -> list[str] | None:
    """What to put before a command that needs root: nothing, ``sudo -n``, or None when there is no way."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


class Apt:
    """Packages as root: nothing that is already there is touched and no service is started."""

    def __init__(self, runner: Runner, prefix: Sequence[str]) -> None:
        self._runner = runner
        self._prefix = list(prefix)

    def update(self) -> None:
        """Fetch the lists of packages."""
        self._root(
            "apt-get",
            *APT_OPTIONS,
            "update",
            failure="the package lists cannot be fetched (is there a network?)",
        )

    def postgis_package(self) -> str:
        """The name of the newest PostGIS package that is offered."""
        return newest_postgis(output_of(["apt-cache", "pkgnames", "postgresql-"]))

    def install(self, packages: Sequence[str]) -> None:
        """Install. Debian would otherwise make and start a cluster on port 5432 and a public nats-server."""
        self._write_if_absent(CREATECLUSTER, "create_main_cluster = false\n", mode="644")
        new = [name for name in _SERVICES if name in packages and not Path("/usr/sbin", name).exists()]
        with self._no_service_starts():
            self._root(
                "env",
                "DEBIAN_FRONTEND=noninteractive",  # sudo drops our environment
                "apt-get",
                *APT_OPTIONS,
                "install",
                "-y",
                "--no-install-recommends",
                *packages,
                failure="the packages cannot be installed",
            )
        if shutil.which("systemctl"):
            for name in new:
                # Ours is private; the one of the package would come up on its public port after the next boot.
                self._root("sh", "-c", f"systemctl disable --quiet {name} || true", failure="systemctl")

    def add_account(self, name: str) -> None:
        """An unprivileged system account, without a home or a shell."""
        options = [
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
        ]
        self._root("useradd", *options, name, failure=f"the account {name} cannot be made")

    def _root(self, *argv: str, failure: str) -> None:
        self._runner.run([*self._prefix, *argv], failure)

    def _write_if_absent(self, path: Path, text: str, *, mode: str) -> bool:
        if path.exists() or path.is_symlink():
            return False
        with tempfile.NamedTemporaryFile("w", suffix=".district") as file:
            file.write(text)
            file.flush()
            self._root("install", "-D", "-m", mode, file.name, str(path), failure=f"{path} cannot be written")
        return True

    @contextmanager
    def _no_service_starts(self) -> Iterator[None]:
        """A policy that forbids service starts while packages are installed, unless the machine has a policy already."""
        ours = self._write_if_absent(POLICY, "#!/bin/sh\nexit 101\n", mode="755")
        try:
            yield
        finally:
            if ours:
                self._root("rm", "-f", str(POLICY), failure=f"{POLICY} cannot be removed")


class PrivatePackages:
    """The same packages without root: fetched with apt's own checks of their signatures, unpacked under ``root``."""

    def __init__(self, runner: Runner, root: Path) -> None:
        self._runner = runner
        self._root = root
        self._state = root.parent / "apt"
        self._options = [
            *APT_OPTIONS,
            *("-o", f"Dir::State::lists={self._state}/lists", "-o", f"Dir::Cache={self._state}/cache"),
            *("-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="),
            *(
                "-o",
                "Dir::Etc::SourceList=/etc/apt/sources.list",
                "-o",
                "Dir::State::status=/var/lib/dpkg/status",
            ),
        ]

    def update(self) -> None:
        """Fetch the lists of packages into our own directory."""
        for name in ("lists/partial", "cache/archives/partial"):
            (self._state / name).mkdir(parents=True, exist_ok=True)
        self._runner.run(
            ["apt-get", *self._options, "update"], "the package lists cannot be fetched (is there a network?)"
        )

    def postgis_package(self) -> str:
        """The name of the newest PostGIS package that is offered."""
        return newest_postgis(output_of(["apt-cache", *self._cache_options(), "pkgnames", "postgresql-"]))

    def install(self, packages: Sequence[str]) -> None:
        """Fetch these packages and whatever they need that the machine lacks, and unpack all of it."""
        archives = self._state / "cache" / "archives"
        for old in archives.glob("*.deb"):
            old.unlink()
        options = [*self._options, "-y", "--no-install-recommends", "--download-only"]
        self._runner.run(["apt-get", *options, "install", *packages], "the packages cannot be fetched")
        fetched = sorted(archives.glob("*.deb"))
        self.unpack(fetched)
        for archive in fetched:
            archive.unlink()

    def unpack(self, archives: Sequence[Path]) -> None:
        """Put the files of these packages under our root."""
        self._root.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            self._runner.run(
                ["dpkg", "-x", str(archive), str(self._root)], f"{archive.name} cannot be unpacked"
            )
        self._finish()

    def _cache_options(self) -> list[str]:
        return [option for option in self._options if option != "-q"]

    def _finish(self) -> None:
        """What the packages' own scripts would have done: the name of the PostGIS extension, the bundle of certificates."""
        for control in self._root.glob("usr/share/postgresql/*/extension/postgis-3.control"):
            link = control.with_name("postgis.control")
            if not link.is_symlink():
                link.symlink_to(control.name)
        certificates = sorted(self._root.glob("usr/share/ca-certificates/mozilla/*.crt"))
        if certificates:
            private_certificates(self._root).write_bytes(
                b"\n".join(path.read_bytes() for path in certificates)
            )


def private_certificates(root: Path) -> Path:
    """Where the privately unpacked certificates are."""
    return root.parent / "certificates.pem"


def newest_postgis(names: str) -> str:
    """The PostGIS package of the newest PostgreSQL among these package names.

    Raises: BootstrapError.
    """
    found = [
        int(match[1])
        for name in names.split()
        if (match := re.fullmatch(r"postgresql-(\d+)-postgis-3", name))
    ]
    if not found or max(found) < MIN_POSTGRES:
        raise BootstrapError(
            f"this system offers no PostgreSQL ≥ {MIN_POSTGRES} with PostGIS: use Debian 12 or Ubuntu 24.04, or set DISTRICT_DATABASE_URL"
        )
    return f"postgresql-{max(found)}-postgis-3"

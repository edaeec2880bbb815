"""Prepare a bare machine: system packages, uv, the Python environment. Quick when all is there.

    python3 district/embedded/bootstrap.py [demo|test]

Standard library only, any Python ≥ 3.11, no pip and no venv needed.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
if not __package__:  # run by path: our folder must not shadow the libraries, the checkout must be found
    sys.path[0] = str(CHECKOUT)

if sys.version_info < (3, 11):  # noqa: UP036 this file is run by whatever python3 the machine has
    sys.exit("bootstrap: Python 3.11 or newer is needed; this is " + sys.version.split()[0])

from district.embedded import packages_of_tests, programs  # noqa: E402 the path had to be set first
from district.embedded.errors import ProgramMissing  # noqa: E402
from district.embedded.system_packages import (  # noqa: E402
    CERTIFICATES,
    Apt,
    BootstrapError,
    PrivatePackages,
    Runner,
    output_of,
    private_certificates,
    privilege,
)

UV_VERSION = "0.13.9"
ACCOUNT = "shangquan"
TOOLS = CHECKOUT / ".tools"
ENVIRONMENT = CHECKOUT / ".venv"
PIP_WHEELS = Path("usr/share/python-wheels")
PROFILES = ("demo", "test")
OWN_PACKAGES = ("geo", "push", "district")


def _has(find: Callable[[], object]) -> bool:
    try:
        find()
    except ProgramMissing:
        return False
    return True


def _has_pip() -> bool:
    return (
        subprocess.run(
            [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
        ).returncode
        == 0
    )


def _pip_wheel() -> Path | None:
    for root in (Path("/"), programs.tools_root()):
        if found := sorted((root / PIP_WHEELS).glob("pip-*.whl")):
            return found[-1]
    return None


def missing_packages(profile: str) -> list[str]:
    """The packages to install; ``postgis`` stands for the newest that the distribution has."""
    wanted: list[str] = []
    if not os.environ.get("DISTRICT_DATABASE_URL") or profile == "test":
        wanted += [] if _has(programs.find_postgres) else ["postgis"]
    if not os.environ.get("DISTRICT_NATS_URL") or profile == "test":
        wanted += [] if _has(programs.find_nats) else ["nats-server"]
    if find_uv() is None and not _has_pip() and _pip_wheel() is None:
        wanted.append("python3-pip-whl")
    if not CERTIFICATES.exists() and not private_certificates(programs.tools_root()).exists():
        wanted.append("ca-certificates")
    if profile == "test":
        wanted += packages_of_tests.missing()
    return wanted


def install_packages(packages: list[str], runner: Runner) -> None:
    """With root's rights the usual way, else privately."""
    if shutil.which("apt-get") is None:
        raise BootstrapError(
            f"apt-get is not here: install {', '.join(packages)} yourself, or set DISTRICT_DATABASE_URL and DISTRICT_NATS_URL"
        )
    prefix = privilege()
    source = PrivatePackages(runner, programs.tools_root()) if prefix is None else Apt(runner, prefix)
    source.update()
    offered = filter(packages_of_tests.is_offered, packages)
    source.install([source.postgis_package() if name == "postgis" else name for name in offered])


def add_account(runner: Runner) -> None:
    """Under root, the account that servers and roles run as."""
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        Apt(runner, []).add_account(ACCOUNT)


def find_uv() -> Path | None:
    """uv of exactly the pinned version."""
    for candidate in (TOOLS / f"uv-{UV_VERSION}" / "bin" / "uv", Path(shutil.which("uv") or "/nonexistent")):
        if candidate.exists() and output_of([str(candidate), "--version"]).split()[1:2] == [UV_VERSION]:
            return candidate
    return None


def install_uv(runner: Runner) -> Path:
    """uv by pip: the Python's own, or Debian's pip wheel, which runs without being installed."""
    target = TOOLS / f"uv-{UV_VERSION}"
    extra = {} if _has_pip() else {"PYTHONPATH": str(_pip_wheel() or "")}
    argv = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-warn-script-location",
        "--disable-pip-version-check",
    ]
    runner.run(
        [*argv, "--upgrade", "--target", str(target), f"uv=={UV_VERSION}"],
        "uv cannot be installed",
        extra=extra,
    )
    uv = find_uv()
    if uv is None:
        raise BootstrapError(f"uv does not run on this machine (see {runner.log})")
    return uv


def choose_python() -> str:
    """The environment's own Python, else one that an unprivileged account can also run, else this one. Never a download."""
    current = ENVIRONMENT / "bin" / "python"
    if current.exists():
        return str(current)
    system = "/usr/bin/python3"
    new_enough = "import sys; raise SystemExit(sys.version_info < (3, 11))"
    if (
        os.geteuid() == 0
        and Path(system).exists()
        and subprocess.run([system, "-c", new_enough], check=False).returncode == 0
    ):
        return system
    return sys.executable


def sync(uv: Path, profile: str, runner: Runner) -> None:
    """Exactly the locked packages; the demo leaves the tools of development out, and leaves them alone."""
    # Compiled now: the unprivileged account may not write here, and would compile everything again at each start of a role.
    options = ["--frozen", "--compile-bytecode", "--python", choose_python()]
    if profile == "demo":
        options += ["--no-dev", "--inexact"]
    extra = {"UV_PYTHON_DOWNLOADS": "never", "UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT)}
    runner.run(
        [str(uv), "sync", *options], "the Python environment cannot be made", cwd=CHECKOUT, extra=extra
    )


def compile_own() -> None:
    """The checkout's packages as well, and anew after each change; what cannot be written stays as it is."""
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "compileall", "-q", *OWN_PACKAGES]
    subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True)


def fingerprint(profile: str) -> str:
    """Changes when anything that this program would act on changes."""
    digest = hashlib.sha256(f"{profile} {UV_VERSION} {os.geteuid() == 0}".encode())
    for path in (
        CHECKOUT / "uv.lock",
        CHECKOUT / "pyproject.toml",
        Path(__file__),
        Path(__file__).with_name("system_packages.py"),
        Path(__file__).with_name("packages_of_tests.py"),
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_prepared(stamp: Path, profile: str) -> bool:
    """Whether an earlier run did all this and its results are still there."""
    try:
        known = stamp.read_text(encoding="ascii") == fingerprint(profile)
    except OSError:
        return False
    return (
        known
        and os.access(ENVIRONMENT / "bin" / "python", os.X_OK)
        and _has(programs.find_postgres)
        and _has(programs.find_nats)
    )


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what goes on and how long it took."""
    began = time.monotonic()
    sys.stderr.write(f"  {name} … ")
    sys.stderr.flush()
    try:
        yield
    except BaseException:
        sys.stderr.write("failed\n")
        raise
    sys.stderr.write(f"{time.monotonic() - began:.1f} s\n")


def prepare(profile: str) -> None:
    """Everything that ``profile`` needs.

    Raises: BootstrapError.
    """
    stamp = TOOLS / f"prepared-{profile}"
    if is_prepared(stamp, profile):
        return
    os.umask(0o022)  # the unprivileged account must be able to read what root installs here
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "bootstrap.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_prepared(stamp, profile):
            return
        sys.stderr.write("Preparing this machine (once):\n")
        runner = Runner(TOOLS / "bootstrap.log")
        if packages := missing_packages(profile):
            with step(f"system packages: {', '.join(packages)}"):
                install_packages(packages, runner)
        if os.geteuid() == 0:
            add_account(runner)
        certificates = private_certificates(programs.tools_root())
        if not CERTIFICATES.exists() and certificates.exists():
            runner.environment |= {"SSL_CERT_FILE": str(certificates), "PIP_CERT": str(certificates)}
        uv = find_uv()
        if uv is None:
            with step(f"uv {UV_VERSION}"):
                uv = install_uv(runner)
        with step("Python environment"):
            sync(uv, profile, runner)
        stamp.write_text(fingerprint(profile), encoding="ascii")


def main() -> None:
    """The command."""
    profile = sys.argv[1] if len(sys.argv) > 1 else "demo"
    if profile not in PROFILES:
        sys.exit(f"bootstrap: choose one of {', '.join(PROFILES)}")
    try:
        prepare(profile)
        compile_own()
    except BootstrapError as error:
        sys.exit(f"bootstrap: {error}")
    except PermissionError as error:
        sys.exit(
            f"bootstrap: {error.filename} cannot be written by this account; clone the repository where it can write"
        )
    except KeyboardInterrupt:
        sys.exit("bootstrap: stopped; run it again to go on")


if __name__ == "__main__":
    main()

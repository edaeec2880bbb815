"""When a demo is ready, where it is found then, and how a detached one is waited for."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from district.embedded.errors import ServerFailed
from district.settings import Settings

READY_FILE = "demo-ready.json"
READY_WITHIN_S = 600.0
POLL_S = 0.2
LOG_LINES_SHOWN = 15
WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 recognised, not bound


def base_url_of(settings: Settings) -> str:
    """Where a browser finds this machine."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = own_address() if settings.host in WILDCARDS else settings.host
    return f"{_scheme(settings)}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _scheme(settings: Settings) -> str:
    return "https" if settings.tls_cert else "http"


def own_address() -> str:
    """The address by which the network knows this machine; a datagram socket that only looks up its route sends nothing."""
    import socket  # noqa: PLC0415 keeps `district --help` quick

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address: str = probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"
        return address


def local_url(settings: Settings) -> str:
    """How the web role is reached from this machine."""
    host = "127.0.0.1" if settings.host in WILDCARDS else settings.host
    return f"{_scheme(settings)}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def is_ready(settings: Settings, slug: str) -> bool:
    """Whether the web role's database, event log and district are there."""
    import httpx  # noqa: PLC0415 keeps `district --help` quick

    try:
        # The certificate is made for the public name; this is the loopback address, and nothing secret is said.
        with httpx.Client(
            base_url=local_url(settings),
            timeout=2,
            trust_env=False,
            verify=False,  # noqa: S501
        ) as client:
            if client.get("/readyz").status_code != 200:
                return False
            # A route of a district that is not known answers 404 before it looks at anything else.
            return client.get(f"/v1/districts/{slug}/stores/nearest?lon=0&lat=0").status_code != 404
    except httpx.HTTPError:
        return False


def ready_path(settings: Settings) -> Path:
    """The file that a demo writes when it is ready, with its pid."""
    return settings.data_dir / READY_FILE


def wait_ready(settings: Settings, child: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once the child's demo is ready.

    Raises: ServerFailed with the end of its log when it gives up or takes too long.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise ServerFailed(f"the demo ended (exit code {child.returncode}):\n{_end_of(log)}")
        if _ready_pid(settings) == child.pid:
            return
        time.sleep(POLL_S)
    raise ServerFailed(f"the demo was not ready in {READY_WITHIN_S:g} s:\n{_end_of(log)}")


def _ready_pid(settings: Settings) -> int | None:
    try:
        found: dict[str, Any] = json.loads(ready_path(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return int(found["pid"])


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:])

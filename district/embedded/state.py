"""What runs on a data directory: one small file per role, trusted only together with the kernel's word."""

import json
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from district.embedded import processes
from district.embedded.account import Account
from district.embedded.errors import ServerFailed
from district.embedded.files import write_private
from district.embedded.nats import NatsServer
from district.embedded.postgres import Cluster
from district.embedded.processes import ProcessId

SUPERVISOR = "supervisor"
STOP_TIMEOUT_S = 12.0
ROLE_GRACE_S = 4.0
SERVER_GRACE_S = 3.0
POLL_S = 0.1


class RoleState(StrEnum):
    """What a role is doing."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # failed; its next try is not due yet
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class RoleStatus:
    """One line of ``district ps``."""

    role: str
    pid: int | None
    state: RoleState
    address: str | None


class RoleFiles:
    """The directory of those files."""

    def __init__(self, data_dir: Path, *, account: Account | None = None) -> None:
        self.directory = data_dir.resolve() / "roles"
        self._account = account

    def prepare(self) -> None:
        """Make the directory."""
        if self._account:
            self._account.make_directory(self.directory)

    def write(self, role: str, process: ProcessId | None, state: RoleState, address: str | None) -> None:
        """Say what a role does now."""
        record = {
            "role": role,
            "pid": process.pid if process else None,
            "start_ticks": process.start_ticks if process else None,
            "state": state.value,
            "address": address,
        }
        write_private(self.directory / f"{role}.json", json.dumps(record), account=self._account)

    def remove(self, role: str) -> None:
        """The role is no longer ours."""
        (self.directory / f"{role}.json").unlink(missing_ok=True)

    def process(self, role: str) -> ProcessId | None:
        """The living process of a role."""
        _, found = self._read(self.directory / f"{role}.json")
        return found

    def all(self) -> list[tuple[RoleStatus, ProcessId | None]]:
        """Every role that was written, with its process if that lives."""
        if not self.directory.is_dir():
            return []
        read = (self._read(path) for path in sorted(self.directory.glob("*.json")))
        return [(status, process) for status, process in read if status]

    def _read(self, path: Path) -> tuple[RoleStatus | None, ProcessId | None]:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            state = RoleState(record["state"])
            pid, ticks = record["pid"], record["start_ticks"]
            process = ProcessId(pid=int(pid), start_ticks=int(ticks)) if pid else None
        except (OSError, ValueError, KeyError, TypeError):
            return None, None
        if process and not processes.is_alive(process):
            process, state = None, RoleState.STOPPED
        pid_now = process.pid if process else None
        return RoleStatus(role=path.stem, pid=pid_now, state=state, address=record.get("address")), process


def list_roles(data_dir: Path) -> list[RoleStatus]:
    """What runs on this data directory: its servers, then the supervisor and the roles."""
    cluster, nats = Cluster(data_dir), NatsServer(data_dir)
    servers = [
        ("postgres", cluster.process(), str(cluster.socket_directory), cluster.directory),
        ("nats", nats.process(), nats.address, nats.directory),
    ]
    found = [
        RoleStatus(
            role=name,
            pid=process.pid if process else None,
            state=RoleState.RUNNING if process else RoleState.STOPPED,
            address=address if process else None,
        )
        for name, process, address, directory in servers
        if directory.is_dir()
    ]
    return found + [status for status, _ in RoleFiles(data_dir).all()]


def end_leftover_roles(data_dir: Path) -> list[str]:
    """End the roles that a killed supervisor has left behind; returns their names."""
    files = RoleFiles(data_dir)
    left = [
        (status.role, process) for status, process in files.all() if process and status.role != SUPERVISOR
    ]
    for _, process in left:
        processes.send(process, signal.SIGTERM, group=True)
    deadline = time.monotonic() + ROLE_GRACE_S
    for role, process in left:
        processes.end(process, grace_s=max(0.0, deadline - time.monotonic()), group=True)
        files.remove(role)
    return [role for role, _ in left]


def stop_all(data_dir: Path) -> list[str]:
    """Stop whatever runs on this data directory, with or without a supervisor; returns what was stopped.

    Raises: ServerFailed.
    """
    files = RoleFiles(data_dir)
    stopped = [status.role for status in list_roles(data_dir) if status.pid]
    if supervisor := files.process(SUPERVISOR):
        processes.send(supervisor, signal.SIGTERM)
        if not processes.wait_gone(supervisor, timeout_s=STOP_TIMEOUT_S):
            processes.end(supervisor, polite=signal.SIGKILL)
    end_leftover_roles(data_dir)
    NatsServer(data_dir).stop(grace_s=SERVER_GRACE_S)
    Cluster(data_dir).stop(grace_s=SERVER_GRACE_S)
    files.remove(SUPERVISOR)
    return stopped


def answers(address: str) -> bool:
    """Whether somebody listens at ``host:port``."""
    host, _, port = address.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1", "": "127.0.0.1"}.get(host, host).strip("[]")  # noqa: S104 a wildcard to reach, not to bind
    try:
        socket.create_connection((host, int(port)), timeout=0.5).close()
    except OSError:
        return False
    return True


def wait_until_running(
    data_dir: Path, *, timeout_s: float, gave_up: Callable[[], bool] = lambda: False
) -> None:
    """Return once the supervisor and all its roles run.

    Raises: ServerFailed when they do not in time, or when ``gave_up`` says that nobody starts them any more.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and not gave_up():
        statuses = {status.role: status.state for status, _ in RoleFiles(data_dir).all()}
        if statuses.get(SUPERVISOR) == RoleState.RUNNING and set(statuses.values()) == {RoleState.RUNNING}:
            return
        time.sleep(POLL_S)
    raise ServerFailed(f"not everything runs on {data_dir}; see {data_dir / 'logs'} and `district ps`")

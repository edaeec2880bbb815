"""What the kernel says about a process; a pid alone is never trusted, because pids are used again."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
POLL_S = 0.02


@dataclass(frozen=True, kw_only=True)
class ProcessId:
    """A process for certain: its pid and the kernel tick at which it started."""

    pid: int
    start_ticks: int


@dataclass(frozen=True, kw_only=True)
class _Stat:
    name: str
    state: str
    start_ticks: int


def _stat(pid: int) -> _Stat | None:
    """Fields of /proc/PID/stat (proc(5)); the name may hold spaces and parentheses, so it is cut at the last one."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    name_end = text.rindex(")")
    fields = text[name_end + 2 :].split()
    return _Stat(name=text[text.index("(") + 1 : name_end], state=fields[0], start_ticks=int(fields[19]))


def identify(pid: int) -> ProcessId | None:
    """The living process with this pid. A zombie is dead: a PID 1 that does not reap keeps them for ever."""
    found = _stat(pid)
    if found is None or found.state in "ZX":
        return None
    return ProcessId(pid=pid, start_ticks=found.start_ticks)


def is_alive(process: ProcessId) -> bool:
    """Whether this very process still runs."""
    return identify(process.pid) == process


def name_of(pid: int) -> str:
    """The program's short name, empty when there is no such process."""
    found = _stat(pid)
    return found.name if found else ""


def directory_of(pid: int) -> Path | None:
    """The process's working directory; None when it is gone or belongs to an account that we may not look into."""
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def inside(directory: Path) -> Iterator[int]:
    """The pids whose working directory is this one."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and directory_of(int(entry.name)) == directory:
            yield int(entry.name)


def wait_gone(process: ProcessId, *, timeout_s: float) -> bool:
    """Whether the process ended in time."""
    deadline = time.monotonic() + timeout_s
    while is_alive(process):
        reap(process.pid)
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def reap(pid: int) -> None:
    """Take the exit status of our own child; of anybody else's there is none to take."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def send(process: ProcessId, number: signal.Signals, *, group: bool = False) -> None:
    """Signal this very process, or the group that it leads; nothing when it is gone."""
    if not is_alive(process):
        return
    try:
        os.killpg(process.pid, number) if group else os.kill(process.pid, number)
    except ProcessLookupError:
        return


def end(
    process: ProcessId, *, polite: signal.Signals = signal.SIGTERM, grace_s: float = 4.0, group: bool = False
) -> None:
    """Ask the process to end, then insist."""
    send(process, polite, group=group)
    if not wait_gone(process, timeout_s=grace_s):
        send(process, signal.SIGKILL, group=group)
        wait_gone(process, timeout_s=grace_s)

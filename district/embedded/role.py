"""One role as a child process: started, listened to, brought back with growing patience."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from district.embedded import processes
from district.embedded.account import Account
from district.embedded.files import CappedLog
from district.embedded.processes import ProcessId
from district.embedded.spare import Spare
from district.embedded.state import RoleFiles, RoleState, answers

ENDED_WELL_AFTER_S = 60.0
KILLED_WELL_AFTER_S = 2.0
SETTLED_AFTER_S = 2.0
SPARE_AFTER_S = 2.0
"""A spare begins to load when its role has lived so long: the start of a product has enough to do."""
FIRST_DELAY_S = 0.1
MAX_DELAY_S = 30.0
LINE_LIMIT_BYTES = 64 << 10


@dataclass(frozen=True, kw_only=True)
class RoleSpec:
    """What to run. ``address`` ("host:port") is where it answers once it is up; without one it runs when it has lived for a while.

    With ``spare_argv`` a second process is kept that has loaded everything and waits for its turn (``Spare``).
    """

    name: str
    argv: Sequence[str]
    spare_argv: Sequence[str] | None = None
    address: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class Console:
    """The terminal that several threads write lines to; a closed one stops nothing."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()

    def say(self, source: str, line: str) -> None:
        """One line with its source in front."""
        with self._lock:
            try:
                self._stream.write(f"{source:>10} | {line}\n")
                self._stream.flush()
            except (OSError, ValueError):
                return


def restart_delay_s(failures: int) -> float:
    """0.1 s after the first quick failure in a row, then 0.5, 1, 2 … 30 s."""
    if failures <= 1:
        return FIRST_DELAY_S
    return float(min(MAX_DELAY_S, 0.5 * 2.0 ** min(failures - 2, 10)))


def is_failure(code: int, *, lived_s: float) -> bool:
    """Whether a role ended so soon that starting it again may be in vain.

    One that ends by itself may have spent a busy machine's half minute on its imports. One that is killed after it has begun
    to work was most likely well.
    """
    return lived_s < (KILLED_WELL_AFTER_S if code < 0 else ENDED_WELL_AFTER_S)


def describe_exit(code: int) -> str:
    """How a child ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


class Role:
    """A role under supervision. All methods but the output pump belong to the supervisor's main thread.

    (The kernel sends the parent-death signal when the starting *thread* ends, so the thread must be the main one.)
    """

    def __init__(
        self, spec: RoleSpec, *, account: Account, logs: Path, files: RoleFiles, console: Console
    ) -> None:
        self.spec = spec
        self._account = account
        self._log_path = logs / f"{spec.name}.log"
        self._files = files
        self._console = console
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._due_at = 0.0
        self._failures = 0
        self._spare = Spare(self._spawn_spare) if spec.spare_argv else None
        self.state = RoleState.STOPPED

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the child in a session of its own: the terminal's Ctrl-C is the supervisor's to handle."""
        whole = {**environment, **self.spec.environment}
        waiting = self._spare.take(whole) if self._spare else None
        self._child = waiting or self._spawn(self.spec.argv, whole, stdin=subprocess.DEVNULL)
        self._started_at = time.monotonic()
        self._become(RoleState.STARTING)

    def watch(self, environment: Mapping[str, str]) -> None:
        """One look: notice that it came up or ended, and start it again when that is due."""
        if self._child is None:
            if time.monotonic() >= self._due_at:
                self.start(environment)
        elif (code := self._child.poll()) is not None:
            self._ended(code)
        elif self.state == RoleState.STARTING and self._is_up():
            self._become(RoleState.RUNNING)
        elif self._spare and self.state == RoleState.RUNNING and self._lived_s() >= SPARE_AFTER_S:
            self._spare.keep({**environment, **self.spec.environment})

    def terminate(self) -> None:
        """Ask the child, and whatever it started, to end."""
        self._signal(signal.SIGTERM)

    def finish(self, *, deadline: float) -> None:
        """Wait until the monotonic ``deadline``, then kill."""
        if self._spare:
            self._spare.end()
        if self._child is None:
            return
        try:
            self._child.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._console.say(self.spec.name, "does not stop; killed")
            self._signal(signal.SIGKILL)
            self._child.wait()
        self._child = None
        self.state = RoleState.STOPPED
        self._files.remove(self.spec.name)

    def _spawn_spare(self, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        return self._spawn(self.spec.spare_argv or (), environment, stdin=subprocess.PIPE)

    def _spawn(
        self, argv: Sequence[str], environment: Mapping[str, str], *, stdin: int
    ) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(
            self._account.command(argv, death_signal="TERM"),
            cwd="/",
            env=self._account.environment(environment),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(
            target=self._pump, args=(child,), name=f"{self.spec.name} output", daemon=True
        ).start()
        return child

    def _is_up(self) -> bool:
        if self.spec.address is not None:
            return answers(self.spec.address)
        return self._lived_s() >= SETTLED_AFTER_S

    def _lived_s(self) -> float:
        return time.monotonic() - self._started_at

    def _process(self) -> ProcessId | None:
        return processes.identify(self._child.pid) if self._child else None

    def _signal(self, number: signal.Signals) -> None:
        if self._child and self._child.poll() is None:
            try:
                os.killpg(self._child.pid, number)
            except ProcessLookupError:
                return

    def _ended(self, code: int) -> None:
        self._failures = self._failures + 1 if is_failure(code, lived_s=self._lived_s()) else 1
        delay_s = restart_delay_s(self._failures)
        self._due_at = time.monotonic() + delay_s
        self._child = None
        again = f" ({self._failures} times in a row)" if self._failures > 1 else ""
        self._console.say(
            self.spec.name, f"ended: {describe_exit(code)}{again}; starts again in {delay_s:g} s"
        )
        self._become(RoleState.WAITING)

    def _become(self, state: RoleState) -> None:
        self.state = state
        self._files.write(self.spec.name, self._process(), state, self.spec.address)

    def _pump(self, child: subprocess.Popen[bytes]) -> None:
        """Copy the child's lines to the terminal and its log until it closes them."""
        if child.stdout is None:
            return
        log = CappedLog(self._log_path, account=self._account)
        with child.stdout as lines:
            while line := lines.readline(LINE_LIMIT_BYTES):
                log.write(line if line.endswith(b"\n") else line + b"\n")
                self._console.say(self.spec.name, line.decode(errors="replace").rstrip("\n"))
        log.close()

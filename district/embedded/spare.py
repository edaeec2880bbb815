"""A second process of a role that has loaded everything and waits for its turn: what takes a start most of its time is done."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

AGAIN_AFTER_S = 30.0
"""One that ends by itself is not replaced sooner: it may be in vain."""
GO = b"go\n"
Spawn = Callable[[Mapping[str, str]], "subprocess.Popen[bytes]"]


class Spare:
    """Kept by the supervisor's main thread. The waiting process reads its standard input, and ends when that is closed."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._child: subprocess.Popen[bytes] | None = None
        self._environment: dict[str, str] = {}
        self._due_at = 0.0

    def keep(self, environment: Mapping[str, str]) -> None:
        """One look: have one that knows this environment."""
        if self._child is not None and self._child.poll() is not None:
            self.end()
            self._due_at = time.monotonic() + AGAIN_AFTER_S
        if self._child is not None and self._environment != environment:
            self.end()
        if self._child is None and time.monotonic() >= self._due_at:
            self._environment = dict(environment)
            self._child = self._spawn(environment)

    def take(self, environment: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
        """Tell the spare to begin; it is the caller's from then on. None when there is none that fits."""
        child = self._child
        if child is None or child.stdin is None or self._environment != environment:
            return None
        try:
            child.stdin.write(GO)
            child.stdin.close()
        except OSError:
            self.end()
            self._due_at = time.monotonic() + AGAIN_AFTER_S
            return None
        self._child = None
        return child if child.poll() is None else None

    def end(self) -> None:
        """Have none; it holds nothing that it would have to put in order."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            if self._child.stdin is not None:
                with contextlib.suppress(
                    OSError
                ):  # what it was told may still wait in the buffer of a pipe that is gone
                    self._child.stdin.close()
            self._child = None


def wait_for_turn() -> None:
    """Return when the supervisor says so; end this process when it never will."""
    if sys.stdin.buffer.readline() != GO:
        sys.exit(0)

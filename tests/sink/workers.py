"""Dispatchers as processes that tests start, stop and kill."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sink.running import ROOT


class Nursery:
    """``with Nursery(settings=…) as nursery``: each ``start`` is a new dispatcher; all are gone at the end."""

    def __init__(
        self,
        *,
        settings: Mapping[str, Any],
        policy: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._settings, self._policy = dict(settings), dict(policy)
        self._environment = environment
        self._alive: set[int] = set()
        self._process: subprocess.Popen[str] | None = None
        self.log = Path(tempfile.mkstemp(prefix="district-workers-", suffix=".log", dir="/tmp")[1])

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRICT_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.sink.nursery"],
                cwd=ROOT,
                env={**kept, **(self._environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        if self._answer() != "ready":
            self._close()
            raise AssertionError(self.log.read_text())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(f"the workers' last lines:\n{self.log.read_text()[-4_000:]}\n")
        self._close()

    def _close(self) -> None:
        for pid in list(self._alive):
            self.kill(pid)
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
        self.log.unlink(missing_ok=True)

    def _answer(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def start(self, **policy: Any) -> int:
        """A new dispatcher; its process id."""
        assert self._process is not None
        assert self._process.stdin is not None
        document = {"settings": self._settings, "policy": self._policy | policy, "log": str(self.log)}
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        pid = int(self._answer())
        self._alive.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        """kill -9."""
        self._alive.discard(pid)
        self._send(pid, signal.SIGKILL)

    def stop(self, pid: int) -> None:
        """SIGSTOP: it stands still wherever it is."""
        self._send(pid, signal.SIGSTOP)

    def go_on(self, pid: int) -> None:
        """SIGCONT."""
        self._send(pid, signal.SIGCONT)

    def _send(self, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            if number is not signal.SIGKILL:
                raise

"""The sink as a process of its own, for tests and benchmarks."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.product import wait_for
from tests.sink import book, script
from tests.sink.book import Line
from tests.sink.script import Rule

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0


class Sink:
    """``with Sink() as sink``: listening on free ports of this machine until the end."""

    def __init__(self, *, environment: Mapping[str, str] | None = None, answer_after_s: float = 0.0) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="district-sink-", dir="/tmp"))
        self._answer_after_s = answer_after_s
        self._environment = dict(environment) if environment is not None else None
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sink", str(self.directory), str(self._answer_after_s)],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
        )
        try:
            self._ports = wait_for("the sink listens", self._told, timeout_s=START_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it and forget its lines."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _told(self) -> dict[str, int] | None:
        try:
            found: dict[str, int] = json.loads((self.directory / "ports.json").read_text())
        except FileNotFoundError:
            return None
        return found

    @property
    def url(self) -> str:
        """Where webhooks, relays and browsers' push services are; push endpoints lie under /push/."""
        return f"http://127.0.0.1:{self._ports['http']}"

    @property
    def host(self) -> str:
        """The same without its scheme."""
        return f"127.0.0.1:{self._ports['http']}"

    def port(self, name: str) -> int:
        """Of http, smtp or smpp."""
        return self._ports[name]

    def misbehave(self, *rules: Rule) -> None:
        """From the next message on; without rules everything is taken."""
        script.write(self.directory, rules)

    def lines(self) -> Sequence[Line]:
        """Everything that came in so far."""
        return book.read(self.directory)

    def taken(self, channel: str = "") -> Sequence[Line]:
        """What came in and was not certainly refused."""
        return [one for one in self.lines() if one.is_taken and channel in {"", one.channel}]

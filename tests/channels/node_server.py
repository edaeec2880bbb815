"""A vendor's server as a process of its own: node, with a program beside the tests that says in lines of JSON what it hears."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from district.embedded.programs import tools_root

NODE = shutil.which("node") or str(tools_root() / "usr/bin/node")
LONGEST_S = 60.0
LONGEST_LINE = 1 << 20


@dataclass
class NodeServer:
    """A running server, and everything that it said. The first thing is its port."""

    process: asyncio.subprocess.Process
    said: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def port(self) -> int:
        return int(self.said[0]["port"])

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.said.append(json.loads(line))
                self._news.notify_all()

    async def until(self, holds: Callable[[Self], bool]) -> None:
        """Wait until what it said is enough; fails when it never is."""
        async with asyncio.timeout(LONGEST_S), self._news:
            await self._news.wait_for(lambda: holds(self))

    async def kill(self) -> None:
        """End it without a word."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


S = TypeVar("S", bound=NodeServer)


@asynccontextmanager
async def running(kind: type[S], program: Path, options: dict[str, Any]) -> AsyncIterator[S]:
    """A server on a free port, or on the one that its options name."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(program),
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    made = kind(process=process)
    reading = asyncio.create_task(made.read())
    try:
        await made.until(lambda one: bool(one.said))
        yield made
    finally:
        await made.kill()
        await reading

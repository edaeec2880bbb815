"""A message centre as a process of its own: the SMPP server of the npm package ``smpp`` under node."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from district.embedded.programs import tools_root

SCRIPT = Path(__file__).parent / "smsc" / "smsc.js"
NODE = shutil.which("node") or str(tools_root() / "usr/bin/node")
LONGEST_S = 30.0


@dataclass
class Centre:
    """A running centre, and everything that it said."""

    process: asyncio.subprocess.Process
    said: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def port(self) -> int:
        return int(self.said[0]["port"])

    @property
    def taken(self) -> list[dict[str, Any]]:
        """What was submitted and not refused."""
        return [one for one in self.said if "took" in one]

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.said.append(json.loads(line))
                self._news.notify_all()

    async def until(self, holds: Callable[["Centre"], bool]) -> None:
        """Wait until what it said is enough; fails when it never is."""
        async with asyncio.timeout(LONGEST_S), self._news:
            await self._news.wait_for(lambda: holds(self))

    async def hand_on(self, *, sender: str, text: str, to: str = "17123") -> None:
        """Somebody texts to our number."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"from": sender, "to": to, "text": text}).encode() + b"\n")
        await self.process.stdin.drain()

    async def kill(self) -> None:
        """End it without a word."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def centre(**options: Any) -> AsyncIterator[Centre]:
    """A centre on a free port, or on ``port``."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(SCRIPT),
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    made = Centre(process=process)
    reading = asyncio.create_task(made.read())
    try:
        await made.until(lambda one: bool(one.said))
        yield made
    finally:
        await made.kill()
        await reading

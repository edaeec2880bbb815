"""A message centre as a process of its own: the SMPP server of the npm package ``smpp`` under node."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.channels.node_server import NodeServer, running

SCRIPT = Path(__file__).parent / "smsc" / "smsc.js"


class Centre(NodeServer):
    """A running centre, and everything that it said."""

    @property
    def taken(self) -> list[dict[str, Any]]:
        """What was submitted and not refused."""
        return [one for one in self.said if "took" in one]

    async def hand_on(self, *, sender: str, text: str, to: str = "17123") -> None:
        """Somebody texts to our number."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"from": sender, "to": to, "text": text}).encode() + b"\n")
        await self.process.stdin.drain()


@asynccontextmanager
async def centre(**options: Any) -> AsyncIterator[Centre]:
    """A centre on a free port, or on ``port``."""
    async with running(Centre, SCRIPT, options) as made:
        yield made

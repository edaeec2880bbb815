"""A recipient of everything: ``python -m tests.sink DIRECTORY [SECONDS]`` writes each message down before it answers.

Seconds are what an answer by HTTP takes, as one over a network does.

Its ports are in ``ports.json`` of the directory, its lines in ``lines.tsv``; ``rules.json`` says how it misbehaves.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop

from tests.sink.book import Book
from tests.sink.mail import Mail
from tests.sink.script import Script
from tests.sink.texts import Texts
from tests.sink.web import Web

PORTS = "ports.json"


async def serve(directory: Path, answer_after_s: float) -> None:
    """Take messages until killed."""
    loop, book, script = asyncio.get_running_loop(), Book(directory), Script(directory)
    ports = {}
    sides: dict[str, Callable[[], asyncio.Protocol]] = {
        "http": lambda: Web(book, script, answer_after_s=answer_after_s),
        "smtp": lambda: Mail(book, script),
        "smpp": lambda: Texts(book, script),
    }
    for name, side in sides.items():
        server = await loop.create_server(side, "127.0.0.1", 0)
        ports[name] = server.sockets[0].getsockname()[1]
    new = directory / f"{PORTS}.new"
    new.write_text(json.dumps(ports))
    new.replace(directory / PORTS)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))

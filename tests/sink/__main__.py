"""A recipient of everything: ``python -m tests.sink DIRECTORY`` takes messages and writes each down before it answers.

Its ports are in ``ports.json`` of the directory, its lines in ``lines.tsv``; ``rules.json`` says how it misbehaves.
"""

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from tests.sink.book import Book
from tests.sink.mail import Mail
from tests.sink.script import Script
from tests.sink.texts import Texts
from tests.sink.web import Web

PORTS = "ports.json"


async def serve(directory: Path) -> None:
    """Take messages until killed."""
    loop, book, script = asyncio.get_running_loop(), Book(directory), Script(directory)
    ports = {}
    for name, protocol in {"http": Web, "smtp": Mail, "smpp": Texts}.items():
        server = await loop.create_server(lambda made=protocol: made(book, script), "127.0.0.1", 0)  # type: ignore[misc]
        ports[name] = server.sockets[0].getsockname()[1]
    new = directory / f"{PORTS}.new"
    new.write_text(json.dumps(ports))
    new.replace(directory / PORTS)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))

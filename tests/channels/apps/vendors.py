"""Apple's and Google's push services as processes of their own: node, with its own HTTP/2 and its own cryptography."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from district.embedded.programs import tools_root

SERVERS = Path(__file__).parent / "servers"
NODE = shutil.which("node") or str(tools_root() / "usr/bin/node")
LONGEST_S = 30.0


def pems(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> tuple[str, str]:
    """The private and the public half."""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


APPLE_KEY, APPLE_PUBLIC = pems(ec.generate_private_key(ec.SECP256R1()))
GOOGLE_KEY, GOOGLE_PUBLIC = pems(rsa.generate_private_key(public_exponent=65537, key_size=2048))
EMAIL = "sender@district-app.iam.gserviceaccount.com"
PROJECT = "district-app"
KEY_ID, TEAM_ID = "ABC123DEFG", "DEF123GHIJ"
APP = "example.district.app"


def service_account(**changes: Any) -> str:
    """The file that Google's console gives."""
    document = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "0123456789abcdef",
        "private_key": GOOGLE_KEY,
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps(document | changes)


@dataclass
class Vendor:
    """A running service, and every request that it had."""

    process: asyncio.subprocess.Process
    said: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def port(self) -> int:
        return int(self.said[0]["port"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.said[1:]

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.said.append(json.loads(line))
                self._news.notify_all()

    async def until(self, holds: Callable[["Vendor"], bool]) -> None:
        """Wait until it has had enough requests; fails when that never is."""
        async with asyncio.timeout(LONGEST_S), self._news:
            await self._news.wait_for(lambda: holds(self))

    async def kill(self) -> None:
        """End it without a word."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def vendor(program: str, **options: Any) -> AsyncIterator[Vendor]:
    """A service on a free port."""
    process = await asyncio.create_subprocess_exec(
        NODE, str(SERVERS / program), json.dumps(options), stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    made = Vendor(process=process)
    reading = asyncio.create_task(made.read())
    try:
        await made.until(lambda one: bool(one.said))
        yield made
    finally:
        await made.kill()
        await reading


@asynccontextmanager
async def apple(**options: Any) -> AsyncIterator[Vendor]:
    """Apple's, which knows this key, this team and this app."""
    known = {"public_key": APPLE_PUBLIC, "key_id": KEY_ID, "team_id": TEAM_ID, "topics": [APP]}
    async with vendor("apple.js", **(known | options)) as made:
        yield made


@asynccontextmanager
async def google(**options: Any) -> AsyncIterator[Vendor]:
    """Google's, which knows this account and this project."""
    known = {"public_key": GOOGLE_PUBLIC, "email": EMAIL, "project": PROJECT}
    async with vendor("google.js", **(known | options)) as made:
        yield made

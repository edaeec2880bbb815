"""Apple's and Google's push services as processes of their own: node, with its own HTTP/2 and its own cryptography."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.channels.node_server import NodeServer, running

SERVERS = Path(__file__).parent / "servers"


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


class Vendor(NodeServer):
    """A running service, and every request that it had."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.said[1:]


@asynccontextmanager
async def apple(**options: Any) -> AsyncIterator[Vendor]:
    """Apple's, which knows this key, this team and this app."""
    known = {"public_key": APPLE_PUBLIC, "key_id": KEY_ID, "team_id": TEAM_ID, "topics": [APP]}
    async with running(Vendor, SERVERS / "apple.js", known | options) as made:
        yield made


@asynccontextmanager
async def google(**options: Any) -> AsyncIterator[Vendor]:
    """Google's, which knows this account and this project."""
    known = {"public_key": GOOGLE_PUBLIC, "email": EMAIL, "project": PROJECT}
    async with running(Vendor, SERVERS / "google.js", known | options) as made:
        yield made

"""A push service of the tests' own: Firefox's socket on one side, RFC 8030 with VAPID (RFC 8292) on the other."""

import asyncio
import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from district.clock import system

MOST_BYTES = 4_096
DAY_S = 86_400


@dataclass
class Request:
    """One push as it came."""

    token: str
    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass
class Stored:
    """A message that waits for its browser."""

    version: str
    body: bytes
    topic: str
    ends_at_s: float


@dataclass
class Channel:
    """A subscription."""

    id: str
    key: str
    is_live: bool = True
    waiting: list[Stored] = field(default_factory=list)


@dataclass
class PushService:
    """What it was told and what it keeps; ``answers`` are given, one after the other, instead of its own."""

    address: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    channels: dict[str, Channel] = field(default_factory=dict)
    socket: web.WebSocketResponse | None = None

    @property
    def socket_address(self) -> str:
        return self.address.replace("http://", "ws://") + "/socket"

    def open_channel(self, *, key: str = "", id_: str = "") -> str:
        """A new subscription; its endpoint."""
        token = secrets.token_urlsafe(32)
        self.channels[token] = Channel(id=id_, key=key)
        return f"{self.address}/push/{token}"

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        """Firefox's protocol: hello, register, unregister, notification, ack."""
        socket = web.WebSocketResponse(protocols=("push-notification",), heartbeat=20)
        await socket.prepare(request)
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            await self._answer(socket, json.loads(frame.data))
        if self.socket is socket:
            self.socket = None
        return socket

    async def _answer(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        kind, id_ = said.get("messageType"), said.get("channelID", "")
        if kind == "hello":
            hello: dict[str, Any] = {
                "uaid": said.get("uaid") or secrets.token_hex(16),
                "use_webpush": True,
                "broadcasts": {},
            }
            await socket.send_json({"messageType": "hello", "status": 200, **hello})
            self.socket = socket
            for channel in self.channels.values():
                await self._deliver(channel)
        elif kind == "register":
            endpoint = self.open_channel(key=said.get("key", ""), id_=id_)
            answer = {"channelID": id_, "status": 200, "pushEndpoint": endpoint}
            await socket.send_json({"messageType": "register", **answer})
        elif kind == "unregister":
            for channel in self.channels.values():
                channel.is_live = channel.is_live and channel.id != id_
            await socket.send_json({"messageType": "unregister", "channelID": id_, "status": 200})
        elif kind == "ack":
            self.acknowledged += [one["version"] for one in said["updates"] if one.get("code", 100) == 100]
        elif kind is None:
            await socket.send_str("{}")

    async def take(self, request: web.Request) -> web.Response:
        """A push (RFC 8030 §5)."""
        token, body = request.match_info["token"], await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if self.answers:
            status, extra = self.answers.pop(0)
        else:
            status, extra = self._status(token, headers, body), {}
        self.requests.append(Request(token=token, status=status, headers=headers, body=body))
        if status == 201:
            await self._keep(self.channels[token], headers, body)
            extra = {"Location": f"{self.address}/message/{secrets.token_urlsafe(8)}"}
        return web.Response(status=status, headers=extra)

    def _status(self, token: str, headers: dict[str, str], body: bytes) -> int:
        channel = self.channels.get(token)
        if channel is None:
            return 404
        if not channel.is_live:
            return 410
        if not headers.get("ttl", "").isdigit() or headers.get("content-encoding") != "aes128gcm":
            return 400
        if len(body) > MOST_BYTES:
            return 413
        return 201 if self._is_signed(headers.get("authorization", ""), channel.key) else 403

    def _is_signed(self, authorization: str, key: str) -> bool:
        parts = dict(part.strip().split("=", 1) for part in authorization.removeprefix("vapid ").split(","))
        head, claims, signature = parts["t"].split(".")
        said, raw = json.loads(_decoded(claims)), _decoded(signature)
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded(parts["k"]))
        signed = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        try:
            public.verify(signed, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        now = system.machine_now().timestamp()
        is_own = not key or _decoded(key) == _decoded(parts["k"])
        is_timely = now < said["exp"] <= now + DAY_S
        return (
            is_own
            and is_timely
            and said["aud"] == self.address
            and said["sub"].startswith(("mailto:", "https:"))
        )

    async def _keep(self, channel: Channel, headers: dict[str, str], body: bytes) -> None:
        topic = headers.get("topic", "")
        channel.waiting = [one for one in channel.waiting if not topic or one.topic != topic]
        ends_at_s = time.monotonic() + int(headers["ttl"])
        channel.waiting.append(
            Stored(version=secrets.token_hex(8), body=body, topic=topic, ends_at_s=ends_at_s)
        )
        await self._deliver(channel)

    async def _deliver(self, channel: Channel) -> None:
        if self.socket is None or not channel.is_live:
            return
        waiting, channel.waiting = channel.waiting, []
        for one in waiting:
            if one.ends_at_s <= time.monotonic():
                continue
            data = base64.urlsafe_b64encode(one.body).rstrip(b"=").decode()
            message = {"channelID": channel.id, "version": one.version, "data": data, "ttl": 60}
            headers = {"encoding": "aes128gcm"}
            await self.socket.send_json({"messageType": "notification", "headers": headers, **message})


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def push_service() -> Iterator[PushService]:
    """A push service in a thread of its own, on a free port."""
    service, started, ending = PushService(), threading.Event(), threading.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_get("/socket", service.talk)
        app.router.add_post("/push/{token}", service.take)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        service.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()
        await asyncio.to_thread(ending.wait)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(90)
    try:
        yield service
    finally:
        ending.set()
        thread.join(10)

"""Notices for screens in shops, by MQTT 5: kept by the broker for whoever comes, until their time is over."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from push.channels.outbound import NOT_ALLOWED, HostUnknown, Outbound, TargetRefused, is_address_allowed
from push.receipts import Failure, FailureKind, Outcome, Receipt

AT_LEAST_ONCE: Final = 1
MOST_AT_ONCE: Final = 20
"""Notices that wait for the broker's word at once: what brokers commonly allow."""
LONGEST_TOPIC_BYTES: Final = 1_024
_CONNECT_WITHIN: Final = timedelta(seconds=5)
_KEEPALIVE_S: Final = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Broker:
    """Where the broker is and who we are there."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """What a topic says from now on. The broker forgets it after ``lasts``; with an empty body, at once.

    is_kept: it is given to whoever subscribes later, too.
    """

    topic: str
    body: bytes
    lasts: timedelta
    is_kept: bool = True


class _NamedTls(ssl.SSLContext):
    """Asks for the certificate of the host that was named, whatever address it is connected to."""

    name: str = ""
    made: ssl.SSLSocket | None = None
    """The library forgets to close it when the certificate is refused."""

    def wrap_socket(self, *given: Any, **named: Any) -> ssl.SSLSocket:
        self.made = super().wrap_socket(*given, **{**named, "server_hostname": self.name})
        return self.made


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenPublisher:
    """Says notices to one broker, over a connection that lasts as long as they take."""

    broker: Broker
    outbound: Outbound
    trust: str = field(default="", repr=False)
    """A certificate authority of the operator's own, in PEM."""
    within: timedelta = timedelta(seconds=8)

    async def publish(self, notices: Sequence[Notice]) -> tuple[list[Notice], Outcome]:
        """Those that the broker has, and how it ended. What it did not confirm may be said again: it changes nothing."""
        taken: list[Notice] = []
        if not notices:
            return taken, Receipt()
        try:
            async with asyncio.timeout(self.within.total_seconds()), self._connected() as client:
                for start in range(0, len(notices), MOST_AT_ONCE):
                    taken += await _said(client, notices[start : start + MOST_AT_ONCE])
        except TargetRefused as refused:
            return taken, Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except aiomqtt.MqttError as error:
            return taken, Failure(kind=FailureKind.TRANSIENT, detail=f"{type(error).__name__}: {error}"[:200])
        except (HostUnknown, TimeoutError, OSError, ValueError) as error:
            return taken, Failure(kind=FailureKind.TRANSIENT, detail=type(error).__name__)
        if len(taken) < len(notices):
            detail = "the broker lets this account write only some topics"
            return taken, Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)
        return taken, Receipt()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator["_Client"]:
        """A connection to an address that was checked. Raises: TargetRefused, HostUnknown, aiomqtt.MqttError."""
        one = self.broker
        found = await self.outbound.resolve(one.host, one.port)
        if not found or not all(is_address_allowed(address, self.outbound.policy) for address in found):
            raise TargetRefused(NOT_ALLOWED)
        context = self._tls() if one.is_tls else None
        client = _Client(
            hostname=found[0],
            port=one.port,
            username=one.user or None,
            password=one.password or None,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=context,
            timeout=_CONNECT_WITHIN.total_seconds(),
            keepalive=_KEEPALIVE_S,
        )
        try:
            async with client:
                yield client
        finally:
            if context is not None and context.made is not None:
                context.made.close()

    def _tls(self) -> _NamedTls:
        context = _NamedTls(ssl.PROTOCOL_TLS_CLIENT)
        context.name = self.broker.host
        if self.trust:
            context.load_verify_locations(cadata=self.trust)
        else:
            context.load_default_certs()
        return context


class _Client(aiomqtt.Client):
    """Counts what the broker takes note of and refuses: the library tells both alike."""

    refusals = 0

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        if reason_code.is_failure:
            self.refusals += 1
        super()._on_publish(client, userdata, mid, reason_code, properties)


async def _said(client: _Client, notices: Sequence[Notice]) -> list[Notice]:
    """Those that the broker has. All at once; where it refuses any, one by one, to know which. Raises: MqttError."""
    before = client.refusals
    await asyncio.gather(*(_say(client, one) for one in notices))
    if client.refusals == before:
        return list(notices)
    if len(notices) == 1:
        return []
    return [one for notice in notices for one in await _said(client, [notice])]


async def _say(client: _Client, notice: Notice) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if notice.body:
        properties.MessageExpiryInterval = max(1, int(notice.lasts.total_seconds()))
        properties.ContentType = "application/json"
    await client.publish(
        notice.topic, notice.body, qos=AT_LEAST_ONCE, retain=notice.is_kept, properties=properties
    )

"""Which of our RADIUS clients asks: all of them in memory, found by what FreeRADIUS or the packet says."""

import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from district.database import Pool
from district.radius.packets import Nas
from district.radius.queries import CLIENTS_SQL
from district.snapshot import Snapshot

CHANNEL = "radius_client_changed"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True)
class ClientInfo:
    """A registered NAS."""

    id: uuid.UUID
    network: Network
    nas_identifier: str
    gateway_id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class RadiusClients:
    """Every district's RADIUS clients."""

    of_district: Mapping[uuid.UUID, tuple[ClientInfo, ...]] = field(default_factory=dict)

    def find(self, district_id: uuid.UUID, nas: Nas) -> ClientInfo | None:
        """The client that asks: by the id that FreeRADIUS gives, else by the address and name in the packet.

        Of several networks that hold the address the smallest is meant.
        """
        clients = self.of_district.get(district_id, ())
        if nas.client_id:
            return next((client for client in clients if str(client.id) == nas.client_id), None)
        named = [
            client for client in clients if client.nas_identifier and client.nas_identifier == nas.identifier
        ]
        address = _address(nas.address)
        around = [client for client in clients if address is not None and address in client.network]
        both = [client for client in around if client in named]
        return max(both or named or around, key=lambda client: client.network.prefixlen, default=None)


def radius_clients(pool: Pool) -> Snapshot[RadiusClients]:
    """The snapshot of all RADIUS clients."""

    async def load() -> RadiusClients:
        async with pool.connection() as connection:
            rows = await (await connection.execute(CLIENTS_SQL)).fetchall()
        return of_rows(rows)

    return Snapshot(load, empty=RadiusClients(), channels=(CHANNEL,))


def of_rows(rows: Iterable[Sequence[Any]]) -> RadiusClients:
    """The clients of ``CLIENTS_SQL``'s rows."""
    found: dict[uuid.UUID, list[ClientInfo]] = {}
    for district_id, id_, address, identifier, gateway_id in rows:
        client = ClientInfo(
            id=id_,
            network=ipaddress.ip_network(address, strict=False),
            nas_identifier=identifier,
            gateway_id=gateway_id,
        )
        found.setdefault(district_id, []).append(client)
    return RadiusClients(of_district={id_: tuple(clients) for id_, clients in found.items()})


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None

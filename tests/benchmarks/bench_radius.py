"""RADIUS through a real FreeRADIUS and PostgreSQL: one-time log-ins, a herd that comes back, accounting.

    python -m tests.benchmarks.bench_radius [--short]

The load generator, FreeRADIUS, the product, NATS and PostgreSQL share the machine's two cores.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import insert

from district.auth.models import Role
from district.clock import system
from district.database import new_id
from district.gateways.models import Gateway, WifiSession
from district.members import service as members
from district.members.models import Consent, DeviceAlias, Member
from district.members.texts import consent_text
from district.radius.models import RadiusClient, RadiusToken
from district.radius.rendering import RenderedClient
from push.consent import Purpose
from tests.benchmarks import radius_wire as wire
from tests.benchmarks.loading import Pool, closed_loop, request
from tests.benchmarks.measures import Figure, percentile, verdict
from tests.benchmarks.radius_wire import ACCESS_ACCEPT, ACCOUNTING_RESPONSE, Heard, Nas, Packet
from tests.product import Product
from tests.radius.server import MISSING, WHY_NOT, FreeRadius

SECRET: Final = "a-secret-of-the-benchmark-nas"
PASSWORD: Final = "a-one-time-password-0123"
ACCESS_POINT: Final = "02-AA-00-00-00-01"
OPENWISP_PER_S: Final = 41.0
"""Authorisations a second of openwisp-radius 1.3.3 over HTTP on two cores, 8 clients, with a fast password hasher."""
INSERT_ROWS: Final = 5_000


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much of each."""

    logins: int = 9_000
    steady: int = 2_000
    direct: int = 4_000
    herd: int = 30_000
    herd_per_s: float = 500.0
    accounting: int = 15_000


SHORT: Final = Sizes(logins=2_400, steady=800, direct=1_500, herd=5_000, accounting=5_000)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A district with everybody in it."""

    key: str
    client: RenderedClient
    names: Sequence[str]


def mac_of(device: int) -> str:
    """The address of a device, by its number."""
    return f"{0x020000000000 + device:012x}"


def spelled(mac: str) -> str:
    """As NASes write it."""
    return "-".join(mac[at : at + 2] for at in range(0, 12, 2)).upper()


def prepare(product: Product, sizes: Sizes) -> Prepared:
    """Members with a device, access granted, a live session each; and one-time tokens of some of them."""
    tokens = sizes.logins + sizes.steady + sizes.direct
    names = [f"w{uuid.uuid4().hex}" for _ in range(tokens)]
    with product.makers() as makers:
        row = makers.district(slug="bench-radius")
        info = makers.info(row)
        now, machine_now = makers.clock.now(), system.machine_now()
        gateway = Gateway(
            district_id=row.id, id=new_id(), slug="bench-nas", vendor="click", secret="x" * 16, created_at=now
        )
        client = RadiusClient(
            district_id=row.id,
            id=new_id(),
            name="bench",
            address="127.0.0.1",
            secret=SECRET,
            gateway_id=gateway.id,
            created_at=now,
        )
        makers.session.add(gateway)
        makers.session.flush()
        makers.session.add(client)
        makers.access_point(row, mac=ACCESS_POINT.replace("-", "").lower())
        people = [new_id() for _ in range(sizes.herd)]
        sessions = [new_id() for _ in range(sizes.herd)]
        aliases = [members.alias_of(info, mac_of(device)) for device in range(sizes.herd)]
        shared = {"district_id": row.id}
        words = consent_text(Purpose.ACCESS, None, "en").hash
        life = timedelta(hours=8)
        tables: list[tuple[type, list[dict[str, object]]]] = [
            (Member, [{**shared, "id": id_, "bucket": 1, "joined_at": now} for id_ in people]),
            (
                Consent,
                [
                    {
                        **shared,
                        "id": new_id(),
                        "member_id": id_,
                        "purpose": "access",
                        "granted": True,
                        "text_hash": words,
                        "action": "button",
                        "at": now,
                    }
                    for id_ in people
                ],
            ),
            (
                DeviceAlias,
                [
                    {
                        **shared,
                        "alias": alias,
                        "member_id": id_,
                        "randomised": True,
                        "first_seen_at": now,
                        "last_seen_at": now,
                    }
                    for alias, id_ in zip(aliases, people, strict=True)
                ],
            ),
            (
                WifiSession,
                [
                    {
                        **shared,
                        "id": session_id,
                        "gateway_id": gateway.id,
                        "member_id": id_,
                        "alias": alias,
                        "method": "click",
                        "granted_at": now,
                        "expires_at": now + life,
                        "confirmed_at": now,
                        "confirmed_by": "radius",
                    }
                    for session_id, alias, id_ in zip(sessions, aliases, people, strict=True)
                ],
            ),
            (
                RadiusToken,
                [
                    {
                        **shared,
                        "username": name,
                        "password": PASSWORD,
                        "gateway_id": gateway.id,
                        "mac": mac_of(place % sizes.herd),
                        "member_id": people[place % sizes.herd],
                        "wifi_session_id": sessions[place % sizes.herd],
                        "created_at": machine_now,
                        "expires_at": machine_now + life,
                    }
                    for place, name in enumerate(names)
                ],
            ),
        ]
        for table, rows in tables:
            for start in range(0, len(rows), INSERT_ROWS):
                makers.session.execute(insert(table), rows[start : start + INSERT_ROWS])
        key = makers.key(row, Role.RADIUS)
    with product.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    rendered = RenderedClient(
        id=str(client.id), name="bench", address="127.0.0.1", secret=SECRET, fail_open=False
    )
    return Prepared(key=key, client=rendered, names=names)


def _station(mac: str) -> bytes:
    return (
        wire.attribute(4, bytes((10, 0, 0, 1)))
        + wire.attribute(32, b"bench-nas")
        + wire.attribute(31, spelled(mac).encode())
        + wire.attribute(30, f"{ACCESS_POINT}:Free Wi-Fi".encode())
        + wire.number(61, 19)
    )


def login(name: str, device: int) -> Packet:
    """A person's log-in with his one-time token."""
    attributes = wire.attribute(1, name.encode()) + wire.number(6, 1) + _station(mac_of(device))
    return wire.access(attributes, password=PASSWORD.encode(), secret=SECRET.encode())


def comeback(device: int) -> Packet:
    """A device that is known by its address."""
    name = spelled(mac_of(device)).encode()
    attributes = wire.attribute(1, name) + wire.number(6, 2) + _station(mac_of(device))
    return wire.access(attributes, password=name, secret=SECRET.encode())


def telling(number: int, devices: int) -> Packet:
    """An Interim-Update, each of another session as long as there are devices."""
    device = number % devices
    attributes = (
        wire.attribute(1, spelled(mac_of(device)).encode())
        + _station(mac_of(device))
        + wire.attribute(44, f"acct-{device}".encode())
        + wire.number(40, 3)
        + wire.number(46, 60 + number // devices)
        + wire.number(42, 1000 + number)
        + wire.number(43, 2000 + number)
    )
    return wire.accounting(attributes)


def run(product: Product, sizes: Sizes) -> list[Figure]:
    """Measure."""
    prepared = prepare(product, sizes)
    product.start(roles=("web", "worker"))
    with FreeRadius(product.base_url, prepared.key, [prepared.client]) as server:
        return asyncio.run(_measure(product, server, prepared, sizes))


async def _measure(product: Product, server: FreeRadius, prepared: Prepared, sizes: Sizes) -> list[Figure]:
    names = iter(enumerate(prepared.names))

    def logins(count: int) -> list[Packet]:
        return [login(name, place % sizes.herd) for place, name in (next(names) for _ in range(count))]

    access, account = (
        Nas(("127.0.0.1", port), SECRET.encode()) for port in (server.auth_port, server.acct_port)
    )
    await access.open()
    await account.open()
    steady = await access.open_loop(logins(sizes.steady), per_second=100.0)
    most = await access.closed_loop(logins(sizes.logins), at_once=64)
    direct = await _direct(product, prepared, [next(names) for _ in range(sizes.direct)], sizes)
    herd = await access.open_loop(
        [comeback(device) for device in range(sizes.herd)], per_second=sizes.herd_per_s
    )
    told = await account.closed_loop(
        [telling(number, sizes.herd) for number in range(sizes.accounting)], at_once=64
    )
    stored_s = await _stored(product, min(sizes.accounting, sizes.herd))
    access.close()
    account.close()
    return _figures(sizes, steady=steady, most=most, direct=direct, herd=herd, told=told, stored_s=stored_s)


async def _direct(
    product: Product, prepared: Prepared, names: Sequence[tuple[int, str]], sizes: Sizes
) -> float:
    """Authorisations a second over HTTP alone, by 8 clients: what the peer was measured by."""
    requests = []
    for place, name in names:
        body = {
            "User-Name": {"type": "string", "value": [name]},
            "User-Password": {"type": "string", "value": [PASSWORD]},
            "Calling-Station-Id": {"type": "string", "value": [spelled(mac_of(place % sizes.herd))]},
            "NAS-IP-Address": {"type": "ipaddr", "value": ["10.0.0.1"]},
        }
        headers = {"Authorization": f"Bearer {prepared.key}", "Content-Type": "application/json"}
        requests.append(
            request("POST", "/v1/radius/authorize", headers=headers, body=json.dumps(body).encode())
        )
    pool = Pool(address=product.address)
    began = time.perf_counter()
    answers = await closed_loop(pool, requests, at_once=8)
    took_s = time.perf_counter() - began
    pool.close()
    if wrong := [answer for answer in answers if answer.status != 200]:
        sys.exit(f"No authorisation: {wrong[0].status} {wrong[0].body[:300]!r}")
    return len(answers) / took_s


async def _stored(product: Product, sessions: int) -> float:
    """How long the worker needed after the last answer until every session is a row."""
    began = time.perf_counter()
    while product.row("SELECT count(*) FROM radius_session")[0] < sessions:
        if time.perf_counter() - began > 120:
            found = product.row("SELECT count(*) FROM radius_session")[0]
            sys.exit(f"Only {found} of {sessions} sessions were stored.")
        await asyncio.sleep(0.1)
    return time.perf_counter() - began


def _figures(
    sizes: Sizes, *, steady: Heard, most: Heard, direct: float, herd: Heard, told: Heard, stored_s: float
) -> list[Figure]:
    accepted = most.kinds.get(ACCESS_ACCEPT, 0)
    p99_ms = percentile(steady.seconds, 0.99) * 1000
    missing = sizes.herd - herd.kinds.get(ACCESS_ACCEPT, 0)
    missing += sizes.steady - steady.kinds.get(ACCESS_ACCEPT, 0)
    herd_ms = percentile(herd.seconds, 0.99) * 1000
    taken = told.kinds.get(ACCOUNTING_RESPONSE, 0)
    return [
        Figure(
            name="log-ins with one-time tokens",
            value=accepted / most.took_s,
            goal=300,
            unit="accepted/s",
            made_of=f"{accepted} of {sizes.logins} in {most.took_s:.1f} s, 64 at once, p99 "
            f"{percentile(most.seconds, 0.99) * 1000:.0f} ms",
        ),
        Figure(
            name="log-in p99 at 100/s",
            value=p99_ms,
            goal=50,
            unit="ms",
            is_ceiling=True,
            made_of=f"{len(steady.seconds)} log-ins, p50 {percentile(steady.seconds, 0.5) * 1000:.1f} ms",
        ),
        Figure(
            name="herd at 500/s: not accepted",
            value=float(missing),
            goal=0,
            unit="requests",
            is_ceiling=True,
            made_of=f"{sizes.herd} devices in {herd.took_s:.1f} s, {herd.sent_again} sent again, p99 {herd_ms:.0f} ms",
        ),
        Figure(
            name="accounting",
            value=taken / told.took_s,
            goal=500,
            unit="packets/s",
            made_of=f"{taken} of {sizes.accounting} in {told.took_s:.1f} s, all rows {stored_s:.1f} s later",
        ),
        Figure(
            name="authorize over HTTP, against the peer",
            value=direct / OPENWISP_PER_S,
            goal=10,
            unit="times",
            made_of=f"{direct:.0f}/s to openwisp-radius's {OPENWISP_PER_S:g}/s, 8 clients",
        ),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="bench_radius")
    parser.add_argument("--slack", type=float, default=1.0)
    parser.add_argument("--short", action="store_true", help="a sixth of everything")
    options = parser.parse_args(arguments)
    if MISSING:
        print(f"RADIUS: {WHY_NOT}")
        return 0
    with Product() as product:
        figures = run(product, SHORT if options.short else Sizes())
    return verdict("RADIUS through FreeRADIUS and PostgreSQL", figures, options.slack)


if __name__ == "__main__":
    sys.exit(main())

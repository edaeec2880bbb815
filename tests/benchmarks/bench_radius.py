"""RADIUS through a real FreeRADIUS and PostgreSQL: one-time log-ins, a herd that comes back, accounting.

    python -m tests.benchmarks.bench_radius [--short]

The load generator, FreeRADIUS, the product, NATS and PostgreSQL share the machine's two cores.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Final

from district.embedded.state import list_roles
from tests.benchmarks import radius_wire as wire
from tests.benchmarks.loading import Pool, closed_loop, request
from tests.benchmarks.measures import Figure, cpu_seconds_of_all, percentile, verdict
from tests.benchmarks.radius_wire import ACCESS_ACCEPT, ACCOUNTING_RESPONSE, Heard, Nas, Packet
from tests.benchmarks.radius_world import ACCESS_POINT, PASSWORD, SECRET, Prepared, mac_of, prepare, spelled
from tests.product import Product
from tests.radius.server import MISSING, WHY_NOT, FreeRadius

OPENWISP_PER_S: Final = 41.0
"""Authorisations a second of openwisp-radius 1.3.3 over HTTP on two cores, 8 clients, with a fast password hasher."""


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
    tokens = sizes.logins + sizes.steady + sizes.direct
    prepared = prepare(product, devices=sizes.herd, tokens=tokens)
    product.start(roles=("web", "worker"))
    with FreeRadius(product.base_url, prepared.key, [prepared.client]) as server:
        return asyncio.run(_measure(product, server, prepared, sizes))


class Work:
    """The CPU time of every process that takes part, this one included."""

    def __init__(self, product: Product, server: FreeRadius) -> None:
        self._pids = [os.getpid(), server.pid]
        self._pids += [status.pid for status in list_roles(product.data_dir) if status.pid]

    async def of(self, phase: Coroutine[None, None, Heard]) -> Heard:
        """The phase, and what it cost."""
        before = cpu_seconds_of_all(self._pids)
        heard = await phase
        heard.cpu_s = cpu_seconds_of_all(self._pids) - before
        return heard


async def _measure(product: Product, server: FreeRadius, prepared: Prepared, sizes: Sizes) -> list[Figure]:
    names = iter(enumerate(prepared.names))

    def logins(count: int) -> list[Packet]:
        return [login(name, place % sizes.herd) for place, name in (next(names) for _ in range(count))]

    access, account = (
        Nas(("127.0.0.1", port), SECRET.encode()) for port in (server.auth_port, server.acct_port)
    )
    await access.open()
    await account.open()
    work = Work(product, server)
    steady = await access.open_loop(logins(sizes.steady), per_second=100.0)
    packets = logins(sizes.logins)
    most = await work.of(access.closed_loop(packets, at_once=64))
    direct = await _direct(product, prepared, [next(names) for _ in range(sizes.direct)], sizes)
    packets = [comeback(device) for device in range(sizes.herd)]
    herd = await work.of(access.open_loop(packets, per_second=sizes.herd_per_s))
    packets = [telling(number, sizes.herd) for number in range(sizes.accounting)]
    told = await work.of(account.closed_loop(packets, at_once=64))
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
    accepted, taken = most.kinds.get(ACCESS_ACCEPT, 0), told.kinds.get(ACCOUNTING_RESPONSE, 0)
    return [
        _at_least(
            "log-ins with one-time tokens",
            accepted / most.took_s,
            300,
            "accepted/s",
            f"{accepted} of {sizes.logins} in {most.took_s:.1f} s, 64 at once, p99 {_ms(most, 0.99):.0f} ms, {_cost_ms(most)}",
        ),
        _at_most(
            "log-in p99 at 100/s",
            _ms(steady, 0.99),
            50,
            "ms",
            f"{steady.kinds.get(ACCESS_ACCEPT, 0)} of {sizes.steady}, p50 {_ms(steady, 0.5):.1f} ms",
        ),
        _at_most(
            f"herd at {sizes.herd_per_s:g}/s: not accepted",
            float(sizes.herd - herd.kinds.get(ACCESS_ACCEPT, 0)),
            0,
            "requests",
            f"{sizes.herd} devices in {herd.took_s:.1f} s, {herd.sent_again} sent again, p99 {_ms(herd, 0.99):.0f} ms, {_cost_ms(herd)}",
        ),
        _at_least(
            "accounting",
            taken / told.took_s,
            500,
            "packets/s",
            f"{taken} of {sizes.accounting} in {told.took_s:.1f} s, all rows {stored_s:.1f} s later, {_cost_ms(told)}",
        ),
        _at_least(
            "authorize over HTTP, against the peer",
            direct / OPENWISP_PER_S,
            10,
            "times",
            f"{direct:.0f}/s to openwisp-radius's {OPENWISP_PER_S:g}/s, 8 clients",
        ),
    ]


def _ms(heard: Heard, share: float) -> float:
    return percentile(heard.seconds, share) * 1000


def _cost_ms(heard: Heard) -> str:
    """What tells apart a slow product and a busy machine."""
    return f"{heard.cpu_s * 1000 / max(len(heard.seconds), 1):.2f} ms of CPU each in all processes"


def _at_least(name: str, value: float, goal: float, unit: str, made_of: str) -> Figure:
    return Figure(name=name, value=value, goal=goal, unit=unit, made_of=made_of)


def _at_most(name: str, value: float, goal: float, unit: str, made_of: str) -> Figure:
    return Figure(name=name, value=value, goal=goal, unit=unit, made_of=made_of, is_ceiling=True)


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

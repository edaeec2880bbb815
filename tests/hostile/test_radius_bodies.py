"""Bodies as rlm_rest and OpenWISP's FreeRADIUS send them, bent in every way: refused or taken, never a failure of ours."""

import json
import os
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any, Final

import pytest

from district.auth.models import Role
from district.districts.models import District
from tests.hostile.conftest import SLUG, Target
from tests.product import wait_for

SHORT: Final = 2_000
LONG: Final = int(os.environ.get("DISTRICT_MUTATIONS", "100000"))
AT_ONCE: Final = 4
SEED: Final = 20_260_501

_STATION = {"Calling-Station-Id": "02-AA-22-33-44-66", "Called-Station-Id": "02-11-22-33-44-AA:Free Wi-Fi"}
_REST: Final[dict[str, dict[str, Any]]] = {
    "/v1/radius/authorize": {"User-Name": "w" + "0" * 32, "User-Password": "x", "Service-Type": "Login-User"},
    "/v1/radius/post-auth?reply=Access-Accept": {
        "User-Name": "02-AA-22-33-44-66",
        "Service-Type": "Call-Check",
    },
    "/v1/radius/accounting": {
        "User-Name": "bob",
        "Acct-Status-Type": "Interim-Update",
        "Acct-Session-Id": "s1",
        "Acct-Unique-Session-Id": "u1",
        "Acct-Session-Time": 60,
        "Acct-Input-Octets": 5,
        "Acct-Input-Gigawords": 1,
        "Event-Timestamp": "May  1 2026 09:00:00 UTC",
        "Acct-Delay-Time": 1,
        "Class": "0x73",
        "Framed-IP-Address": "10.1.0.2",
    },
}
_OPENWISP: Final[dict[str, dict[str, Any]]] = {
    "/api/v1/freeradius/authorize/": {"username": "bob", "password": "x"},
    "/api/v1/freeradius/postauth/": {"username": "bob", "password": "x", "reply": "Access-Accept"},
    "/api/v1/freeradius/accounting/": {
        "username": "bob",
        "status_type": "Stop",
        "session_id": "s1",
        "unique_id": "u1",
        "session_time": 60,
        "input_octets": "",
        "update_time": "2026-05-01T09:00:00Z",
        "nas_ip_address": "10.0.0.1",
        "calling_station_id": "02-AA-22-33-44-66",
    },
}
_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    "",
    "\0",
    "\ud800",
    "٣",
    "%{md5:abc}",
    "'; DROP TABLE member; --",
    "x" * 5000,
    "0x",
    "0xzz",
    "-1",
    -1,
    1 << 31,
    1 << 63,
    10**40,
    1e308,
    [],
    [[]],
    {},
    {"value": None},
    {"value": []},
    {"value": [None]},
    {"value": [{"value": ["x"]}]},
    {"type": 7, "value": "x"},
    "Accounting-On",
    "Start",
    "99999999999999999999",
    "Feb 30 2026 25:61:61 UTC",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "02-AA-22-33-44-66",
    "w" + "f" * 32,
)

_NAMES: Final = ("", "User-Name", "District-Client", "District-Session", "x" * 300)


def documents(path: str, chance: random.Random) -> bytes:
    """One body of a path, bent once to five times in its values, and sometimes in its bytes."""
    plain = dict(_REST.get(path) or _OPENWISP[path])
    if path in _REST:
        plain |= _STATION | {"NAS-IP-Address": "10.0.0.1", "NAS-Identifier": "n"}
        plain = {name: {"type": "string", "value": [value]} for name, value in plain.items()}
    for _ in range(chance.randint(1, 5)):
        bend(plain, chance)
    body = bytearray(json.dumps(plain).encode())
    if chance.random() < 0.3:
        for _ in range(chance.randint(1, 4)):
            spoil(body, chance)
    return bytes(body)


def bend(plain: dict[str, Any], chance: random.Random) -> None:
    """Change one member."""
    name = chance.choice(sorted(plain))
    match chance.randrange(4):
        case 0:
            plain[name] = chance.choice(_VALUES)
        case 1:
            plain[name] = {"type": "string", "value": [chance.choice(_VALUES)]}
        case 2:
            del plain[name]
            plain[chance.choice(_NAMES)] = chance.choice(_VALUES)
        case _:
            plain[name] = {"value": [chance.choice(_VALUES), chance.choice(_VALUES)]}


def spoil(body: bytearray, chance: random.Random) -> None:
    """Change some bytes."""
    place = chance.randrange(len(body))
    match chance.randrange(3):
        case 0:
            body[place] = chance.randrange(256)
        case 1:
            del body[place + 1 : place + chance.randint(2, 20)]
        case _:
            body[place:place] = chance.randbytes(3)


def asked(
    target: Target, headers: dict[str, dict[str, str]], bodies: Iterator[tuple[str, bytes]]
) -> Counter[int]:
    """The statuses of the answers, over one kept connection."""
    connection = HTTPConnection(*target.product.address, timeout=90)
    found: Counter[int] = Counter()
    for path, body in bodies:
        connection.request("POST", path, body=body, headers=headers[path])
        answer = connection.getresponse()
        said = answer.read()
        found[answer.status] += 1
        assert answer.status < 500, (path, body, said[:300])
    connection.close()
    return found


def key_of(target: Target) -> tuple[str, uuid.UUID]:
    """A key of the role radius, and its district."""
    (district_id,) = target.product.row("SELECT id FROM district WHERE slug = %s", SLUG)
    with target.product.makers() as makers:
        district = makers.session.get(District, district_id)
        assert district is not None
        return makers.key(district, Role.RADIUS), district_id


def bent(target: Target, count: int) -> Counter[int]:
    """Send so many; the statuses."""
    key, district_id = key_of(target)
    headers = {path: {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} for path in _REST}
    headers |= {
        path: {"Authorization": f"Bearer {district_id} {key}", "Content-Type": "application/json"}
        for path in _OPENWISP
    }
    paths = [*_REST, *_OPENWISP]

    def share(number: int) -> Counter[int]:
        chance = random.Random(SEED + number)
        bodies = (
            (path, documents(path, chance))
            for path in (chance.choice(paths) for _ in range(count // AT_ONCE))
        )
        return asked(target, headers, bodies)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        counts: list[Counter[int]] = list(threads.map(share, range(AT_ONCE)))
    return sum(counts, Counter())


def check(target: Target, count: int) -> None:
    """All were answered, some were taken, and the next good one is stored: nothing bent stands in its way."""
    found = bent(target, count)
    assert sum(found.values()) == count // AT_ONCE * AT_ONCE
    assert {200, 204, 401} <= set(found), found
    session, path = f"good-{uuid.uuid4().hex}", "/v1/radius/accounting"
    key, _ = key_of(target)
    headers = {path: {"Authorization": f"Bearer {key}"}}
    body = json.dumps({"Acct-Status-Type": "Start", "Acct-Session-Id": session}).encode()

    def is_stored() -> bool:
        asked(target, headers, iter([(path, body)]))
        rows = target.product.rows("SELECT 1 FROM radius_session WHERE session_id = %s", session)
        return bool(rows)

    wait_for("a good packet is stored", is_stored, timeout_s=60)


def test_bent_radius_bodies_are_never_a_failure_of_ours(target: Target) -> None:
    check(target, SHORT)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_bent_radius_bodies_are_never_a_failure_of_ours(target: Target) -> None:
    check(target, LONG)

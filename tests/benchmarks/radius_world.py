"""A district for the RADIUS benchmark: members with a device, access granted and a live session, and one-time tokens."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import insert

from district.auth.models import Role
from district.clock import system
from district.database import new_id
from district.districts.models import District
from district.gateways.models import Gateway, WifiSession
from district.members import service as members
from district.members.models import Consent, DeviceAlias, Member
from district.members.texts import consent_text
from district.radius.models import RadiusClient, RadiusToken
from district.radius.rendering import RenderedClient
from push.consent import Purpose
from tests.factories import Makers
from tests.product import Product

SECRET: Final = "a-secret-of-the-benchmark-nas"
PASSWORD: Final = "a-one-time-password-0123"
ACCESS_POINT: Final = "02-AA-00-00-00-01"
LIFE: Final = timedelta(hours=8)
INSERT_ROWS: Final = 5_000
Rows = list[dict[str, Any]]


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


def prepare(product: Product, *, devices: int, tokens: int) -> Prepared:
    """Make and commit all of it."""
    names = [f"w{uuid.uuid4().hex}" for _ in range(tokens)]
    with product.makers() as makers:
        row = makers.district(slug="bench-radius")
        gateway, client = _nas(makers, row)
        for table, rows in _people(makers, row, gateway, devices, names):
            for start in range(0, len(rows), INSERT_ROWS):
                makers.session.execute(insert(table), rows[start : start + INSERT_ROWS])
        key = makers.key(row, Role.RADIUS)
    with product.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    rendered = RenderedClient(
        id=str(client.id), name="bench", address="127.0.0.1", secret=SECRET, fail_open=False
    )
    return Prepared(key=key, client=rendered, names=names)


def _nas(makers: Makers, row: District) -> tuple[Gateway, RadiusClient]:
    now = makers.clock.now()
    gateway = Gateway(
        district_id=row.id, id=new_id(), slug="bench-nas", vendor="click", secret="x" * 16, created_at=now
    )
    makers.session.add(gateway)
    makers.session.flush()
    client = RadiusClient(
        district_id=row.id,
        id=new_id(),
        name="bench",
        address="127.0.0.1",
        secret=SECRET,
        gateway_id=gateway.id,
        created_at=now,
    )
    makers.session.add(client)
    makers.access_point(row, mac=ACCESS_POINT.replace("-", "").lower())
    return gateway, client


def _people(
    makers: Makers, row: District, gateway: Gateway, devices: int, names: Sequence[str]
) -> Iterator[tuple[type, Rows]]:
    """The rows of each table, in the order of what refers to what."""
    info, now, machine_now = makers.info(row), makers.clock.now(), system.machine_now()
    shared = {"district_id": row.id}
    people, sessions = [new_id() for _ in range(devices)], [new_id() for _ in range(devices)]
    aliases = [members.alias_of(info, mac_of(device)) for device in range(devices)]
    yield Member, [{**shared, "id": id_, "bucket": 1, "joined_at": now} for id_ in people]
    said = {"purpose": "access", "granted": True, "action": "button", "at": now}
    said["text_hash"] = consent_text(Purpose.ACCESS, None, "en").hash
    yield Consent, [{**shared, **said, "id": new_id(), "member_id": id_} for id_ in people]
    seen = {"randomised": True, "first_seen_at": now, "last_seen_at": now}
    owned = list(zip(sessions, aliases, people, strict=True))
    yield (
        DeviceAlias,
        [{**shared, **seen, "alias": alias, "member_id": id_} for _, alias, id_ in owned],
    )
    live = {"gateway_id": gateway.id, "method": "click", "granted_at": now, "expires_at": now + LIFE}
    live |= {"confirmed_at": now, "confirmed_by": "radius"}
    yield (
        WifiSession,
        [{**shared, **live, "id": id_, "member_id": person, "alias": alias} for id_, alias, person in owned],
    )
    made = {"password": PASSWORD, "gateway_id": gateway.id, "created_at": machine_now}
    made["expires_at"] = machine_now + LIFE
    yield (
        RadiusToken,
        [
            {
                **shared,
                **made,
                "username": name,
                "mac": mac_of(place % devices),
                "member_id": people[place % devices],
                "wifi_session_id": sessions[place % devices],
            }
            for place, name in enumerate(names)
        ],
    )

"""Devices found again are who they were when they were hashed, and are forgotten when that would no longer hold."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from district.districts.service import DistrictInfo
from district.sightings.edge import DaySecret, Edge
from district.sightings.pseudonyms import KeyedHash, mac_bytes, stem
from district.sightings.remembered import MAX_REMEMBERED, REFUSALS, Remembered
from district.sightings.reported import Rejection
from geo.coordinates import LonLat
from geo.datum import Datum

ALIASES, STEM_KEY, OUT = b"a" * 32, b"s" * 32, "a4:83:e7:00:00:09"
DAY = date(2026, 5, 1)
STARTS_AT = datetime(2026, 5, 1, 3, tzinfo=UTC)
MACS = st.sampled_from(
    ["a4:83:e7:00:00:01", "A4-83-E7-00-00-01", "a483.e700.0001", "a483e7000002", OUT, OUT.upper()]
)
NAMES = st.lists(
    MACS | st.sampled_from(["", "nobody", "a4::" + "-" * 99 + "83e7000001"]) | st.text(max_size=20)
)


def alias_of(text: str) -> bytes:
    mac = mac_bytes(text)
    assert mac is not None
    return KeyedHash(ALIASES).pseudonym(mac)


def remembered(salt: bytes = b"1") -> Remembered:
    return Remembered(
        salt=KeyedHash(salt),
        aliases=KeyedHash(ALIASES),
        opt_outs=frozenset([alias_of(OUT)]),
        stem_key=STEM_KEY,
    )


def expected(text: str) -> Rejection | tuple[bytes, bytes]:
    if mac_bytes(text) is None:
        return Rejection.BAD_MAC if text else Rejection.MISSING_DEVICE
    alias = alias_of(text)
    if alias == alias_of(OUT):
        return Rejection.OPTED_OUT
    return KeyedHash(b"1").pseudonym(alias), stem(STEM_KEY, alias)


def found(memory: Remembered, names: list[str]) -> list[Rejection | tuple[bytes, bytes]]:
    return [
        REFUSALS[refusal - 1] if refusal else (bytes(device), bytes(name))
        for refusal, device, name in memory.find(names).tolist()
    ]


@given(st.lists(NAMES, max_size=3))
def test_whoever_is_found_again_is_who_was_hashed(bodies: list[list[str]]) -> None:
    memory = remembered()
    for names in bodies:
        assert found(memory, names) == [expected(name) for name in names]


def test_at_most_so_many_are_remembered_and_the_rest_is_made_again() -> None:
    memory = remembered()
    names = [f"{number:012x}" for number in range(MAX_REMEMBERED)]
    assert len(memory) == 0
    first = memory.find(names).tobytes()
    assert len(memory) == MAX_REMEMBERED
    assert memory.find(names[:1]).tobytes() == first[: len(first) // len(names)]
    assert len(memory) == 1


def test_what_is_no_mac_is_not_remembered() -> None:
    memory = remembered()
    memory.find([f"nobody {number}" for number in range(100)] + [""])
    assert len(memory) == 0


def edge(*, salt: bytes = b"1", opt_outs: frozenset[bytes] = frozenset(), aliases: bytes = ALIASES) -> Edge:
    district = DistrictInfo(
        id=uuid.UUID(int=1),
        slug="x",
        name="X",
        name_zh="",
        center=LonLat(lon=24.9, lat=60.1),
        zone=ZoneInfo("Europe/Helsinki"),
        day_start=time(6),
        datum=Datum.WGS84,
        currency="EUR",
        alias_key=aliases,
    )
    secret = DaySecret(
        trading_day=DAY,
        starts_at=STARTS_AT,
        ends_at=STARTS_AT + timedelta(days=1),
        dies_at=STARTS_AT + timedelta(hours=26),
        devices=KeyedHash(salt),
    )
    return Edge(district=district, aliases=KeyedHash(aliases), days=(secret,), opt_outs=opt_outs)


def test_an_edge_loaded_again_unchanged_remembers() -> None:
    before = edge()
    memory = before.remembered(DAY, before.days[0])
    after = edge().after(before)
    assert after.remembered(DAY, after.days[0]) is memory


def test_a_new_salt_opt_out_or_key_forgets() -> None:
    before = edge()
    memory = before.remembered(DAY, before.days[0])
    for changed in (
        edge(salt=b"2"),
        edge(opt_outs=frozenset([alias_of(OUT)])),
        edge(aliases=b"b" * 32),
        replace(before, opt_outs=frozenset([alias_of(OUT)])),
    ):
        after = changed.after(before)
        assert after.remembered(DAY, after.days[0]) is not memory
        names = [OUT]
        fresh = replace(changed, _remembered={}).remembered(DAY, changed.days[0])
        assert after.remembered(DAY, after.days[0]).find(names).tobytes() == fresh.find(names).tobytes()


def test_a_dead_salt_takes_its_memory_along() -> None:
    before = edge()
    before.remembered(DAY, before.days[0])
    assert replace(edge(), days=()).after(before)._remembered == {}

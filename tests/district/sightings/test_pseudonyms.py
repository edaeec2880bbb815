"""Pseudonyms: HMAC as published, equal to the members' aliases, another one each day."""

import hmac
import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.clock import FixedClock
from district.database import Pool
from district.members import service as members
from district.roles import connected
from district.settings import Settings
from district.sightings.batch import NO_MEMBER, pseudonyms
from district.sightings.edge import load_edges
from district.sightings.jobs import forget
from district.sightings.people import DeviceBook
from district.sightings.pseudonyms import KeyedHash, mac_bytes, stem
from tests.factories import Makers

MAC = "a483e7000001"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_keyed_hash_is_hmac_sha256(key: bytes, message: bytes) -> None:
    assert KeyedHash(key).digest(message) == hmac.digest(key, message, "sha256")


@pytest.mark.parametrize("text", ["a4:83:e7:00:00:01", "A4-83-E7-00-00-01", "a483.e700.0001", MAC])
def test_every_spelling_of_a_mac_is_the_same_device(text: str) -> None:
    assert mac_bytes(text) == bytes.fromhex(MAC)


@pytest.mark.parametrize(
    "text", ["", "a4", MAC + "00", "g483e7000001", "a4:83:e7:00:00", "１２３４５６７８９０１２"]
)
def test_what_is_no_mac_is_none(text: str) -> None:
    assert mac_bytes(text) is None


def test_source_ids_of_two_days_are_not_linked() -> None:
    assert stem(b"monday", b"a" * 16) != stem(b"tuesday", b"a" * 16)


async def device_of(pool: Pool, district_id: uuid.UUID, clock: FixedClock, mac: str) -> bytes:
    async with pool.connection() as connection:
        edge = (await load_edges(connection, now=clock.now()))[district_id]
    today = edge.today(clock.now())
    assert today is not None
    return today.devices.pseudonym(edge.aliases.pseudonym(bytes.fromhex(mac)))


async def test_a_members_device_is_found_today_and_tomorrow_under_other_pseudonyms(
    settings: Settings, clock: FixedClock, committed: Makers
) -> None:
    district = committed.district()
    info, member = committed.info(district), committed.member(district)
    members.see_device(committed.session, info, member, mac=MAC, clock=clock)
    committed.done()
    found = []
    async with connected(settings, clock, name="test") as context:
        book = DeviceBook(info)
        for _ in range(2):
            async with context.pool.connection() as connection:
                await book.refresh(connection, now=clock.now())
            device = await device_of(context.pool, district.id, clock, MAC)
            assert book.find(pseudonyms(device + b"x" * 16)).tolist() == [member.id.bytes, NO_MEMBER]
            found.append(device)
            clock.advance(timedelta(days=1))
    assert found[0] != found[1]


async def test_a_device_that_changes_hands_is_the_new_members(
    settings: Settings, clock: FixedClock, committed: Makers
) -> None:
    district = committed.district()
    info = committed.info(district)
    first, second = committed.member(district), committed.member(district)
    async with connected(settings, clock, name="test") as context:
        book = DeviceBook(info)
        for member in (first, second):
            members.see_device(committed.session, info, member, mac=MAC, clock=clock)
            committed.done()
            async with context.pool.connection() as connection:
                await book.refresh(connection, now=clock.now())
                await book.learn(connection, [first.id, second.id])
            device = await device_of(context.pool, district.id, clock, MAC)
            assert book.find(pseudonyms(device)).tolist() == [member.id.bytes]


async def test_many_devices_are_found_after_they_were_learned_and_merged(
    settings: Settings, clock: FixedClock, committed: Makers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("district.sightings.people.MERGE_AFTER", 8)
    district = committed.district()
    info, member = committed.info(district), committed.member(district)
    macs = [f"a483e70001{number:02x}" for number in range(30)]
    async with connected(settings, clock, name="test") as context:
        book = DeviceBook(info)
        for mac in macs:
            members.see_device(committed.session, info, member, mac=mac, clock=clock)
            committed.done()
            async with context.pool.connection() as connection:
                await book.refresh(connection, now=clock.now())
        devices = [await device_of(context.pool, district.id, clock, mac) for mac in macs]
    assert book.find(pseudonyms(b"".join(devices))).tolist() == [member.id.bytes] * len(macs)


async def test_a_salt_dies_two_hours_after_its_day(
    settings: Settings, clock: FixedClock, committed: Makers
) -> None:
    district = committed.district()
    async with connected(settings, clock, name="test") as context:
        device = await device_of(context.pool, district.id, clock, MAC)
        day_end = committed.info(district).day_starts_at(
            committed.info(district).trading_day(clock.now()) + timedelta(days=1)
        )
        clock.advance(day_end + timedelta(hours=1, minutes=59) - clock.now())
        assert (await forget(context.pool, district.id, now=clock.now(), kept=timedelta(days=7))).salts <= 1
        async with context.pool.connection() as connection:
            days = (await load_edges(connection, now=clock.now()))[district.id].living(clock.now())
        assert len(days) == 2
        clock.advance(timedelta(minutes=1))
        await forget(context.pool, district.id, now=clock.now(), kept=timedelta(days=7))
        async with context.pool.connection() as connection:
            days = (await load_edges(connection, now=clock.now()))[district.id].living(clock.now())
        assert len(days) == 1
        assert await device_of(context.pool, district.id, clock, MAC) != device

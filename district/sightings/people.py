"""Whose device a pseudonym is: the devices of all members of a district, under the salts that live, in memory."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.districts.service import DistrictInfo
from district.sightings.batch import NO_MEMBER, pseudonyms
from district.sightings.edge import DaySecret, living_days
from district.sightings.queries import ALIASES_OF_MEMBERS_SQL, ALIASES_SINCE_SQL, ALIASES_SQL

Pseudonyms = npt.NDArray[np.void]
Words = npt.NDArray[np.uint64]
READ_AT_ONCE = 5_000
MERGE_AFTER = 5_000
_OVERLAP = timedelta(minutes=5)
_NO_WORDS: Words = np.zeros((0, 2), np.uint64)


class DeviceBook:
    """From a device's pseudonym to its member: 32 bytes a device and day, looked up for a whole batch at once."""

    def __init__(self, district: DistrictInfo) -> None:
        self.district = district
        self._days: tuple[DaySecret, ...] = ()
        self._devices: Words = _NO_WORDS
        self._members: Words = _NO_WORDS
        self._news: dict[bytes, bytes] = {}
        self._newest: datetime | None = None

    def find(self, devices: Pseudonyms) -> Pseudonyms:
        """(n,) devices → (n,) members as 16 bytes, zeros for nobody known."""
        wanted = _words(devices)
        members = np.zeros_like(wanted)
        if len(self._devices):
            place = np.searchsorted(self._devices[:, 0], wanted[:, 0])
            place[place == len(self._devices)] = 0
            known = (self._devices[place] == wanted).all(axis=1)
            members[known] = self._members[place[known]]
        if self._news:
            for row, device in enumerate(devices.tolist()):
                member = self._news.get(device)
                if member is not None:
                    members[row] = np.frombuffer(member, np.uint64)
        return pseudonyms(members.tobytes())

    async def refresh(self, connection: AsyncConnection[TupleRow], *, now: datetime) -> None:
        """Follow the salts and take in devices seen since the last time; all of them when the salts have changed."""
        days = await living_days(connection, self.district, now=now)
        if [day.trading_day for day in days] != [day.trading_day for day in self._days]:
            await self._load(connection, days)
            return
        since = self._newest - _OVERLAP if self._newest else now - _OVERLAP
        values = {"district_id": self.district.id, "since": since}
        self._take_in(await (await connection.execute(ALIASES_SINCE_SQL, values)).fetchall())

    async def learn(self, connection: AsyncConnection[TupleRow], member_ids: Sequence[uuid.UUID]) -> None:
        """Read the devices of these members again, whatever was known of them."""
        for member_id in member_ids:
            self._forget(member_id.bytes)
        values = {"district_id": self.district.id, "member_ids": list(member_ids)}
        self._take_in(await (await connection.execute(ALIASES_OF_MEMBERS_SQL, values)).fetchall())

    async def _load(self, connection: AsyncConnection[TupleRow], days: tuple[DaySecret, ...]) -> None:
        devices: list[bytes] = []
        members: list[bytes] = []
        newest: datetime | None = None
        async with connection.transaction(), connection.cursor(name="aliases", binary=True) as cursor:
            cursor.itersize = READ_AT_ONCE
            await cursor.execute(ALIASES_SQL, {"district_id": self.district.id})
            while rows := await cursor.fetchmany(READ_AT_ONCE):
                for alias, member_id, seen_at in rows:
                    newest = seen_at if newest is None else max(newest, seen_at)
                    for day in days:
                        devices.append(day.devices.pseudonym(alias))
                        members.append(member_id.bytes)
        self._days, self._newest, self._news = days, newest, {}
        self._sort(_words(pseudonyms(b"".join(devices))), _words(pseudonyms(b"".join(members))))

    def _take_in(self, rows: Iterable[TupleRow]) -> None:
        for alias, member_id, seen_at in rows:
            self._newest = seen_at if self._newest is None else max(self._newest, seen_at)
            self._put(bytes(alias), member_id)
        if len(self._news) > MERGE_AFTER:
            self._merge()

    def _put(self, alias: bytes, member_id: uuid.UUID) -> None:
        for day in self._days:
            self._news[day.devices.pseudonym(alias)] = member_id.bytes

    def _forget(self, member: bytes) -> None:
        """Devices of this member are nobody's until they are read again."""
        mine = (self._members == np.frombuffer(member, np.uint64)).all(axis=1)
        self._members[mine] = 0
        for device, owner in self._news.items():
            if owner == member:
                self._news[device] = NO_MEMBER

    def _merge(self) -> None:
        """Put what was learned among the rest; the newer word holds."""
        fresh = _words(pseudonyms(b"".join(self._news)))
        owners = _words(pseudonyms(b"".join(self._news.values())))
        self._news = {}
        place = np.searchsorted(self._devices[:, 0], fresh[:, 0])
        place[place == len(self._devices)] = 0
        known = (
            (self._devices[place] == fresh).all(axis=1)
            if len(self._devices)
            else np.zeros(len(fresh), np.bool_)
        )
        self._members[place[known]] = owners[known]
        self._sort(
            np.concatenate((self._devices, fresh[~known])), np.concatenate((self._members, owners[~known]))
        )

    def _sort(self, devices: Words, members: Words) -> None:
        order = np.argsort(devices[:, 0], kind="stable")
        self._devices, self._members = devices[order], members[order]


def _words(values: Pseudonyms) -> Words:
    return np.frombuffer(values.tobytes(), np.uint64).reshape(-1, 2)

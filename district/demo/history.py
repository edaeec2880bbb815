"""Four weeks of past visits, labelled as demo data: returning members and charts have something behind them.

Made from a seed, so that the walkers find the same devices again without any MAC address being kept.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id
from district.demo import curves
from district.demo.shops import StoreSpot
from district.districts.service import DistrictInfo
from district.members.service import alias_of, bucket_of, is_randomised
from district.members.texts import ASKED, ConsentText, consent_text
from push.consent import Purpose

SEED = 20260403
MEMBERS = 2_000
RETURNING = 1_200
"""So many of them may come again while the demo runs; the others are only remembered."""
PASSERS_BY = 8_000
WEEKS = 4
OPENS_AT, CLOSES_AT = time(8), time(22)
VISITS_A_MEMBER = 3.4
ZONES_MOST, STORES_MOST = 3, 3
SHARE_MARKETING, SHARE_LOCATION, SHARE_CHINESE = 0.86, 0.82, 0.25
SHARE_ROTATING = 0.15
FIX_EVERY_S = 45.0
STILL_HERE = timedelta(minutes=30)
"""Nobody's past ends later than this before now: who is here now is the walkers' to say."""
DAY_LATEST = timedelta(hours=23)
_NAMESPACE = uuid.UUID("0a4c6f0e-6a0e-5d0e-9a51-6f2d8b6f4a10")


def history_mac(number: int) -> str:
    """The device of a past member, by the member's number; some have a rotating (locally administered) address."""
    first = "da" if number % round(1 / SHARE_ROTATING) == 0 else "3c"
    return f"{first}a1e0{number:06x}"


@dataclass(frozen=True, kw_only=True)
class Past:
    """What was made."""

    members: int
    visits: int


@dataclass(frozen=True, kw_only=True)
class _Stay:
    """One person's time at one place."""

    kind: str
    place_id: uuid.UUID | None
    started_at: datetime
    ended_at: datetime


def make(
    session: Session,
    district: DistrictInfo,
    *,
    zone_ids: Sequence[uuid.UUID],
    stores: Sequence[StoreSpot],
    clock: Clock,
    members: int = MEMBERS,
    passers_by: int = PASSERS_BY,
) -> Past:
    """Add past members and their visits, to half an hour ago, in the caller's transaction."""
    random = np.random.default_rng(SEED)
    today = district.trading_day(clock.now())
    first = today - timedelta(weeks=WEEKS)
    maker = _Maker(district=district, random=random, first=first, zone_ids=zone_ids, stores=stores)
    raw = session.connection().connection.driver_connection
    assert isinstance(raw, Connection)  # noqa: S101 the only driver there is
    ids = maker.add_members(raw, members)
    visits = maker.add_visits(raw, ids, passers_by, until=clock.now() - STILL_HERE)
    return Past(members=members, visits=visits)


class _Maker:
    def __init__(
        self,
        *,
        district: DistrictInfo,
        random: np.random.Generator,
        first: date,
        zone_ids: Sequence[uuid.UUID],
        stores: Sequence[StoreSpot],
    ) -> None:
        self._district = district
        self._random = random
        self._first = first
        self._zone_ids = zone_ids
        self._store_ids = [uuid.UUID(store.id) for store in stores]
        self._categories = [store.category for store in stores]
        # A few stores and streets draw most people: weights fall as 1/rank.
        self._store_weights = _falling(len(stores), 0.8)
        self._zone_weights = _falling(len(zone_ids), 0.6)

    def add_members(self, raw: Connection[TupleRow], count: int) -> list[tuple[uuid.UUID, int]]:
        """Members who joined on some day of the four weeks, their devices and what they agreed to; (id, first day) each."""
        days = np.minimum(
            curves.arrival_days(self._first, WEEKS * 7 - 1, count, self._random),
            curves.arrival_days(self._first, WEEKS * 7 - 1, count, self._random),
        )
        joined = [
            self._instant(int(day), second) for day, second in zip(days, self._seconds(count), strict=True)
        ]
        ids = [uuid.uuid5(_NAMESPACE, f"{self._district.slug}:{number}") for number in range(count)]
        spoken = np.where(self._random.random(count) < SHARE_CHINESE, "zh", "en").tolist()
        self._copy_members(raw, ids, spoken, joined)
        self._copy_devices(raw, ids, joined)
        self._copy_consents(raw, ids, spoken, joined)
        return list(zip(ids, days.tolist(), strict=True))

    def _copy_members(
        self, raw: Connection[TupleRow], ids: list[uuid.UUID], spoken: list[str], joined: list[datetime]
    ) -> None:
        columns = "district_id, id, language, bucket, state, joined_at, is_demo"
        with raw.cursor() as cursor, cursor.copy(f"COPY member ({columns}) FROM STDIN") as copy:
            for member_id, language, at in zip(ids, spoken, joined, strict=True):
                copy.write_row(
                    (self._district.id, member_id, language, bucket_of(member_id), "active", at, True)
                )

    def _copy_devices(self, raw: Connection[TupleRow], ids: list[uuid.UUID], joined: list[datetime]) -> None:
        columns = "district_id, alias, member_id, randomised, first_seen_at, last_seen_at"
        with raw.cursor() as cursor, cursor.copy(f"COPY device_alias ({columns}) FROM STDIN") as copy:
            for number, (member_id, at) in enumerate(zip(ids, joined, strict=True)):
                mac = history_mac(number)
                copy.write_row(
                    (self._district.id, alias_of(self._district, mac), member_id, is_randomised(mac), at, at)
                )

    def _copy_consents(
        self, raw: Connection[TupleRow], ids: list[uuid.UUID], spoken: list[str], joined: list[datetime]
    ) -> None:
        texts = {
            (language, purpose): consent_text(purpose, channel, language)
            for language in ("en", "zh")
            for purpose, channel in ASKED
        }
        self._keep_texts(raw, list(texts.values()), min(joined))
        shares = {Purpose.ACCESS: 1.0, Purpose.MARKETING: SHARE_MARKETING, Purpose.LOCATION: SHARE_LOCATION}
        columns = "district_id, id, member_id, purpose, channel, granted, text_hash, action, source, at"
        with raw.cursor() as cursor, cursor.copy(f"COPY consent ({columns}) FROM STDIN") as copy:
            for member_id, language, at in zip(ids, spoken, joined, strict=True):
                for purpose, channel in ASKED:
                    said = bool(self._random.random() < shares[purpose])
                    shown = texts[language, purpose].hash
                    who = (self._district.id, new_id(), member_id)
                    copy.write_row((*who, purpose, channel or "", said, shown, "box", "demo", at))

    def _keep_texts(self, raw: Connection[TupleRow], texts: Sequence[ConsentText], at: datetime) -> None:
        with raw.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO consent_text (district_id, text_hash, purpose, language, text, first_shown_at)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(self._district.id, one.hash, one.purpose, one.language, one.text, at) for one in texts],
            )

    def add_visits(
        self,
        raw: Connection[TupleRow],
        members: Sequence[tuple[uuid.UUID, int]],
        passers_by: int,
        *,
        until: datetime,
    ) -> int:
        """Stays of members on and after the day they joined, and of devices that nobody knows."""
        columns = "district_id, trading_day, id, place_kind, place_id, member_id, device, started_at, ended_at, fixes, is_demo"
        count = 0
        with raw.cursor() as cursor, cursor.copy(f"COPY visit ({columns}) FROM STDIN") as copy:
            stays = chain(self._stays(members, passers_by), self._today(members, passers_by, until))
            for member_id, device, stay in stays:
                person = member_id.bytes if member_id else device or b""
                name = f"{person.hex()}:{stay.kind}:{stay.place_id}:{stay.started_at.isoformat()}"
                fixes = max(2, int((stay.ended_at - stay.started_at).total_seconds() / FIX_EVERY_S))
                copy.write_row(
                    (
                        self._district.id,
                        self._district.trading_day(stay.started_at),
                        uuid.uuid5(_NAMESPACE, name),
                        stay.kind,
                        stay.place_id,
                        member_id,
                        device,
                        stay.started_at,
                        stay.ended_at,
                        min(fixes, 32_000),
                        True,
                    )
                )
                count += 1
        return count

    def _stays(
        self, members: Sequence[tuple[uuid.UUID, int]], passers_by: int
    ) -> Iterator[tuple[uuid.UUID | None, bytes | None, _Stay]]:
        for member_id, first_day in members:
            left = WEEKS * 7 - first_day
            times = min(left, 1 + int(self._random.poisson((VISITS_A_MEMBER - 1) * left / (WEEKS * 7))))
            days = {first_day} | set(
                first_day
                + curves.arrival_days(self._first + timedelta(days=first_day), left, times, self._random)
            )
            for day in sorted(days):
                for stay in self._outing(int(day)):
                    yield member_id, None, stay
        for day in curves.arrival_days(self._first, WEEKS * 7, passers_by, self._random):
            device = self._random.bytes(16)
            for stay in self._outing(int(day)):
                yield None, device, stay

    def _today(
        self, members: Sequence[tuple[uuid.UUID, int]], passers_by: int, until: datetime
    ) -> Iterator[tuple[uuid.UUID | None, bytes | None, _Stay]]:
        """Who came today and has left: as many as on another day, less those who are still to come."""
        days = WEEKS * 7
        chosen = self._random.permutation(len(members))[: int(len(members) * VISITS_A_MEMBER / days)]
        people: list[tuple[uuid.UUID | None, bytes | None]] = [
            (members[int(index)][0], None) for index in chosen
        ]
        people += [(None, self._random.bytes(16)) for _ in range(passers_by // days)]
        for member_id, device in people:
            outing = list(self._outing(days))
            if outing[0].ended_at <= until:
                for stay in outing:
                    yield member_id, device, stay

    def _outing(self, day: int) -> Iterator[_Stay]:
        """One person's day in the district: the district itself, some zones and stores one after the other."""
        start = self._instant(day, float(self._seconds(1)[0]))
        stay_s = float(curves.stay_s(curves.VISIT_MEDIAN, curves.VISIT_SPREAD, self._random)[0])
        latest = self._instant(day, DAY_LATEST.total_seconds())
        end = min(start + timedelta(seconds=stay_s), latest)
        yield _Stay(kind="district", place_id=None, started_at=start, ended_at=end)
        yield from self._places("zone", self._zone_ids, self._zone_weights, ZONES_MOST, start, end)
        yield from self._places("store", self._store_ids, self._store_weights, STORES_MOST, start, end)

    def _places(  # noqa: PLR0917 one stay after the other
        self,
        kind: str,
        ids: Sequence[uuid.UUID],
        weights: curves.Floats,
        most: int,
        start: datetime,
        end: datetime,
    ) -> Iterator[_Stay]:
        count = min(int(self._random.integers(1, most + 1)), len(ids))
        if not count:
            return
        at = start + timedelta(seconds=float(self._random.uniform(30, 240)))
        for index in self._random.choice(len(ids), size=count, replace=False, p=weights):
            stay_s = (
                curves.store_stay_s(self._categories[index], self._random)
                if kind == "store"
                else float(self._random.uniform(120, 1200))
            )
            until = at + timedelta(seconds=stay_s)
            if until > end:
                return
            yield _Stay(kind=kind, place_id=ids[index], started_at=at, ended_at=until)
            at = until + timedelta(seconds=float(self._random.uniform(60, 420)))

    def _seconds(self, count: int) -> curves.Floats:
        return curves.arrival_seconds(count, self._random, opens=OPENS_AT, closes=CLOSES_AT)

    def _instant(self, day: int, seconds: float) -> datetime:
        midnight = datetime.combine(self._first + timedelta(days=day), time(0), tzinfo=self._district.zone)
        return (midnight + timedelta(seconds=seconds)).astimezone(UTC)


def _falling(count: int, power: float) -> curves.Floats:
    """(count,) float64 shares, falling with the rank."""
    if not count:
        return np.zeros(0)
    weights = 1.0 / np.arange(1, count + 1) ** power
    shares: curves.Floats = weights / weights.sum()
    return shares

"""Tills and coupons that are locked because codes were refused too often: shown to operators, and lifted by them.

A lock is nothing but a count that has reached its limit in its period, so lifting one forgets the count. Who did it is
counted in its place and written to the log; while the period lasts it can be taken back.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.clock import Clock
from district.problems import NotFound
from district.redemptions import lock_queries
from district.redemptions.guesses import OFFER_LIMIT, UNKNOWN_LIMIT, UNKNOWN_PERIOD, period_start
from district.redemptions.lock_schemas import LiftedOut, LockKind, LockOut, LocksOut

MOST_SHOWN = 200
KEPT = timedelta(days=1)
LIFTED = "lifted:"
PREFIXES: Mapping[LockKind, str] = {
    LockKind.TILL: "unknown:till:",
    LockKind.KEY: "unknown:key:",
    LockKind.COUPON: "offer:",
    LockKind.NUMBERS: "unlock:",
}
"""What each is counted under, before the id."""
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is locked."""

    kind: LockKind
    id: uuid.UUID

    @property
    def lock_id(self) -> str:
        """How operators name the lock."""
        return f"{self.kind}-{self.id}"

    @property
    def counted(self) -> str:
        """What its tries are counted under."""
        return f"{PREFIXES[self.kind]}{self.id}"

    @property
    def most(self) -> int:
        """From so many tries on it is locked."""
        return UNKNOWN_LIMIT if self.kind in {LockKind.TILL, LockKind.KEY} else OFFER_LIMIT


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a subject is called."""

    name: dict[str, str]
    place: dict[str, str]
    campaign_id: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The tries of one period. ``lifted_by``: the account that had them forgotten; None while they hold."""

    subject: Subject
    tries: int
    since: datetime
    lifted_by: uuid.UUID | None = None


NAMELESS = Named(name={"zh": "", "en": ""}, place={"zh": "", "en": ""})
"""Of what is gone."""


def of_lock(lock_id: str) -> Subject:
    """The subject that a lock's id names; the id has the form of ``LockId``."""
    kind, _, id_ = lock_id.partition("-")
    return Subject(kind=LockKind(kind), id=uuid.UUID(id_))


def of_count(counted: str) -> Subject | None:
    """The subject that is counted under this; None for what is no till's and no coupon's."""
    for kind, prefix in PREFIXES.items():
        if counted.startswith(prefix):
            try:
                return Subject(kind=kind, id=uuid.UUID(counted.removeprefix(prefix)))
            except ValueError:
                return None
    return None


def standing(session: Session, district_id: uuid.UUID, *, clock: Clock) -> LocksOut:
    """What is locked now, and what was lifted within a day."""
    values = _now(district_id, clock) | {"since": clock.machine_now() - KEPT, "limit": MOST_SHOWN}
    limits = {"most_unknown": UNKNOWN_LIMIT, "most_refused": OFFER_LIMIT}
    locked = [
        Counted(subject=subject, tries=tries, since=values["period_start"])
        for counted, tries in _rows(session, lock_queries.STANDING_SQL, values | limits)
        if (subject := of_count(counted)) is not None
    ]
    lifted = [
        Counted(subject=subject, tries=tries, since=since, lifted_by=account_id)
        for counted, since, tries in _rows(session, lock_queries.LIFTED_SQL, values)
        for account_id, subject in _lifted(counted)
    ]
    names = _names(session, district_id, {one.subject for one in locked + lifted})
    who = dict(_rows(session, lock_queries.WHO_SQL, {"ids": [one.lifted_by for one in lifted]}))
    return LocksOut(
        items=[_locked(one, names[one.subject]) for one in locked],
        lifted=[_was_lifted(one, names[one.subject], who) for one in lifted],
    )


def lift(session: Session, caller: Principal, subject: Subject, *, clock: Clock) -> int:
    """Open it before its time: its tries are forgotten, and it is noted who did that. Raises: NotFound when it is open."""
    values = _now(caller.district_id, clock) | {"subject": subject.counted, "most": subject.most}
    row = next(iter(_rows(session, lock_queries.LIFT_SQL, values)), None)
    if row is None:
        raise NotFound("It is not locked, or no more.", detail_zh="它没有被锁定，或锁定已经解除。")
    noted = f"{LIFTED}{caller.subject_id}:{subject.counted}"
    _run(session, lock_queries.NOTE_LIFTED_SQL, values | {"noted": noted, "count": row[0]})
    log.warning(
        "lock.lifted",
        district_id=str(caller.district_id),
        lock=subject.lock_id,
        tries=row[0],
        account_id=str(caller.subject_id),
    )
    return int(row[0])


def lock_again(session: Session, caller: Principal, subject: Subject, *, clock: Clock) -> bool:
    """Take the lifting back; False when the period is over, and it would be open by now."""
    values = _now(caller.district_id, clock) | {"subject": subject.counted}
    noted = {"noted_by_any": f"{LIFTED}%:{subject.counted}"}
    tries = sum(count for (count,) in _rows(session, lock_queries.FORGET_LIFTED_SQL, values | noted))
    if not tries:
        return False
    _run(session, lock_queries.COUNT_AGAIN_SQL, values | {"count": tries})
    log.warning(
        "lock.set_again",
        district_id=str(caller.district_id),
        lock=subject.lock_id,
        tries=tries,
        account_id=str(caller.subject_id),
    )
    return True


def _now(district_id: uuid.UUID, clock: Clock) -> dict[str, Any]:
    return {"district_id": district_id, "period_start": period_start(clock.machine_now())}


def _rows(session: Session, statement: str, values: Mapping[str, Any]) -> list[Any]:
    return list(session.connection().exec_driver_sql(statement, dict(values)).all())


def _run(session: Session, statement: str, values: Mapping[str, Any]) -> None:
    session.connection().exec_driver_sql(statement, dict(values))


def _lifted(noted: str) -> Iterable[tuple[uuid.UUID, Subject]]:
    account, _, counted = noted.removeprefix(LIFTED).partition(":")
    subject = of_count(counted)
    if subject is not None:
        yield uuid.UUID(account), subject


def _names(session: Session, district_id: uuid.UUID, subjects: set[Subject]) -> dict[Subject, Named]:
    """What each is called; nothing for what is gone."""
    found: dict[Subject, Named] = dict.fromkeys(subjects, NAMELESS)
    for kinds, statement in (
        ({LockKind.TILL}, lock_queries.TILLS_SQL),
        ({LockKind.KEY}, lock_queries.KEYS_SQL),
        ({LockKind.COUPON, LockKind.NUMBERS}, lock_queries.COUPONS_SQL),
    ):
        ids = [one.id for one in subjects if one.kind in kinds]
        rows = _rows(session, statement, {"district_id": district_id, "ids": ids}) if ids else []
        for id_, name, place, place_zh, *more in rows:
            named = Named(
                name={"zh": name, "en": name},
                place={"zh": place_zh, "en": place},
                campaign_id=more[0] if more else None,
            )
            found |= {one: named for one in subjects if one.id == id_ and one.kind in kinds}
    return found


def _locked(one: Counted, named: Named) -> LockOut:
    return LockOut(
        id=one.subject.lock_id,
        kind=one.subject.kind,
        subject_id=one.subject.id,
        name=named.name,
        place=named.place,
        campaign_id=named.campaign_id,
        tries=one.tries,
        most=one.subject.most,
        since=one.since,
        until=one.since + UNKNOWN_PERIOD,
    )


def _was_lifted(one: Counted, named: Named, who: Mapping[uuid.UUID, str]) -> LiftedOut:
    account_id = one.lifted_by or uuid.UUID(int=0)
    return LiftedOut(
        id=one.subject.lock_id,
        kind=one.subject.kind,
        subject_id=one.subject.id,
        name=named.name,
        place=named.place,
        tries=one.tries,
        account_id=account_id,
        lifted_by=who.get(account_id, ""),
        since=one.since,
        until=one.since + UNKNOWN_PERIOD,
    )

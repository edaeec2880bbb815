"""What the engine knows of members when it decides: loaded once when a member triggers something, then only refreshed."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import monotonic
from district.database import Pool
from district.engine.queries import CONSENTS_SQL, HISTORY_SQL, MEMBERS_SQL, SLOTS_SQL
from district.members.models import MemberState
from district.offers.issuing import newest_consents
from push.audience import NEVER_BEFORE, Familiarity, MemberContext, VisitHistory, VisitScope
from push.campaign import Campaign
from push.consent import Channel
from push.decision import OfferDraft
from push.identifiers import MemberId
from push.limits import QuietHours
from push.wording import Language

PRESENT_VISIT = timedelta(minutes=30)
"""A visit that ended this lately may be the one that is going on."""
REFRESH_AFTER_S = 600.0
MAX_CONTEXTS = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """A member's earlier visits to one place."""

    kind: str
    place_id: uuid.UUID | None
    merchant_id: uuid.UUID | None
    property_id: uuid.UUID | None
    history: VisitHistory


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A member as loaded."""

    context: MemberContext
    stays: tuple[Stay, ...] = ()
    is_personalised: bool = True
    """False: nothing that he did before is looked at, so that he is neither new nor returning."""
    loaded_at_s: float = field(default_factory=monotonic)

    def for_campaign(self, campaign: Campaign) -> MemberContext:
        """The context with the histories that this campaign's audience asks for."""
        if campaign.rule.audience.familiarity is Familiarity.EVERYONE or not self.is_personalised:
            return self.context
        return replace(self.context, visits={scope: self._history(scope, campaign) for scope in VisitScope})

    def _history(self, scope: VisitScope, campaign: Campaign) -> VisitHistory:
        return _together(stay.history for stay in self.stays if self._counts(stay, scope, campaign))

    def _counts(self, stay: Stay, scope: VisitScope, campaign: Campaign) -> bool:
        match scope:
            case VisitScope.DISTRICT:
                return stay.kind == "district"
            case VisitScope.MERCHANT:
                return stay.merchant_id == campaign.merchant_id
            case VisitScope.STORE:
                return stay.place_id in campaign.store_ids
            case VisitScope.PROPERTY:
                return stay.property_id is not None and stay.property_id in self._properties(campaign)

    def _properties(self, campaign: Campaign) -> set[uuid.UUID | None]:
        return {stay.property_id for stay in self.stays if stay.place_id in campaign.store_ids}


class Contexts:
    """The members that were loaded, each until a notice or ten minutes say otherwise."""

    def __init__(self, pool: Pool, district_id: uuid.UUID) -> None:
        self._pool = pool
        self._district_id = district_id
        self._known: dict[uuid.UUID, Known] = {}

    async def of(self, member_ids: Iterable[uuid.UUID], *, now: datetime) -> Mapping[uuid.UUID, Known]:
        """What is known of these members; a member that does not exist is erased. Raises: psycopg.Error."""
        wanted = set(member_ids)
        oldest_s = monotonic() - REFRESH_AFTER_S
        missing = [one for one in wanted if one not in self._known or self._known[one].loaded_at_s < oldest_s]
        if missing and len(self._known) + len(missing) > MAX_CONTEXTS:
            self._known.clear()
            missing = list(wanted)
        # Taken before anything is awaited: a notice may make us forget them meanwhile.
        found = {one: self._known[one] for one in wanted.difference(missing)}
        if missing:
            async with self._pool.connection() as connection:
                loaded = await load(connection, self._district_id, missing, now=now)
            self._known.update(loaded)
            found |= loaded
        return found

    def forget(self, member_id: uuid.UUID | None) -> None:
        """Load this member, or all of them, again when they are next asked for."""
        if member_id is None:
            self._known.clear()
        else:
            self._known.pop(member_id, None)

    def took(self, draft: OfferDraft) -> None:
        """Remember the slots that an issued offer has taken."""
        known = self._known.get(draft.member_id)
        if known is None:
            return
        taken = {scope: tuple(times) for scope, times in known.context.taken.items()}
        for reservation in draft.reservations:
            taken[reservation.scope] = (*taken.get(reservation.scope, ()), draft.at)
        self._known[draft.member_id] = replace(known, context=replace(known.context, taken=taken))


async def load(
    connection: AsyncConnection[TupleRow],
    district_id: uuid.UUID,
    member_ids: Sequence[uuid.UUID],
    *,
    now: datetime,
) -> dict[uuid.UUID, Known]:
    """Read members, consents, taken cap slots and earlier visits, each with one statement."""
    values = {"district_id": district_id, "members": list(member_ids), "before": now - PRESENT_VISIT}
    members = await (await connection.execute(MEMBERS_SQL, values)).fetchall()
    consents = newest_consents(await (await connection.execute(CONSENTS_SQL, values)).fetchall())
    taken: dict[uuid.UUID, dict[str, tuple[datetime, ...]]] = {}
    for member_id, scope, at in await (await connection.execute(SLOTS_SQL, values)).fetchall():
        scopes = taken.setdefault(member_id, {})
        scopes[scope] = (*scopes.get(scope, ()), at)
    stays: dict[uuid.UUID, list[Stay]] = {}
    for row in await (await connection.execute(HISTORY_SQL, values)).fetchall():
        stays.setdefault(row[0], []).append(_stay(row))
    nobody = {
        member_id: Known(context=MemberContext(member_id=MemberId(member_id), is_erased=True))
        for member_id in member_ids
    }
    found = {
        row[0]: Known(
            context=replace(_context(row), taken=taken.get(row[0], {}), **_consents(consents, row[0])),
            stays=tuple(stays.get(row[0], ())) if row[7] else (),
            is_personalised=row[7],
        )
        for row in members
    }
    return nobody | found


def _consents(consents: Mapping[uuid.UUID, Any], member_id: uuid.UUID) -> dict[str, Any]:
    return {"consents": consents[member_id]} if member_id in consents else {}


def _context(row: TupleRow) -> MemberContext:
    id_, language, zone, quiet_from, quiet_until, bucket, state, _is_personalised = row
    return MemberContext(
        member_id=MemberId(id_),
        endpoints=frozenset({Channel.INBOX}),
        language=_language(language),
        zone=_zone(zone),
        quiet=_quiet(quiet_from, quiet_until),
        bucket=bucket,
        is_erased=state != MemberState.ACTIVE,
    )


def _language(text: str) -> Language | None:
    head = text.partition("-")[0]
    return Language(head) if head in set(Language) else None


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _quiet(start: int | None, end: int | None) -> QuietHours | None:
    if start is None or end is None:
        return None
    return QuietHours(start=_clock_time(start), end=_clock_time(end))


def _clock_time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def _stay(row: TupleRow) -> Stay:
    _, kind, place_id, merchant_id, property_id, count, first_at, last_at = row
    return Stay(
        kind=kind,
        place_id=place_id,
        merchant_id=merchant_id,
        property_id=property_id,
        history=VisitHistory(count=count, first_at=first_at, last_at=last_at),
    )


def _together(histories: Iterable[VisitHistory]) -> VisitHistory:
    every = list(histories)
    if not every:
        return NEVER_BEFORE
    firsts = [one.first_at for one in every if one.first_at is not None]
    lasts = [one.last_at for one in every if one.last_at is not None]
    return VisitHistory(
        count=sum(one.count for one in every),
        first_at=min(firsts, default=None),
        last_at=max(lasts, default=None),
    )

"""What the engine knows of members when it decides: loaded once when a member triggers something, then only refreshed."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from district.audiences.contexts import Known, asked_by, load
from district.clock import monotonic
from district.database import Pool
from district.districts.service import DistrictInfo
from push.audience_asked import NOTHING, Asked
from push.campaign import Campaign
from push.decision import OfferDraft

REFRESH_AFTER_S = 600.0
MAX_CONTEXTS = 200_000


class Contexts:
    """The members that were loaded, each until a notice or ten minutes say otherwise."""

    def __init__(self, pool: Pool, district: DistrictInfo) -> None:
        self._pool = pool
        self._district = district
        self._known: dict[uuid.UUID, Known] = {}
        self._wanted = NOTHING
        self._loading: set[uuid.UUID] = set()
        """Whom a reading that is under way still speaks the truth of."""

    def want(self, campaigns: Iterable[Campaign]) -> None:
        """Load from now on what these campaigns ask of members; who was loaded for others is loaded again."""
        wanted = NOTHING
        for campaign in campaigns:
            wanted = wanted.together(asked_by(campaign))
        if wanted != self._wanted:
            self._wanted = wanted
            self.forget(None)

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
            loaded = await self._load(missing, self._wanted, now=now)
            self._known.update((one, loaded[one]) for one in self._loading.intersection(loaded))
            found |= loaded
        return found

    async def _load(
        self, missing: list[uuid.UUID], asked: Asked, *, now: datetime
    ) -> Mapping[uuid.UUID, Known]:
        self._loading = set(missing)
        async with self._pool.connection() as connection:
            return await load(connection, self._district, missing, wanted=asked, now=now)

    def forget(self, member_id: uuid.UUID | None) -> None:
        """Load this member, or all of them, again when they are next asked for."""
        if member_id is None:
            self._known.clear()
            self._loading.clear()
        else:
            self._known.pop(member_id, None)
            self._loading.discard(member_id)

    def took(self, draft: OfferDraft) -> None:
        """Remember the slots that an issued offer has taken."""
        known = self._known.get(draft.member_id)
        if known is None:
            return
        taken = {scope: tuple(times) for scope, times in known.context.taken.items()}
        for reservation in draft.reservations:
            taken[reservation.scope] = (*taken.get(reservation.scope, ()), draft.at)
        self._known[draft.member_id] = replace(known, context=replace(known.context, taken=taken))

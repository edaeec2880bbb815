"""Exposures: who got an offer, and who would have got it at that moment had he not been held out.

Both arms pass the same checks in the same transaction, so both count the same people. A ghost takes the slots of its
own campaign's cap, as an offer does, so that a member who is held out is counted as often as one who is treated; it
takes no slot that other campaigns share, no stock and no budget.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.offers import exposure_queries as queries
from district.offers import policies, reservations
from district.offers.issuing import Candidate, IssuedOffer, Truth, waves
from push.arbitration import Outcome, changes
from push.decision import OfferDraft, Refusal
from push.holdout import Arm
from push.limits import Reservation

Connection = AsyncConnection[TupleRow]
_Key = tuple[uuid.UUID, uuid.UUID, str]
_Seen = tuple[OfferDraft, Arm, uuid.UUID | None]


def ghosts_of(refusals: Iterable[Refusal]) -> tuple[OfferDraft, ...]:
    """The offers that would have been made to members who are held out."""
    return tuple(one.ghost for one in refusals if one.ghost is not None)


async def record(
    connection: Connection,
    district_id: uuid.UUID,
    *,
    issued: Sequence[IssuedOffer],
    refusals: Sequence[Refusal],
    truth: Truth,
    now: datetime,
) -> tuple[Refusal, ...]:
    """Write the exposures of both arms and what the moments cost merchants' shares, in the issuing transaction.

    The refusals come back, without a ghost where the database knows that no offer would have been made.
    The members of all ghosts are locked already, as those of drafts are.
    """
    haunting = [
        (one, one.ghost, one.arm) for one in refusals if one.ghost is not None and one.arm is not None
    ]
    ghosts = [truth.judge(ghost, now) for _, ghost, _ in haunting]
    standing = await _standing(
        connection, district_id, [one for one in ghosts if isinstance(one, Candidate)], issued=issued, now=now
    )
    seen: list[_Seen] = [(one.draft, Arm.TREATED, one.id) for one in issued]
    seen += [(ghost, arm, None) for _, ghost, arm in haunting if _key(ghost) in standing]
    await _insert(connection, district_id, seen)
    await _serve(connection, district_id, issued, now=now)
    return tuple(
        replace(one, ghost=None) if one.ghost is not None and _key(one.ghost) not in standing else one
        for one in refusals
    )


async def _standing(
    connection: Connection,
    district_id: uuid.UUID,
    candidates: Sequence[Candidate],
    *,
    issued: Sequence[IssuedOffer],
    now: datetime,
) -> frozenset[_Key]:
    """Of these ghosts, those whose offers the caps and the stock would have let through; their own slots are taken."""
    if not candidates:
        return frozenset()
    values = _keys(one.draft for one in candidates) | {"district_id": district_id}
    known = set(await (await connection.execute(queries.KNOWN_OCCASIONS_SQL, values)).fetchall())
    stocked = {row[0] for row in await (await connection.execute(queries.STOCKED_SQL, values)).fetchall()}
    taken = await _taken(connection, district_id, candidates)
    later = {one.id: one.draft.at for one in issued}
    fresh = [
        one
        for one in candidates
        if _key(one.draft) not in known
        and one.draft.campaign_id in stocked
        and not any(_is_full(wanted, one.draft, taken, later) for wanted in _shared(one.draft))
    ]
    capped: set[uuid.UUID] = set()
    own = [replace(one, draft=replace(one.draft, reservations=_own(one.draft))) for one in fresh]
    for wave in waves(own):
        full = await reservations.take_slots(connection, district_id, wave, now=now)
        lost = [one for one in wave if one.offer_id in full]
        if lost:
            members, offers = [one.draft.member_id for one in lost], [one.offer_id for one in lost]
            freed = {"district_id": district_id, "members": members, "offers": offers}
            await connection.execute(queries.RELEASE_OWN_SQL, freed)
        capped |= full
    return frozenset(_key(one.draft) for one in own if one.offer_id not in capped)


async def _taken(
    connection: Connection, district_id: uuid.UUID, candidates: Sequence[Candidate]
) -> Mapping[tuple[uuid.UUID, str], Sequence[tuple[datetime, uuid.UUID]]]:
    """The slots taken of all shared scopes, by member and scope: when, and by which offer."""
    scopes = sorted({wanted.scope for one in candidates for wanted in _shared(one.draft)})
    members = sorted({one.draft.member_id for one in candidates})
    values = {"district_id": district_id, "members": members, "scopes": scopes}
    found: dict[tuple[uuid.UUID, str], list[tuple[datetime, uuid.UUID]]] = {}
    for member_id, scope, at, offer_id in await (
        await connection.execute(queries.TAKEN_SQL, values)
    ).fetchall():
        found.setdefault((member_id, scope), []).append((at, offer_id))
    return found


def _is_full(
    wanted: Reservation,
    draft: OfferDraft,
    taken: Mapping[tuple[uuid.UUID, str], Sequence[tuple[datetime, uuid.UUID]]],
    later: Mapping[uuid.UUID, datetime],
) -> bool:
    """Whether a shared cap would have refused it; what went out in its stead, at that moment or after, does not count."""
    held = [
        at
        for at, offer_id in taken.get((draft.member_id, wanted.scope), ())
        if at > wanted.reusable_at_or_before and not (offer_id in later and later[offer_id] >= draft.at)
    ]
    return wanted.is_limit and len(held) >= wanted.slots


def _is_own(wanted: Reservation, draft: OfferDraft) -> bool:
    return str(draft.campaign_id) in wanted.scope


def _own(draft: OfferDraft) -> tuple[Reservation, ...]:
    return tuple(one for one in draft.reservations if _is_own(one, draft))


def _shared(draft: OfferDraft) -> tuple[Reservation, ...]:
    return tuple(one for one in draft.reservations if not _is_own(one, draft))


def _key(draft: OfferDraft) -> _Key:
    return draft.campaign_id, draft.member_id, draft.occurrence_key


def _keys(drafts: Iterable[OfferDraft]) -> dict[str, Any]:
    every = list(drafts)
    return {
        "campaigns": [one.campaign_id for one in every],
        "members": [one.member_id for one in every],
        "keys": [one.occurrence_key for one in every],
    }


async def _insert(connection: Connection, district_id: uuid.UUID, seen: Sequence[_Seen]) -> None:
    if not seen:
        return
    drafts = [draft for draft, _, _ in seen]
    values = {
        "district_id": district_id,
        **_keys(drafts),
        "versions": [one.campaign_version for one in drafts],
        "merchants": [one.merchant_id for one in drafts],
        "arms": [arm.value for _, arm, _ in seen],
        "at": [one.at for one in drafts],
        "offers": [offer_id for _, _, offer_id in seen],
        "kinds": [one.appeal.kind for one in drafts],
        "chances": [one.appeal.chance for one in drafts],
        "scores": [one.score for one in drafts],
        "features": ["{" + ",".join(map(repr, one.appeal.features)) + "}" for one in drafts],
        "models": [one.appeal.model_version for one in drafts],
        "shares": [one.holdout[0] if one.holdout else None for one in drafts],
        "salts": [one.holdout[1] if one.holdout else None for one in drafts],
    }
    await connection.execute(queries.INSERT_EXPOSURES_SQL, values)


async def _serve(
    connection: Connection, district_id: uuid.UUID, issued: Sequence[IssuedOffer], *, now: datetime
) -> None:
    """Count who was served, and let prices follow the moments at which several merchants competed."""
    drafts = [one.draft for one in issued]
    if not drafts:
        return
    fairness = (await policies.load(connection, district_id)).fairness
    changed = changes(Outcome(merchants=one.rivals, winner=one.merchant_id) for one in drafts)
    merchants = sorted(
        {one.merchant_id for one in drafts} | set(changed), key=str
    )  # an operator's is nobody's
    served = [sum(one.merchant_id == merchant for one in drafts) for merchant in merchants]
    moves = [changed.get(merchant) for merchant in merchants]
    values = {
        "district_id": district_id,
        "now": now,
        "merchants": merchants,
        "steps": [move.step_minor(fairness) if move else 0.0 for move in moves],
        "served": served,
        "competed": [move.competed if move else 0 for move in moves],
        "won": [move.won if move else 0 for move in moves],
    }
    await connection.execute(queries.SERVE_SQL, values)

"""Issuing: a batch of drafts becomes offers, taken cap slots and stock, and queued messages in one commit."""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.audiences import rechecks
from district.districts.service import DistrictInfo
from district.members.newest_consents import newest_consents
from district.offers import exposures, offline, pools, queries, reservations, telling, terms
from district.offers.issuing import (
    Batch,
    Candidate,
    IssuedOffer,
    Truth,
    refusal,
    waves,
)
from district.offers.wording import Told, told
from push.decision import OfferDraft, Refusal
from push.offer_document import write_value
from push.suppression import Suppression

Connection = AsyncConnection[TupleRow]


async def issue_batch(
    connection: Connection,
    district: DistrictInfo,
    drafts: Sequence[OfferDraft],
    refusals: Sequence[Refusal] = (),
    *,
    now: datetime,
) -> Batch:
    """Write what may be issued of these drafts, and why the rest is not, in the caller's transaction.

    Caps and stock are taken by constraints and guarded statements, so any number of callers may run; rows
    are locked members first, then stocks, each in the order of their ids, so that callers never wait for
    each other in a ring. A draft that meets a limit leaves nothing behind. ``now`` is business time.
    """
    truth = await _truth(connection, district.id, [*drafts, *exposures.ghosts_of(refusals)])
    gone = await rechecks.no_longer(connection, district, map(_pair, drafts), now=now)
    judged = [_judged(truth, draft, gone, now) for draft in drafts]
    refused = [one for one in judged if isinstance(one, Refusal)]
    issued: list[IssuedOffer] = []
    for wave in waves(one for one in judged if isinstance(one, Candidate)):
        wave_issued, wave_refused = await _issue_wave(connection, district, wave, now=now)
        issued += wave_issued
        refused += wave_refused
    await telling.queue(connection, district.id, issued)
    await _tell_exhausted(connection, district.id, refused)
    told = await exposures.record(
        connection, district.id, issued=issued, refusals=refusals, truth=truth, now=now
    )
    every = (*told, *refused)
    await write_refusals(connection, district, every)
    return Batch(issued=tuple(issued), refused=every)


def _pair(draft: OfferDraft) -> rechecks.Pair:
    return draft.campaign_id, draft.member_id


def _judged(
    truth: Truth, draft: OfferDraft, gone: Collection[rechecks.Pair], now: datetime
) -> Candidate | Refusal:
    """By what holds now: the member and campaign first, then whether the one is still for the other."""
    judged = truth.judge(draft, now)
    is_gone = isinstance(judged, Candidate) and _pair(draft) in gone
    return refusal(draft, Suppression.NOT_IN_AUDIENCE) if is_gone else judged


async def _truth(connection: Connection, district_id: uuid.UUID, drafts: Sequence[OfferDraft]) -> Truth:
    campaigns = sorted({draft.campaign_id for draft in drafts})
    values = {
        "district_id": district_id,
        "members": sorted({draft.member_id for draft in drafts}),
        "campaigns": campaigns,
    }
    if not drafts:
        return Truth(members=frozenset(), terms={}, consents={})
    members = await (await connection.execute(queries.LOCK_MEMBERS_SQL, values)).fetchall()
    known = await terms.load(connection, district_id, campaigns)
    counted = [one.campaign_id for one in known.values() if not one.is_pooled]
    await connection.execute(queries.LOCK_STOCK_SQL, values | {"campaigns": counted})
    return Truth(
        members=frozenset(row[0] for row in members),
        called={row[0]: row[1] for row in members if row[1]},
        terms=known,
        consents=await newest_consents(
            connection, district_id, sorted({draft.member_id for draft in drafts})
        ),
    )


async def _issue_wave(
    connection: Connection, district: DistrictInfo, wave: Sequence[Candidate], *, now: datetime
) -> tuple[list[IssuedOffer], list[Refusal]]:
    """Offers, slots, budgets, then a piece or stock; who fails at one gives back what it took before.

    What many may want the last of comes last, so that nobody goes without for one who is refused anyway.
    """
    reasons: dict[uuid.UUID, Suppression] = {}
    await pools.make_missing(connection, district.id, wave)
    words = await _insert_offers(connection, district, wave, now=now)
    fresh = [one for one in wave if one.offer_id in words]
    again = [one for one in wave if one.offer_id not in words]
    reasons |= {one.offer_id: Suppression.DUPLICATE for one in again}
    capped = await reservations.take_slots(connection, district.id, fresh, now=now)
    reasons |= dict.fromkeys(capped, Suppression.FREQUENCY_CAP)
    within = [one for one in fresh if one.offer_id not in capped]
    spent = await reservations.take_allowances(connection, district, within, now=now)
    reasons |= dict.fromkeys(spent, Suppression.BUDGET)
    afforded = [one for one in within if one.offer_id not in spent]
    drawn, sold_out = await _take_pieces(connection, district.id, afforded)
    reasons |= dict.fromkeys(sold_out, Suppression.SOLD_OUT)
    words |= await _say_amounts(connection, district, drawn)
    await reservations.return_allowances(
        connection, district, [one for one in afforded if one.offer_id in sold_out], now=now
    )
    await reservations.release(connection, district.id, [one for one in fresh if one.offer_id in reasons])
    kept = [one for one in afforded if one.offer_id not in reasons]
    await offline.bind(connection, district.id, [(one.offer_id, one.terms) for one in kept])
    refused = [refusal(one.draft, reasons[one.offer_id]) for one in wave if one.offer_id in reasons]
    issued = [
        IssuedOffer(id=one.offer_id, draft=one.draft, channels=one.channels, told=words[one.offer_id])
        for one in kept
    ]
    return issued, refused


async def _take_pieces(
    connection: Connection, district_id: uuid.UUID, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], set[uuid.UUID]]:
    """What was drawn of pools, and the offers, of pools and of counted stocks, for which nothing was left."""
    drawn, empty = await pools.take(
        connection, district_id, [one for one in candidates if one.terms.is_pooled]
    )
    counted = [one for one in candidates if not one.terms.is_pooled]
    return drawn, empty | await reservations.take_stock(connection, district_id, counted)


async def _say_amounts(
    connection: Connection, district: DistrictInfo, drawn: Sequence[Candidate]
) -> dict[uuid.UUID, Told]:
    """Write what is in each packet into its offer; the words with it."""
    packets = [one for one in drawn if one.amount_minor is not None]
    words = {one.offer_id: _told(one, district) for one in packets}
    if packets:
        await connection.execute(
            queries.SAY_AMOUNTS_SQL,
            {
                "district_id": district.id,
                "ids": list(words),
                "values": [Jsonb(write_value(one.value)) for one in packets],
                "titles": [Jsonb(dict(one.title)) for one in words.values()],
                "texts": [Jsonb(dict(one.text)) for one in words.values()],
            },
        )
    return words


def _told(one: Candidate, district: DistrictInfo) -> Told:
    return told(
        one.terms,
        district,
        variant=one.variant,
        value=one.value,
        until=one.draft.valid_until,
        called=one.called,
    )


async def _insert_offers(
    connection: Connection, district: DistrictInfo, wave: Sequence[Candidate], *, now: datetime
) -> dict[uuid.UUID, Told]:
    """The words of each offer that was not there before, by its id."""
    if not wave:
        return {}
    drafts = [one.draft for one in wave]
    words = {one.offer_id: _told(one, district) for one in wave}
    cursor = await connection.execute(
        queries.INSERT_OFFERS_SQL,
        {
            "district_id": district.id,
            "now": now,
            "ids": [one.offer_id for one in wave],
            "codes": [one.code for one in wave],
            "campaigns": [draft.campaign_id for draft in drafts],
            "members": [draft.member_id for draft in drafts],
            "keys": [draft.occurrence_key for draft in drafts],
            "kinds": [one.terms.offer.kind.value for one in wave],
            "values": [Jsonb(write_value(one.value)) for one in wave],
            "titles": [Jsonb(dict(words[one.offer_id].title)) for one in wave],
            "texts": [Jsonb(dict(words[one.offer_id].text)) for one in wave],
            "variants": [one.variant.name if one.variant else "" for one in wave],
            "stacks": [Jsonb(sorted(one.terms.offer.stacks_with)) for one in wave],
            "versions": [one.terms.version for one in wave],
            "reserved": [one.reserved_until for one in wave],
            "whys": [Jsonb(telling.why_of(draft)) for draft in drafts],
            "from": [draft.valid_from for draft in drafts],
            "until": [draft.valid_until for draft in drafts],
            "lons": [draft.position.lon if draft.position else None for draft in drafts],
            "lats": [draft.position.lat if draft.position else None for draft in drafts],
        },
    )
    return {row[0]: words[row[0]] for row in await cursor.fetchall()}


async def _tell_exhausted(connection: Connection, district_id: uuid.UUID, refused: Sequence[Refusal]) -> None:
    """Let engines read campaigns again of which nothing is left, so that they stop in time."""
    if any(one.reason in {Suppression.SOLD_OUT, Suppression.BUDGET} for one in refused):
        await connection.execute(queries.TELL_CAMPAIGNS_SQL, {"district_id": district_id})


async def write_refusals(connection: Connection, district: DistrictInfo, refusals: Sequence[Refusal]) -> None:
    """Keep why offers were not made or not sent: once per member, campaign, reason and trading day."""
    if not refusals:
        return
    days = {at: district.trading_day(at) for at in {one.at for one in refusals}}
    times: Counter[tuple[Any, ...]] = Counter()
    would: Counter[tuple[Any, ...]] = Counter()
    last: dict[tuple[Any, ...], Refusal] = {}
    for one in refusals:
        row = (days[one.at], one.member_id, one.campaign_id, one.reason.value)
        times[row] += 1
        would[row] += one.would_have
        last[row] = max(one, last.get(row, one), key=lambda refused: refused.at)
    rows = list(times)
    await connection.execute(
        queries.UPSERT_REFUSALS_SQL,
        {
            "district_id": district.id,
            "days": [row[0] for row in rows],
            "members": [row[1] for row in rows],
            "campaigns": [row[2] for row in rows],
            "reasons": [row[3] for row in rows],
            "times": [times[row] for row in rows],
            "last": [last[row].at for row in rows],
            "winners": [last[row].winner_id for row in rows],
            "would": [would[row] for row in rows],
        },
    )

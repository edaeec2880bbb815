"""Issuing: a batch of drafts becomes offers, taken cap slots and stock, and queued messages in one commit."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.districts.service import DistrictInfo
from district.offers import queries, reservations
from district.offers.issuing import (
    Batch,
    Candidate,
    IssuedOffer,
    Truth,
    newest_consents,
    refusal,
    waves,
)
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.consent import Channel
from push.decision import OfferDraft, Refusal
from push.message import MessagePurpose
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
    truth = await _truth(connection, district.id, drafts)
    judged = [truth.judge(draft, now) for draft in drafts]
    refused = [one for one in judged if isinstance(one, Refusal)]
    issued: list[IssuedOffer] = []
    for wave in waves(one for one in judged if isinstance(one, Candidate)):
        wave_issued, wave_refused = await _issue_wave(connection, district.id, wave, now=now)
        issued += wave_issued
        refused += wave_refused
    await _queue_messages(connection, district.id, issued)
    every = (*refusals, *refused)
    await write_refusals(connection, district, every)
    return Batch(issued=tuple(issued), refused=every)


async def _truth(connection: Connection, district_id: uuid.UUID, drafts: Sequence[OfferDraft]) -> Truth:
    values = {
        "district_id": district_id,
        "members": sorted({draft.member_id for draft in drafts}),
        "campaigns": sorted({draft.campaign_id for draft in drafts}),
    }
    if not drafts:
        return Truth(members=frozenset(), live=frozenset(), consents={})
    members = await (await connection.execute(queries.LOCK_MEMBERS_SQL, values)).fetchall()
    await connection.execute(queries.LOCK_STOCK_SQL, values)
    live = await (await connection.execute(queries.LIVE_CAMPAIGNS_SQL, values)).fetchall()
    consents = await (await connection.execute(queries.CONSENTS_SQL, values)).fetchall()
    return Truth(
        members=frozenset(row[0] for row in members),
        live=frozenset(row[0] for row in live),
        consents=newest_consents(consents),
    )


async def _issue_wave(
    connection: Connection, district_id: uuid.UUID, wave: Sequence[Candidate], *, now: datetime
) -> tuple[list[IssuedOffer], list[Refusal]]:
    """Offers, then slots, then stock; who fails at one gives back what it took before."""
    words = await _insert_offers(connection, district_id, wave, now=now)
    fresh = [one for one in wave if one.offer_id in words]
    capped = await reservations.take_slots(connection, district_id, fresh, now=now)
    within = [one for one in fresh if one.offer_id not in capped]
    sold_out = await reservations.take_stock(connection, district_id, within)
    lost = [one for one in fresh if one.offer_id in capped or one.offer_id in sold_out]
    await reservations.release(connection, district_id, lost)
    reasons = dict.fromkeys(capped, Suppression.FREQUENCY_CAP) | dict.fromkeys(sold_out, Suppression.SOLD_OUT)
    refused = [
        refusal(one.draft, reasons.get(one.offer_id, Suppression.DUPLICATE))
        for one in wave
        if one.offer_id in reasons or one.offer_id not in words
    ]
    issued = [
        IssuedOffer(
            id=one.offer_id,
            draft=one.draft,
            channels=one.channels,
            title=words[one.offer_id][0],
            text=words[one.offer_id][1],
        )
        for one in within
        if one.offer_id not in sold_out
    ]
    return issued, refused


async def _insert_offers(
    connection: Connection, district_id: uuid.UUID, wave: Sequence[Candidate], *, now: datetime
) -> dict[uuid.UUID, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The words of each offer that was not there before, by its id."""
    drafts = [one.draft for one in wave]
    cursor = await connection.execute(
        queries.INSERT_OFFERS_SQL,
        {
            "district_id": district_id,
            "now": now,
            "ids": [one.offer_id for one in wave],
            "codes": [one.code for one in wave],
            "campaigns": [draft.campaign_id for draft in drafts],
            "members": [draft.member_id for draft in drafts],
            "keys": [draft.occurrence_key for draft in drafts],
            "whys": [Jsonb(_why(draft)) for draft in drafts],
            "from": [draft.valid_from for draft in drafts],
            "until": [draft.valid_until for draft in drafts],
            "lons": [draft.position.lon if draft.position else None for draft in drafts],
            "lats": [draft.position.lat if draft.position else None for draft in drafts],
        },
    )
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


def _why(draft: OfferDraft) -> dict[str, str | None]:
    text = draft.why.text()
    return {"zh": text.zh, "en": text.en}


async def _queue_messages(
    connection: Connection, district_id: uuid.UUID, issued: Sequence[IssuedOffer]
) -> None:
    if not issued:
        return
    merchants = sorted({offer.draft.merchant_id for offer in issued})
    cursor = await connection.execute(
        queries.ENDPOINTS_SQL, {"district_id": district_id, "merchants": merchants}
    )
    endpoints: dict[uuid.UUID, list[uuid.UUID]] = {}
    for merchant_id, endpoint_id in await cursor.fetchall():
        endpoints.setdefault(merchant_id, []).append(endpoint_id)
    messages: list[NewMessage] = []
    for offer in issued:
        messages += _member_messages(offer)
        messages += (_merchant_message(offer, one) for one in endpoints.get(offer.draft.merchant_id, ()))
    await outbox.enqueue_all(connection, district_id, messages)


def _member_messages(offer: IssuedOffer) -> Iterable[NewMessage]:
    """The offer to its member, by the inbox."""
    if Channel.INBOX not in offer.channels:
        return
    draft = offer.draft
    yield NewMessage(
        channel=Channel.INBOX,
        purpose=MessagePurpose.MARKETING,
        member_id=draft.member_id,
        offer_id=offer.id,
        due_at=draft.at,
        send_before=draft.send_before,
        payload={
            "kind": "offer",
            "campaign_id": str(draft.campaign_id),
            "store_id": str(draft.store_ids[0]) if draft.store_ids else None,
            "title": dict(offer.title),
            "body": dict(offer.text),
            "why": _why(draft),
        },
    )


def _merchant_message(offer: IssuedOffer, endpoint_id: uuid.UUID) -> NewMessage:
    """The merchant's own act, told to his system: it names the offer, never the member."""
    draft = offer.draft
    return NewMessage(
        channel=Channel.WEBHOOK,
        purpose=MessagePurpose.SERVICE,
        offer_id=offer.id,
        due_at=draft.at,
        payload={
            "endpoint_id": str(endpoint_id),
            "campaign_id": str(draft.campaign_id),
            "store_id": str(draft.store_ids[0]) if draft.store_ids else None,
            "title": dict(offer.title),
            "body": dict(offer.text),
        },
    )


async def write_refusals(connection: Connection, district: DistrictInfo, refusals: Sequence[Refusal]) -> None:
    """Keep why offers were not made or not sent: once per member, campaign, reason and trading day."""
    if not refusals:
        return
    days = {at: district.trading_day(at) for at in {one.at for one in refusals}}
    times: Counter[tuple[Any, ...]] = Counter()
    last: dict[tuple[Any, ...], datetime] = {}
    for one in refusals:
        row = (days[one.at], one.member_id, one.campaign_id, one.reason.value)
        times[row] += 1
        last[row] = max(one.at, last.get(row, one.at))
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
            "last": [last[row] for row in rows],
        },
    )

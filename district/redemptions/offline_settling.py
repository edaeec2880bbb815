"""Settling what tills took without a line: entry by entry, each once, and none dropped.

Each entry is one transaction that locks its journal first: of two connections with the same journal the second finds what the first
has written, and a server that is killed has settled a beginning of it. Among tills the rule is the server's own order: the first
use that is written is the redemption, every later one a conflict, whatever the tills' clocks say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, new_id, transaction
from district.offers import code_keys
from district.offers.offline import MOST_LATE
from district.problems import NotFound
from district.redemptions import offline_policies, offline_queries, offline_using
from district.redemptions.offline_judging import (
    STEADY,
    Device,
    Keys,
    Unusable,
    keys_of,
    mark_of,
    read,
)
from district.redemptions.offline_kits import counter_of, speed_of
from district.redemptions.offline_models import Bearer, Outcome
from district.redemptions.offline_schemas import Entry, EntryOut, Journal, JournalOut, Told
from district.redemptions.offline_using import Settled

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What is the same for all entries of one request."""

    values: dict[str, Any]
    policy: offline_policies.Policy
    keys: Keys
    machine_now: datetime
    business_now: datetime
    business_speed: float
    sent_at: datetime

    def business_at(self, machine: datetime) -> datetime:
        """Business time at a machine instant that is over."""
        return self.business_now - max(timedelta(), self.machine_now - machine) * self.business_speed


async def settle(pool: Pool, principal: Principal, journal: Journal, *, clock: Clock) -> JournalOut:
    """Settle the entries in their order. Repeated, each is answered as the first time, by ``replayed``.

    Raises: OneTillOnly, NotAllowed, NotFound for another till's journal.
    """
    counter, _ = await counter_of(pool, principal)
    machine_now = clock.machine_now()
    values = {"district_id": principal.district_id, "till": counter.name, "journal": journal.journal}
    async with pool.connection() as connection:
        stored = await code_keys.live(connection, principal.district_id, since=machine_now - code_keys.KEPT)
        policy = await offline_policies.load(connection, principal.district_id)
    sent = Sent(
        values=values | {"now": clock.now()},
        policy=policy,
        keys=keys_of(principal.district_id, stored),
        machine_now=machine_now,
        business_now=clock.now(),
        business_speed=speed_of(clock),
        sent_at=journal.sent_at,
    )
    rows: list[EntryOut] = []
    for entry in journal.entries:
        async with transaction(pool) as connection:
            rows.append(await _settle(connection, sent, entry))
    return JournalOut(journal=journal.journal, received_at=machine_now, rows=rows)


async def _settle(connection: Connection, sent: Sent, entry: Entry) -> EntryOut:
    device = await _locked(connection, sent)
    values = sent.values | {"seq": entry.seq}
    stored = await (await connection.execute(offline_queries.ENTRY_SQL, values)).fetchone()
    if stored is not None:
        return _again(entry, stored)
    before = await _mark_before(connection, sent, entry.seq)
    if before is None:
        return EntryOut(seq=entry.seq, outcome=Told.REFUSED, reason="gap")
    if mark_of(device.key, before, entry) != entry.mark:
        return EntryOut(seq=entry.seq, outcome=Told.REFUSED, reason="chain-broken")
    values |= {
        "id": new_id(),
        "mark": bytes.fromhex(entry.mark),
        "store_id": device.store_id,
        "till_at": entry.at,
        "bill_minor": entry.bill_minor,
    }
    settled = await _judged(connection, sent, device, entry, values)
    await connection.execute(offline_queries.ADD_ENTRY_SQL, values | settled.columns)
    if settled.outcome is not Outcome.REFUSED:
        used = values | {"discount_minor": settled.discount_minor or 0}
        await connection.execute(offline_queries.COUNT_USE_SQL, used)
    return _told(entry.seq, settled)


async def _locked(connection: Connection, sent: Sent) -> Device:
    """The journal; whoever else settles it waits. Raises: NotFound."""
    row = await (await connection.execute(offline_queries.LOCK_JOURNAL_SQL, sent.values)).fetchone()
    if row is None:
        raise NotFound("No such journal at this till: send it with the key, or by the shop, that took it.")
    return Device(
        till=row[0],
        store_id=row[1],
        key=bytes(row[2]),
        opened_at=row[3],
        skew=timedelta(milliseconds=row[4]),
        list_until=row[5],
        uses_left=row[6] - row[8],
        minor_left=row[7] - row[9],
    )


async def _mark_before(connection: Connection, sent: Sent, seq: int) -> str | None:
    if seq == 1:
        return str(sent.values["journal"])
    before = sent.values | {"seq": seq - 1}
    row = await (await connection.execute(offline_queries.ENTRY_SQL, before)).fetchone()
    return None if row is None else bytes(row[0]).hex()


async def _judged(
    connection: Connection, sent: Sent, device: Device, entry: Entry, values: dict[str, Any]
) -> Settled:
    skew_now = sent.sent_at - sent.machine_now
    shown = read(
        entry,
        device,
        sent.keys,
        now=sent.machine_now,
        is_clock_steady=abs(skew_now - device.skew) <= STEADY,
    )
    if isinstance(shown, Unusable):
        return Settled(outcome=Outcome.REFUSED, reason=shown.reason, offer_id=shown.offer_id)
    values |= {
        "offer_id": shown.code.offer_id,
        "shown_at": sent.business_at(shown.shown_at + STEADY),
        "used_at": sent.business_at(shown.at),
        "request_no": f"offline-{values['journal'].hex}-{entry.seq}",
        "tried": entry.tried,
    }
    limits = offline_using.Limits(
        uses_left=device.uses_left,
        minor_left=device.minor_left,
        is_list_too_old=shown.at > device.list_until,
        is_too_late=sent.machine_now - shown.shown_at > MOST_LATE,
        bearer=Bearer(sent.policy.conflicts_borne_by),
    )
    settled = await offline_using.use(connection, values, limits)
    return settled.at(shown.believed_at)


def _again(entry: Entry, stored: Sequence[Any]) -> EntryOut:
    """The answer of the first time; another entry under the same number is none."""
    if bytes(stored[0]).hex() != entry.mark:
        return EntryOut(seq=entry.seq, outcome=Told.REFUSED, reason="number-reused")
    return EntryOut(
        seq=entry.seq,
        outcome=Told.REPLAYED,
        was=Outcome(stored[1]),
        reason=stored[2],
        redemption_id=stored[3],
        offer_id=stored[4],
        discount_minor=stored[5],
        charged_to=Bearer(stored[6]) if stored[6] else None,
        is_over_quota=stored[7],
        is_clock_believed=stored[8] is not None,
        first_at=stored[9],
        first_till=stored[10] or None,
        value=stored[11],
    )


def _told(seq: int, settled: Settled) -> EntryOut:
    return EntryOut(
        seq=seq,
        outcome=Told(settled.outcome.value),
        reason=settled.reason,
        redemption_id=settled.redemption_id,
        offer_id=settled.offer_id,
        value=settled.value,
        discount_minor=settled.discount_minor,
        charged_to=settled.charged_to,
        is_over_quota=settled.is_over_quota,
        is_clock_believed=settled.believed_at is not None,
        first_at=settled.first_at,
        first_till=settled.first_till or None,
    )

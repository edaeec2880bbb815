"""What becomes of a provider's notice: a purchase of who linked himself, or one more that was of nobody."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime

from district.clock import Clock
from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.problems import NotFound
from district.purchases import queries, service, wechat
from district.purchases.service import Connection, Notice, RefundLate, digest
from district.purchases.wechat import Event, Paid, Refunded, Source


def source_name(source_id: uuid.UUID) -> str:
    """A source beside tills, among which numbers are unique."""
    return f"source:{source_id}"


def payer_hash(source_id: uuid.UUID, payer: str) -> bytes:
    """What is kept of a payer's name at a source."""
    return digest(source_id, payer)


async def take(
    pool: Pool, district: DistrictInfo, slug: str, headers: Mapping[str, str], body: bytes, *, clock: Clock
) -> None:
    """Take a notice, once. Nothing is said back but that it came: the rest is the district's affair.

    Raises: NotFound, NotAuthenticated, Undecipherable, Invalid, NoticeReused, Unavailable for a refund whose payment has
    not come yet: the provider sends it again.
    """
    async with pool.connection() as connection:
        source = await _source(connection, district.id, slug)
    event = wechat.read(source, headers, body, machine_now=clock.machine_now())
    if event.said is None or (source.app_id and event.said.appid != source.app_id):
        return
    async with transaction(pool) as connection:
        if isinstance(event.said, Paid):
            await _paid(connection, district, source, event, event.said, clock=clock)
        else:
            await _refunded(connection, district, source, event, event.said, clock=clock)


async def _source(connection: Connection, district_id: uuid.UUID, slug: str) -> Source:
    values = {"district_id": district_id, "slug": slug}
    row = await (await connection.execute(queries.SOURCE_SQL, values)).fetchone()
    if row is None:
        raise NotFound("No such source.")
    return Source(id=row[0], public_keys=row[1], api_key=bytes(row[2]), app_id=row[3])


async def _payer(
    connection: Connection, district_id: uuid.UUID, source: Source, payer: str
) -> uuid.UUID | None:
    values = {"district_id": district_id, "source_id": source.id, "payer_hash": payer_hash(source.id, payer)}
    row = await (await connection.execute(queries.PAYER_SQL, values)).fetchone()
    return None if row is None else row[0]


async def _paid(
    connection: Connection, district: DistrictInfo, source: Source, event: Event, paid: Paid, *, clock: Clock
) -> None:
    service.check_time(paid.time_end, now=max(clock.now(), clock.machine_now()))
    store = await (
        await connection.execute(queries.STORE_SQL, {"district_id": district.id, "ref": paid.shop_number})
    ).fetchone()
    notice = _notice(
        source,
        event,
        amount_minor=paid.amount,
        at=paid.time_end,
        reference=paid.transaction_id,
        member_id=await _payer(connection, district.id, source, paid.openid),
        store_id=store[0] if store else None,
        clock=clock,
    )
    await service.take(connection, district, notice)


async def _refunded(
    connection: Connection,
    district: DistrictInfo,
    source: Source,
    event: Event,
    back: Refunded,
    *,
    clock: Clock,
) -> None:
    member_id = await _payer(connection, district.id, source, back.openid)
    notice = _notice(
        source,
        event,
        amount_minor=back.refund_amount,
        at=back.refund_time,
        reference=back.transaction_id,
        member_id=member_id,
        store_id=None,
        clock=clock,
    )
    try:
        async with connection.transaction():
            await service.refund(
                connection,
                district,
                notice,
                refund_reference=back.refund_id,
                is_known_unlinked=member_id is None,
            )
    except RefundLate:
        # The district promised thirty days; sending it for a day longer would not change that.
        return


def _notice(
    source: Source,
    event: Event,
    *,
    amount_minor: int,
    at: datetime,
    reference: str,
    member_id: uuid.UUID | None,
    store_id: uuid.UUID | None,
    clock: Clock,
) -> Notice:
    return Notice(
        source=source_name(source.id),
        id=event.id,
        body_hash=hashlib.sha256(event.plain).digest(),
        amount_minor=amount_minor,
        at=at,
        reference=reference,
        member_id=member_id,
        store_id=store_id,
        now=clock.now(),
        machine_now=clock.machine_now(),
    )

"""Purchases that tills tell: the member is who showed a pass."""

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.points import passes
from district.purchases import service
from district.purchases.schemas import PurchaseBody, RefundBody, Taken
from district.purchases.service import Notice, digest
from district.stores.counters import standing, store_of


async def purchase(
    pool: Pool, principal: Principal, district: DistrictInfo, body: PurchaseBody, *, clock: Clock
) -> Taken:
    """Raises: Invalid, PassUnknown, OtherStore, NoticeReused."""
    counter = await standing(pool, principal)
    store_id = await store_of(pool, principal, counter, body.store_id)
    said = digest("purchase", body.amount_minor, body.at.isoformat(), store_id, body.pass_code)
    async with transaction(pool) as connection:
        known = await service.answered(
            connection, district.id, source=counter.name, notice_id=body.notice_id, body_hash=said
        )
        if known is not None:
            return known
        service.check_time(body.at, now=clock.now())
        member_id = (
            None
            if body.pass_code is None
            else await passes.holder(connection, district.id, body.pass_code, machine_now=clock.machine_now())
        )
        notice = Notice(
            source=counter.name,
            id=body.notice_id,
            body_hash=said,
            amount_minor=body.amount_minor,
            at=body.at,
            reference=body.notice_id,
            member_id=member_id,
            store_id=store_id,
            now=clock.now(),
            machine_now=clock.machine_now(),
        )
        return await service.take(connection, district, notice)


async def refund(
    pool: Pool, principal: Principal, district: DistrictInfo, body: RefundBody, *, clock: Clock
) -> Taken:
    """Raises: Invalid, NotFound, NoticeReused, RefundLate, Conflict."""
    counter = await standing(pool, principal)
    said = digest("refund", body.purchase_notice_id, body.amount_minor, body.at.isoformat())
    number = f"refund:{body.notice_id}"
    async with transaction(pool) as connection:
        known = await service.answered(
            connection, district.id, source=counter.name, notice_id=number, body_hash=said
        )
        if known is not None:
            return known
        service.check_time(body.at, now=clock.now())
        is_unlinked = await service.known_unlinked(
            connection, district.id, source=counter.name, notice_id=body.purchase_notice_id
        )
        notice = Notice(
            source=counter.name,
            id=number,
            body_hash=said,
            amount_minor=body.amount_minor,
            at=body.at,
            reference=body.purchase_notice_id,
            member_id=None,
            store_id=None,
            now=clock.now(),
            machine_now=clock.machine_now(),
        )
        return await service.refund(
            connection,
            district,
            notice,
            refund_reference=body.notice_id,
            is_known_unlinked=is_unlinked,
        )

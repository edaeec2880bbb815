"""Tells wallets of coupons that were used, or are there again. A word too many changes nothing: a wallet only asks anew."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import ValidationError

from district import clock as clocks
from district.channels.kinds import wallet as kinds
from district.channels.kinds.kind import Building
from district.clock import Clock
from district.database import Pool
from district.deliveries import wallet_queries as queries
from district.deliveries.building import building_of
from district.deliveries.channels import provider_policy_of
from district.deliveries.wallet_passes import WalletRow, issuer_of, wallets_of
from district.districts.service import DistrictInfo
from district.sealing import SealBroken
from district.settings import Settings
from push.channels import apns, wallet_google
from push.channels.http2 import Http2
from push.channels.outbound import Outbound
from push.channels.wallet_apple import IdentityInvalid, tls_of
from push.receipts import Failure, FailureKind, Outcome, Receipt

log = structlog.get_logger()
EVERY: Final = timedelta(seconds=2)
SWEEP_EVERY: Final = timedelta(minutes=1)
RECENT: Final = timedelta(minutes=5)
"""What was used longer ago, what became void, and what could not be told is found by the sweep."""
FORGET_EVERY: Final = timedelta(minutes=10)
KEPT_AFTER: Final = timedelta(days=30)
"""How long a copy is known after its coupon is over."""
MOST_A_ROUND: Final = 200
MOST_TRIES: Final = 10
LONGEST_S: Final = 8.0


@dataclass(frozen=True, kw_only=True)
class _Copy:
    """One copy that is to be told. state: live or over."""

    id: uuid.UUID
    provider_id: uuid.UUID
    offer_id: uuid.UUID
    push_token: str
    state: str
    tries: int


class _Apple:
    """Tells telephones, in the name of the pass type."""

    def __init__(self, building: Building, now: datetime) -> None:
        identity = kinds.identity_of(building.options, building.secrets)
        given = building.outbound.policy
        is_plain = building.options.base_url.startswith("http:")
        policy = given if is_plain else replace(given, trust=tls_of(identity))
        self._outbound = Outbound(policy=policy, resolve=building.outbound.resolve)
        self._http = Http2(outbound=self._outbound, monotonic=clocks.monotonic)
        self._base_url, self._topic, self._now = building.options.base_url, identity.pass_type, now

    async def tell(self, copy: _Copy) -> Outcome:
        return await apns.tell_of_change(
            self._http, base_url=self._base_url, topic=self._topic, device=copy.push_token, now=self._now
        )

    async def close(self) -> None:
        await self._http.close()
        await self._outbound.close()


class _Google:
    """Changes the objects of an issuer."""

    def __init__(self, building: Building) -> None:
        self._outbound, self._base_url = building.outbound, building.options.base_url
        self._issuer = issuer_of(building.options, origin=building.origin)
        self._access, self._pooled = kinds.google_access(building)

    async def tell(self, copy: _Copy) -> Outcome:
        state = "ACTIVE" if copy.state == "live" else "COMPLETED"
        return await wallet_google.tell_of_change(
            self._outbound,
            self._access,
            base_url=self._base_url,
            object_id=self._issuer.object_id(str(copy.offer_id)),
            change={"state": state},
        )

    async def close(self) -> None:
        await self._pooled.close()


async def tell(
    pool: Pool, district: DistrictInfo, settings: Settings, clock: Clock, *, recent: timedelta | None = None
) -> int:
    """Tell what has changed, of late only with ``recent``; how many copies were told. Raises: psycopg.Error."""
    wallets = {row.id: row for row in (await wallets_of(pool, district.id)).values()}
    if not wallets:
        return 0
    values: dict[str, Any] = {
        "district_id": district.id,
        "providers": list(wallets),
        "limit": MOST_A_ROUND,
        "since": _first_id(clock.machine_now() - (recent or RECENT)),
    }
    statement = queries.DUE_SQL if recent is None else queries.RECENTLY_DUE_SQL
    async with pool.connection() as connection:
        rows = await (await connection.execute(statement, values)).fetchall()
    copies = [_copy(row) for row in rows]
    outcomes: dict[uuid.UUID, Outcome] = {}
    outbound = Outbound(policy=provider_policy_of(settings))
    try:
        for row in wallets.values():
            due = [one for one in copies if one.provider_id == row.id]
            if due:
                outcomes |= await _told(due, row, settings, district, outbound, clock=clock)
    finally:
        await outbound.close()
    await _record(pool, district.id, copies, outcomes)
    return sum(isinstance(one, Receipt) for one in outcomes.values())


def _first_id(at: datetime) -> uuid.UUID:
    """The least id that can be made at this time (RFC 9562 §5.7)."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)


def _copy(row: Sequence[Any]) -> _Copy:
    """A row of DUE_SQL, which the driver leaves untyped."""
    return _Copy(
        id=row[0], provider_id=row[1], offer_id=row[2], push_token=row[3], state=row[4], tries=row[5]
    )


async def _told(
    due: Sequence[_Copy],
    row: WalletRow,
    settings: Settings,
    district: DistrictInfo,
    outbound: Outbound,
    *,
    clock: Clock,
) -> dict[uuid.UUID, Outcome]:
    try:
        building = building_of(settings, district, row, clock=clock, outbound=outbound)
        wallet = _Google(building) if row.kind == kinds.GOOGLE else _Apple(building, clock.machine_now())
    except (SealBroken, ValidationError, IdentityInvalid, ValueError) as error:
        log.error("wallet.unusable", provider=str(row.id), error=type(error).__name__)
        return {}
    try:
        outcomes = await asyncio.gather(*(_one(wallet, copy) for copy in due))
    finally:
        await wallet.close()
    return {copy.id: outcome for copy, outcome in zip(due, outcomes, strict=True)}


async def _one(wallet: _Apple | _Google, copy: _Copy) -> Outcome:
    try:
        async with asyncio.timeout(LONGEST_S):
            return await wallet.tell(copy)
    except TimeoutError:
        return Failure(kind=FailureKind.TRANSIENT, detail="deadline")


async def _record(
    pool: Pool, district_id: uuid.UUID, copies: Sequence[_Copy], outcomes: Mapping[uuid.UUID, Outcome]
) -> None:
    """Who was told, or will never be, is told no more; whose telephone is gone is forgotten."""
    told, gone = [], []
    for copy in copies:
        outcome = outcomes.get(copy.id)
        kind = outcome.kind if isinstance(outcome, Failure) else None
        if kind is FailureKind.ADDRESS_GONE:
            gone.append(copy.id)
        elif isinstance(outcome, Receipt) or copy.tries >= MOST_TRIES:
            told.append(copy)
        elif isinstance(outcome, Failure):
            log.warning("wallet.untold", copy=str(copy.id), why=outcome.detail, tries=copy.tries)
    async with pool.connection() as connection:
        if told:
            values = {"ids": [one.id for one in told], "states": [one.state for one in told]}
            await connection.execute(queries.TOLD_SQL, {"district_id": district_id, **values})
        if gone:
            await connection.execute(queries.GONE_SQL, {"district_id": district_id, "ids": gone})


async def forget(pool: Pool, district_id: uuid.UUID, *, now: datetime) -> None:
    """Retention of copies whose coupons are long over."""
    values = {"district_id": district_id, "before": now - KEPT_AFTER, "limit": 5_000}
    async with pool.connection() as connection:
        await connection.execute(queries.FORGET_SQL, values)

"""What workers share by the database: accounts' access tokens, and members' leave to send."""

import functools
import hashlib
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from district.channels.kinds.kind import Building
from district.database import Pool
from district.districts.service import DistrictInfo
from district.sealing import SealBroken, seal, unseal
from push.channels.wechat_tokens import Issued, Kept, ShelfAway

P = ParamSpec("P")
T = TypeVar("T")

READ_SQL = """
SELECT version, sealed, expires_at - clock_timestamp() FROM channel_token
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s
"""

# A claim that ends later than any does is from before the database's clock was set back.
CLAIM_SQL = """
INSERT INTO channel_token (district_id, provider_id, sealed, expires_at, version, renewing_until)
VALUES (%(district_id)s, %(provider_id)s, '', clock_timestamp(), 0, clock_timestamp() + %(lasts)s)
ON CONFLICT (district_id, provider_id) DO UPDATE SET renewing_until = EXCLUDED.renewing_until
WHERE channel_token.version = %(version)s
  AND (channel_token.renewing_until IS NULL OR channel_token.renewing_until <= clock_timestamp()
       OR channel_token.renewing_until > clock_timestamp() + %(lasts)s)
RETURNING version
"""

KEEP_SQL = """
UPDATE channel_token
SET sealed = %(sealed)s, expires_at = clock_timestamp() + %(lasts)s, version = version + 1, renewing_until = NULL
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND version = %(version)s
"""

LET_GO_SQL = """
UPDATE channel_token SET renewing_until = NULL
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND version = %(version)s
"""

# A delivery that is tried again finds what it used up before; of several at once each locks another leave.
TAKE_GRANT_SQL = """
WITH before AS (
    SELECT template_id FROM wechat_grant
    WHERE district_id = %(district_id)s AND delivery_id = %(delivery_id)s
), next AS (
    SELECT one.id FROM wechat_grant AS one
    JOIN unnest(%(templates)s::text[]) WITH ORDINALITY AS wanted (template_id, place)
      ON wanted.template_id = one.template_id
    WHERE one.district_id = %(district_id)s AND one.member_id = %(member_id)s
      AND one.provider_id = %(provider_id)s AND one.delivery_id IS NULL AND NOT EXISTS (SELECT FROM before)
    ORDER BY wanted.place, one.granted_at, one.id LIMIT 1
    FOR UPDATE OF one SKIP LOCKED
), taken AS (
    UPDATE wechat_grant AS one SET delivery_id = %(delivery_id)s, taken_at = clock_timestamp()
    FROM next WHERE one.district_id = %(district_id)s AND one.id = next.id
    RETURNING one.template_id
)
SELECT template_id FROM before UNION ALL SELECT template_id FROM taken
"""

GIVE_BACK_SQL = """
UPDATE wechat_grant SET delivery_id = NULL, taken_at = NULL
WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND delivery_id = %(delivery_id)s
"""

CLEAR_SQL = """
DELETE FROM wechat_grant
WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND provider_id = %(provider_id)s
  AND template_id = %(template_id)s AND delivery_id IS NULL
"""


def _or_away(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """A database that is away is told in the words of who waits for it."""

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await function(*args, **kwargs)
        except (psycopg.Error, PoolTimeout) as error:
            raise ShelfAway(type(error).__name__) from error

    return call


@dataclass(frozen=True, kw_only=True)
class SqlTokenShelf:
    """One provider's token. ``account`` names whose it is: another account's is not opened."""

    pool: Pool
    district_id: uuid.UUID
    provider_id: uuid.UUID
    account: str
    secret: str = field(repr=False)

    @_or_away
    async def read(self) -> Kept:
        """What is there."""
        async with self.pool.connection() as connection:
            row = await (await connection.execute(READ_SQL, self._values())).fetchone()
        if row is None:
            return Kept(version=0)
        try:
            value = unseal(self.secret, bytes(row[1]), about=self._about).decode()
        except SealBroken:
            return Kept(version=row[0])
        return Kept(version=row[0], value=value, lasts=row[2])

    @_or_away
    async def claim(self, version: int, *, lasts: timedelta) -> bool:
        """Whether this worker alone may replace that version."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(CLAIM_SQL, self._values(version=version, lasts=lasts))
            row = await cursor.fetchone()
        return row is not None

    @_or_away
    async def keep(self, version: int, issued: Issued) -> None:
        """Replace the version that was claimed."""
        sealed = seal(self.secret, issued.value.encode(), about=self._about)
        async with self.pool.connection() as connection:
            values = self._values(version=version, lasts=issued.lasts, sealed=sealed)
            await connection.execute(KEEP_SQL, values)

    @_or_away
    async def let_go(self, version: int) -> None:
        """Give the claim back."""
        async with self.pool.connection() as connection:
            await connection.execute(LET_GO_SQL, self._values(version=version))

    @property
    def _about(self) -> str:
        return f"token:{self.provider_id}:{hashlib.sha256(self.account.encode()).hexdigest()}"

    def _values(self, **values: Any) -> dict[str, Any]:
        return {"district_id": self.district_id, "provider_id": self.provider_id, **values}


@dataclass(frozen=True, kw_only=True)
class SqlGrants:
    """Members' leave to send by one provider's mini-program."""

    pool: Pool
    district_id: uuid.UUID
    provider_id: uuid.UUID

    @_or_away
    async def take(
        self, member_id: uuid.UUID, template_ids: Sequence[str], delivery_id: uuid.UUID
    ) -> str | None:
        """Use one up; which template it was of."""
        values = {"member_id": member_id, "templates": list(template_ids), "delivery_id": delivery_id}
        async with self.pool.connection() as connection:
            row = await (await connection.execute(TAKE_GRANT_SQL, self._values(values))).fetchone()
        return str(row[0]) if row is not None and row[0] in template_ids else None

    @_or_away
    async def give_back(self, delivery_id: uuid.UUID) -> None:
        """It was not used."""
        async with self.pool.connection() as connection:
            await connection.execute(GIVE_BACK_SQL, self._values({"delivery_id": delivery_id}))

    @_or_away
    async def clear(self, member_id: uuid.UUID, template_id: str) -> None:
        """Nothing is left."""
        async with self.pool.connection() as connection:
            values = {"member_id": member_id, "template_id": template_id}
            await connection.execute(CLEAR_SQL, self._values(values))

    def _values(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"district_id": self.district_id, "provider_id": self.provider_id, **values}


def shared(building: Building, pool: Pool, district: DistrictInfo, *, secret: str) -> Building:
    """What a kind is built of, where it is one of many workers that share."""
    provider_id = uuid.UUID(building.provider_id)

    def tokens(account: str) -> SqlTokenShelf:
        return SqlTokenShelf(
            pool=pool, district_id=district.id, provider_id=provider_id, account=account, secret=secret
        )

    grants = SqlGrants(pool=pool, district_id=district.id, provider_id=provider_id)
    return replace(building, tokens=tokens, grants=grants, zone=district.zone)

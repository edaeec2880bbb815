"""What tills may do without a line: the operator's bounds for the district, and each till's own below them."""

import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid
from district.redemptions.offline_models import Bearer, OfflinePolicy, OfflineTill
from district.redemptions.offline_queries import POLICY_SQL
from district.redemptions.offline_schemas import OfflinePolicyBody, TillLimits
from district.stores.models import Till

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A district's own, or the default."""

    most_value_minor: int = 2_000
    most_uses: int = 20
    most_minor: int = 20_000
    list_age_s: int = 4 * 3_600
    conflicts_borne_by: str = Bearer.MERCHANT.value
    version: int = 0

    @property
    def list_age(self) -> timedelta:
        return timedelta(seconds=self.list_age_s)


DEFAULT: Final = Policy()


async def load(connection: Connection, district_id: uuid.UUID) -> Policy:
    """What holds in a district."""
    row = await (await connection.execute(POLICY_SQL, {"district_id": district_id})).fetchone()
    return DEFAULT if row is None else _policy(tuple(row))


def _policy(row: tuple[int, int, int, int, str, int]) -> Policy:
    return Policy(
        most_value_minor=row[0],
        most_uses=row[1],
        most_minor=row[2],
        list_age_s=row[3],
        conflicts_borne_by=row[4],
        version=row[5],
    )


def read(session: Session, district_id: uuid.UUID) -> Policy:
    """The same in a session."""
    row = session.connection().exec_driver_sql(POLICY_SQL, {"district_id": district_id}).first()
    return DEFAULT if row is None else _policy(tuple(row))


def change(session: Session, district: DistrictInfo, wanted: OfflinePolicyBody, *, clock: Clock) -> Policy:
    """Set the whole policy; kits that are out keep what they were given. Raises: Conflict when it was changed meanwhile."""
    default = asdict(DEFAULT)
    session.execute(
        insert(OfflinePolicy)
        .values(district_id=district.id, changed_at=clock.now(), **default)
        .on_conflict_do_nothing()
    )
    own = select(OfflinePolicy).where(OfflinePolicy.district_id == district.id).with_for_update()
    row = session.scalars(own).one()
    if row.version != wanted.version:
        raise Conflict(f"The policy is at version {row.version} by now: read it again, then change that.")
    row.most_value_minor = wanted.most_value_minor
    row.most_uses, row.most_minor = wanted.most_uses, wanted.most_minor
    row.list_age_s, row.conflicts_borne_by = wanted.list_age_s, wanted.conflicts_borne_by.value
    row.version += 1
    row.changed_at = clock.now()
    session.flush()
    return read(session, district.id)


def limits_of(session: Session, till: Till) -> TillLimits:
    """A till's own bounds."""
    row = session.get(OfflineTill, (till.district_id, f"till:{till.id}"))
    return TillLimits(most_uses=row.most_uses if row else None, most_minor=row.most_minor if row else None)


def set_limits(session: Session, till: Till, wanted: TillLimits) -> TillLimits:
    """Bound one till more narrowly than the policy does; from its next kit on. Raises: Invalid when it would be wider."""
    policy = read(session, till.district_id)
    if (wanted.most_uses or 0) > policy.most_uses or (wanted.most_minor or 0) > policy.most_minor:
        raise Invalid(
            f"A till has at most what the operator allows: {policy.most_uses} uses, {policy.most_minor} minor units.",
            detail_zh=f"收银台的上限不得超过运营方规定：{policy.most_uses} 笔、{policy.most_minor} 最小货币单位。",
        )
    values = {"most_uses": wanted.most_uses, "most_minor": wanted.most_minor}
    session.execute(
        insert(OfflineTill)
        .values(district_id=till.district_id, till=f"till:{till.id}", store_id=till.store_id, **values)
        .on_conflict_do_update(index_elements=["district_id", "till"], set_=values)
    )
    return wanted

"""Sessions for the access log's tests."""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.accesslog import jobs, service
from district.accesslog.models import AccessRecord
from district.accesslog.service import SessionOn
from district.clock import FixedClock
from district.database import Pool, make_pool, new_id
from district.districts.models import District
from district.gateways.models import Gateway, WifiSession
from district.members.models import Member
from tests.factories import Makers

MAC = "02aa22334466"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = make_pool(database_url, size=2)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


@pytest.fixture
def gateway(committed: Makers, district: District) -> Gateway:
    row = Gateway(
        district_id=district.id,
        id=new_id(),
        slug=f"gw-{uuid.uuid4().hex[:10]}",
        vendor="click",
        secret="s",
        is_real_name=True,
        created_at=committed.clock.now(),
    )
    committed.session.add(row)
    committed.done()
    return row


@pytest.fixture
def member(committed: Makers, district: District) -> Member:
    return committed.member(district, phone=f"+35840{uuid.uuid4().int % 10**7:07d}")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A gateway where the law asks for names, one of its members, and what watches them."""

    pool: Pool
    makers: Makers
    district: District
    gateway: Gateway
    member: Member

    @property
    def clock(self) -> FixedClock:
        """Business time."""
        return self.makers.clock

    def let_in(self) -> WifiSession:
        """The member goes on line."""
        return let_in(self.makers, self.gateway, self.member)

    async def follow(self) -> int:
        """What the worker does."""
        return await jobs.follow(self.pool, self.district.id, now=self.clock.now())

    def log(self) -> list[AccessRecord]:
        """The district's records."""
        self.makers.session.expire_all()
        rows = select(AccessRecord).where(AccessRecord.district_id == self.district.id)
        return list(self.makers.session.scalars(rows.order_by(AccessRecord.number)))


@pytest.fixture
def stage(pool: Pool, committed: Makers, district: District, gateway: Gateway, member: Member) -> Stage:
    return Stage(pool=pool, makers=committed, district=district, gateway=gateway, member=member)


def let_in(
    makers: Makers, gateway: Gateway, member: Member, *, inner_address: str = "", outer_address: str = ""
) -> WifiSession:
    """A session that the portal opened and the log knows of."""
    row = WifiSession(
        district_id=gateway.district_id,
        id=new_id(),
        gateway_id=gateway.id,
        member_id=member.id,
        alias=bytes(16),
        access_point_mac="00180a13ddb0",
        method="phone",
        granted_at=makers.clock.now(),
        device_mac=MAC,
    )
    makers.session.add(row)
    makers.session.flush()
    on = SessionOn(
        session_id=row.id,
        at=row.granted_at,
        member_id=member.id,
        identity=member.phone or "",
        method="phone",
        mac=MAC,
        nas=gateway.slug,
        access_point_mac="00180a13ddb0",
        inner_address=inner_address,
        outer_address=outer_address,
    )
    service.begin(makers.session, gateway.district_id, on)
    makers.done()
    return row


@pytest.fixture
def log_of_five(
    committed: Makers, gateway: Gateway, member: Member, clock: FixedClock
) -> Callable[[], Session]:
    for _ in range(5):
        let_in(committed, gateway, member)
    return lambda: committed.session

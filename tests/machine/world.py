"""One district that every run of the machine begins with, copied by a few statements: ids stay, the district is new."""

import asyncio
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns.models import Campaign
from district.campaigns.shared_models import FundingShare
from district.clock import FixedClock
from district.database import STATEMENT_TIMEOUT_MS, Base, new_id
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.members.models import Consent, Member
from district.points.models import PointsRule
from district.stores.models import Store, Till
from push.consent import Purpose
from tests.conftest import NOON
from tests.factories import Makers
from tests.machine.fuse import Fragile, Lasting
from tests.machine.model import Bounds

T = TypeVar("T")
AGREED_AT = NOON - timedelta(days=90)
"""Before any run begins: a later no is the newer one."""
AGREED_TO = (Purpose.MARKETING, Purpose.LOCATION)
MEMBERS = 4
PLAINLY = "-c timezone=UTC -c enable_seqscan=off -c jit=off -c plan_cache_mode=force_generic_plan"
"""A statement is planned once, by indexes: so many small districts lie in each table that nothing else would do."""
SHARES = (("merchant", 334), ("property", 333), ("platform", 333))
VALUE_MINOR = 3
_RULE: dict[str, Any] = {
    "v": 1,
    "trigger": {"any": [{"on": "fence.enter"}]},
    "where": {"within": {"circle": {"lon": 24.9445, "lat": 60.1689, "radius_m": 80}}},
    "holdout": {"pct": 0},
    "ttl_s": 7200,
}
_WORDS = {"title": {"zh": "立减", "en": "Off"}, "text": {"zh": "今天有效", "en": "Today only"}}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A campaign of the template: what its documents say, and the same for the model."""

    name: str
    stock: int | None
    rule: dict[str, Any]
    offer: dict[str, Any]
    bounds: Bounds


def _amount(minor: int, **more: Any) -> dict[str, Any]:
    return {"kind": "coupon", "value": {"type": "amount", "minor_units": minor}, **_WORDS, **more}


PLANS = (
    Plan(
        name="pushed",
        stock=5,
        rule={"per_day": 3, "budget": {"total_minor": 2_000, "per_day_minor": 1_600}},
        offer=_amount(500),
        bounds=Bounds(cost_minor=500, per_day=3, budget_minor=2_000, day_budget_minor=1_600, cap=2),
    ),
    Plan(
        name="open",
        stock=4,
        rule={"per_member": 2, "budget": {"total_minor": 1_000}},
        offer=_amount(300, claim={"mode": "open", "pushed": False}),
        bounds=Bounds(cost_minor=300, per_member=2, budget_minor=1_000, is_pushed=False, mode="open"),
    ),
    Plan(
        name="reserve",
        stock=3,
        rule={"per_member": 1, "per_day": 2},
        offer=_amount(200, claim={"mode": "reserve", "hold_s": 600}),
        bounds=Bounds(cost_minor=200, per_member=1, per_day=2, mode="reserve", hold_s=600),
    ),
    Plan(
        name="packet",
        stock=None,
        rule={},
        offer={
            "kind": "red_packet",
            "value": {"type": "random", "total_minor": 1_000, "count": 4, "least_minor": 50},
            **_WORDS,
        },
        bounds=Bounds(cost_minor=0, pieces=4, cap=3),
    ),
    Plan(
        name="drop",
        stock=2,
        rule={},
        offer=_amount(100, claim={"mode": "drop", "opens_at": "2026-03-01T11:00:00+02:00"}),
        bounds=Bounds(cost_minor=100, pieces=2, is_pushed=False, mode="drop"),
    ),
    Plan(
        name="offline",
        stock=6,
        rule={},
        offer=_amount(150, offline={"ok": True}),
        bounds=Bounds(cost_minor=150, cap=3, is_offline=True),
    ),
)
STOCKS = tuple(plan.stock if plan.name != "packet" else 4 for plan in PLANS)


class World:
    """The servers' side of all runs of one module: a loop, a pool whose connections may fail, and the template."""

    current: ClassVar["World"]

    def __init__(self, url: str) -> None:
        self.url = url
        self.loop = asyncio.new_event_loop()
        self.pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            url,
            connection_class=Fragile,
            min_size=1,
            max_size=1,
            timeout=10.0,
            open=False,
            kwargs={
                "autocommit": True,
                "options": f"{PLAINLY} -c statement_timeout={STATEMENT_TIMEOUT_MS}",
            },
        )
        self.run(self.pool.open(wait=True))
        self.engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=1,
            connect_args={"options": PLAINLY},
        )
        event.listen(self.engine, "connect", _keep_prepared)
        self.checker: psycopg.Connection[TupleRow] = psycopg.connect(
            url,
            autocommit=True,
            options=PLAINLY,
        )
        self.checker._prepared = Lasting()
        Fragile.fuse.killer = psycopg.connect(url, autocommit=True)
        self._lay_template()
        World.current = self

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a service."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """Close what was opened."""
        self.run(self.pool.close())
        self.engine.dispose()
        self.checker.close()
        if Fragile.fuse.killer is not None:
            Fragile.fuse.killer.close()
        self.loop.close()

    def _lay_template(self) -> None:
        clock = FixedClock(NOON)
        with Session(self.engine, expire_on_commit=False) as session:
            makers = Makers(session, clock, commit=True)
            self.template: District = makers.district()
            self.template_info = makers.info(self.template)
            merchants = [makers.merchant(self.template) for _ in range(2)]
            self.stores: list[Store] = [makers.store(self.template, merchant_id=one.id) for one in merchants]
            self.tills = [
                Till(district_id=self.template.id, id=new_id(), store_id=store.id, name="1", created_at=NOON)
                for store in self.stores
            ]
            session.add_all(self.tills)
            self.members: list[Member] = [makers.member(self.template) for _ in range(MEMBERS)]
            for member in self.members:
                session.add_all(consents(self.template.id, member.id, granted=True, at=AGREED_AT))
            self.campaigns: list[Campaign] = [
                makers.campaign(
                    self.template,
                    merchants[0],
                    self.stores[:1] if plan.name != "open" else self.stores,
                    stock=plan.stock,
                    rule={**_RULE, **plan.rule},
                    offer=plan.offer,
                    **({"owner_kind": "operator", "merchant_id": None} if plan.name == "open" else {}),
                )
                for plan in PLANS
            ]
            session.add_all(
                FundingShare(
                    district_id=self.template.id,
                    campaign_id=self.campaigns[1].id,
                    party_kind=kind,
                    permille=permille,
                )
                for kind, permille in SHARES
            )
            session.add(points_rule(self.template.id))
            makers.done()
        self._copies = [sql for table in Base.metadata.sorted_tables if (sql := self._copy_of(table.name))]

    def _copy_of(self, table: str) -> str | None:
        """The statement that copies the template's rows of a table; None where it has none."""
        columns = [column.name for column in Base.metadata.tables[table].columns if column.computed is None]
        if "district_id" not in columns or table in {"route", "account"}:
            return None
        found = self.checker.execute(
            f"SELECT EXISTS (SELECT FROM {table} WHERE district_id = %s)".encode(), (self.template.id,)
        ).fetchone()
        if found is None or not found[0]:
            return None
        kept = ", ".join(name for name in columns if name != "district_id")
        return (
            f"INSERT INTO {table} (district_id, {kept}) SELECT %(new)s, {kept} FROM {table}"
            " WHERE district_id = %(old)s"
        )

    def fresh(self) -> tuple[DistrictInfo, tuple[Principal, ...]]:
        """A district of its own, with the tills of its two stores."""
        district_id = new_id()
        slug = f"m-{district_id.hex}"
        columns = [column.name for column in Base.metadata.tables["district"].columns]
        kept = ", ".join(name for name in columns if name not in {"id", "slug"})
        values = {"new": district_id, "old": self.template.id, "slug": slug}
        with self.checker.transaction():
            self.checker.execute(
                f"INSERT INTO district (id, slug, {kept}) SELECT %(new)s, %(slug)s, {kept} FROM district"
                " WHERE id = %(old)s".encode(),
                values,
            )
            for sql in self._copies:
                self.checker.execute(sql.encode(), values)
        with Session(self.engine) as session:
            info = Makers(session, FixedClock(NOON)).info(District(id=district_id))
        return info, tuple(self._till(info, number) for number in range(len(self.tills)))

    def _till(self, info: DistrictInfo, number: int) -> Principal:
        return Principal(
            role=Role.TILL,
            district_id=info.id,
            district_slug=info.slug,
            subject_id=self.tills[number].id,
            scope_id=self.tills[number].id,
            merchant_id=self.stores[number].merchant_id,
        )


def _keep_prepared(connection: psycopg.Connection[TupleRow], _record: object) -> None:
    connection._prepared = Lasting()


def consents(district_id: uuid.UUID, member_id: uuid.UUID, *, granted: bool, at: datetime) -> list[Consent]:
    """What a member says to offers, and to offers by where he is."""
    return [
        Consent(
            district_id=district_id,
            member_id=member_id,
            purpose=purpose,
            granted=granted,
            action="box",
            at=at,
        )
        for purpose in AGREED_TO
    ]


def points_rule(district_id: uuid.UUID) -> PointsRule:
    """Points for uses and purchases, that live for a month."""
    return PointsRule(
        district_id=district_id,
        is_on=True,
        value_minor=VALUE_MINOR,
        life_days=31,
        per_visit=0,
        visits_per_day=1,
        per_redemption=7,
        minor_units_per_point=10,
        most_per_purchase=500,
        most_per_day=1_000,
        changed_at=NOON,
    )

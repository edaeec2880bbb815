"""Who tells of happenings: sign-ins, visits, birthdays and long absences, each once."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from district.auth.models import Role
from district.campaigns import greetings, visit_triggers
from district.clock import FixedClock
from district.database import Pool, make_pool
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.merchants.models import Merchant
from district.stores.models import Store
from district.visits import service as visits
from district.visits.models import Visit
from tests.conftest import refresh
from tests.district.visits.scene import Scene
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = make_pool(database_url, size=4)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
def info(committed: Makers, district: District) -> DistrictInfo:
    return committed.info(district)


@pytest.fixture
def merchant(committed: Makers, district: District) -> Merchant:
    return committed.merchant(district)


@pytest.fixture
def store(committed: Makers, district: District, merchant: Merchant) -> Store:
    return committed.store(district, merchant_id=merchant.id)


@pytest.fixture
def listening(committed: Makers, district: District, merchant: Merchant, store: Store) -> uuid.UUID:
    """A live campaign that waits for everything that can be told."""
    triggers: list[dict[str, Any]] = [
        {"on": "wifi.join"},
        {"on": "store.visit"},
        {"on": "member.visits", "n": 1},
        {"on": "member.birthday"},
        {"on": "member.lapsed", "days": 30},
    ]
    made = committed.campaign(district, merchant, [store], rule={"v": 1, "trigger": {"any": triggers}})
    return uuid.UUID(str(made.id))


async def told(pool: Pool, info: DistrictInfo, *columns: str) -> list[tuple[Any, ...]]:
    names = ", ".join(columns or ("kind",))
    async with pool.connection() as connection:
        cursor = await connection.execute(
            f"SELECT {names} FROM pending_trigger WHERE district_id = %s ORDER BY kind, at".encode(),
            (info.id,),
        )
        return await cursor.fetchall()


@pytest.mark.usefixtures("listening")
async def test_a_first_sign_in_and_a_return_are_told_and_a_second_press_is_not(
    client: httpx.AsyncClient,
    app: Any,
    *,
    committed: Makers,
    info: DistrictInfo,
    pool: Pool,
    clock: FixedClock,
) -> None:
    slug = f"gw-{info.slug}"
    new = NewGateway(slug=slug, vendor="click", secret=SECRET, methods=["click"])
    gateways.create(committed.session, info, new, clock=clock)
    committed.session.commit()
    await refresh(app)
    for address in ("http://example.com/1", "http://example.com/1", "http://example.com/2"):
        query = redirect_query(
            SECRET,
            mac="02:aa:22:33:44:99",
            ap="00:18:0a:13:dd:b0",
            url=address,
            machine_now=clock.machine_now(),
        )
        await client.post(f"/portal/{slug}?{query}", data={"method": "click"})
    joins = await told(pool, info, "facts ->> 'joins'", "kind")
    assert joins == [("1", "wifi.join"), ("2", "wifi.join")]


@pytest.mark.usefixtures("listening")
async def test_a_visit_to_a_store_is_told_once_even_when_it_turns_out_to_have_begun_earlier(
    committed: Makers,
    district: District,
    *,
    info: DistrictInfo,
    pool: Pool,
    clock: FixedClock,
    store: Store,
) -> None:
    scene = Scene(
        committed=committed,
        district=district,
        info=info,
        feed=committed.feed(district),
        pool=pool,
        clock=clock,
    )
    member = committed.member(district)
    scene.walk(170, 180, member_id=member.id)
    for _ in range(2):
        await visits.refresh(pool, info, now=clock.now(), tell=visit_triggers.tell)
    scene.walk(165, 169.5, member_id=member.id)
    made = await visits.refresh(
        pool, info, now=clock.now(), late=timedelta(hours=2), tell=visit_triggers.tell
    )
    assert made.removed > 0
    assert await told(pool, info, "kind", "subject_id", "member_id") == [
        ("member.visits", store.id, member.id),
        ("store.visit", store.id, member.id),
    ]


@pytest.mark.usefixtures("listening", "store")
async def test_visits_that_were_long_over_are_not_told(
    committed: Makers, district: District, info: DistrictInfo, pool: Pool, clock: FixedClock
) -> None:
    scene = Scene(
        committed=committed,
        district=district,
        info=info,
        feed=committed.feed(district),
        pool=pool,
        clock=clock,
    )
    scene.walk(100, 160, member_id=committed.member(district).id)
    scene.walk(170, 180)
    await visits.refresh(pool, info, now=clock.now(), tell=visit_triggers.tell)
    assert await told(pool, info) == []


@pytest.mark.parametrize(
    ("today", "month", "day", "is_told"),
    [
        (datetime(2026, 5, 1, 9, tzinfo=UTC), 5, 1, True),
        (datetime(2026, 5, 1, 9, tzinfo=UTC), 5, 2, False),
        (datetime(2026, 5, 2, 1, tzinfo=UTC), 5, 1, True),
        (datetime(2027, 2, 28, 9, tzinfo=UTC), 2, 29, True),
        (datetime(2028, 2, 28, 9, tzinfo=UTC), 2, 29, False),
        (datetime(2028, 2, 29, 9, tzinfo=UTC), 2, 29, True),
    ],
    ids=[
        "today",
        "tomorrow",
        "before-the-trading-day-ends",
        "leap-in-other-years",
        "leap-the-day-before",
        "leap",
    ],
)
@pytest.mark.usefixtures("listening")
async def test_a_birthday_is_told_once_on_its_trading_day(
    committed: Makers,
    district: District,
    info: DistrictInfo,
    pool: Pool,
    *,
    today: datetime,
    month: int,
    day: int,
    is_told: bool,
) -> None:
    committed.member(district, birth_month=month, birth_day=day)
    committed.member(district)
    for _ in range(2):
        await greetings.enqueue_due(pool, info, now=today)
    assert await told(pool, info) == [("member.birthday",)] * is_told


@pytest.mark.usefixtures("listening")
async def test_greetings_wait_for_ten_o_clock_and_end_with_the_trading_day(
    committed: Makers, district: District, info: DistrictInfo, pool: Pool
) -> None:
    committed.member(district, birth_month=5, birth_day=1)
    await greetings.enqueue_due(pool, info, now=datetime(2026, 5, 1, 4, tzinfo=UTC))
    assert await told(pool, info, "due_at", "expires_at") == [
        (datetime(2026, 5, 1, 7, tzinfo=UTC), datetime(2026, 5, 2, 3, tzinfo=UTC))
    ]


@pytest.mark.parametrize(("days", "is_told"), [(29, False), (30, False), (31, True), (32, False)])
@pytest.mark.parametrize("is_personalised", [True, False], ids=["looked-at", "not-looked-at"])
async def test_who_has_stayed_away_for_as_long_as_the_campaign_says_is_told_on_that_day(
    committed: Makers,
    district: District,
    info: DistrictInfo,
    pool: Pool,
    *,
    clock: FixedClock,
    store: Store,
    listening: uuid.UUID,
    days: int,
    is_personalised: bool,
    is_told: bool,
) -> None:
    member = committed.member(district, is_personalised=is_personalised)
    started_at = clock.now() - timedelta(days=days)
    for earlier in (0, 40):
        at = started_at - timedelta(days=earlier)
        row = Visit(
            district_id=district.id,
            trading_day=at.date(),
            id=uuid.uuid4(),
            place_kind="store",
            place_id=store.id,
            member_id=member.id,
            started_at=at,
            ended_at=at + timedelta(minutes=9),
            fixes=9,
        )
        committed.session.add(row)
    committed.done()
    for _ in range(2):
        await greetings.enqueue_due(pool, info, now=clock.now())
    expected = [("member.lapsed", listening, True)] if is_told and is_personalised else []
    assert (
        await told(pool, info, "kind", "campaign_id", "(facts ->> 'away_s')::int >= 30 * 86400") == expected
    )


@pytest.mark.parametrize(
    "body", [{"birth_month": 5}, {"birth_day": 1}, {"birth_month": 2, "birth_day": 30}], ids=range(3)
)
async def test_half_a_birthday_or_one_that_no_year_has_is_refused(
    app: Any, client: httpx.AsyncClient, committed: Makers, district: District, body: dict[str, int]
) -> None:
    await refresh(app)
    member = committed.member(district)
    own = {"Authorization": f"Bearer {committed.token(district, Role.SHOPPER, subject_id=member.id)}"}
    answer = await client.put("/v1/me/preferences", json=body, headers=own)
    assert answer.status_code == 422
    kept = await client.put("/v1/me/preferences", json={"birth_month": 2, "birth_day": 29}, headers=own)
    assert (kept.json()["birth_month"], kept.json()["birth_day"]) == (2, 29)
    gone = await client.put("/v1/me/preferences", json={"birth_month": None, "birth_day": None}, headers=own)
    assert gone.json()["birth_month"] is None

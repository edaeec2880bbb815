"""Access codes: unambiguous, made in batches, used exactly as often as they may be, hard to guess."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from district.auth.models import Role
from district.clock import FixedClock
from district.database import make_engine, make_sessions, new_id
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.gateways.models import Plan
from district.problems import Invalid, TooMany
from district.vouchers import codes, service
from district.vouchers.models import Voucher
from district.vouchers.schemas import NewBatch
from district.vouchers.service import WrongVoucher
from tests.conftest import refresh
from tests.factories import Makers

AT_ONCE = 24


@pytest.fixture
def many(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(database_url, pool_size=AT_ONCE)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
def info(committed: Makers, district: District) -> DistrictInfo:
    return committed.info(district)


def codes_of(
    sessions: sessionmaker[Session], info: DistrictInfo, clock: FixedClock, **values: Any
) -> list[str]:
    with sessions.begin() as session:
        new = NewBatch.model_validate({"name": "Lobby", "count": 1} | values)
        batch = service.create(session, info, new, clock=clock)
        return [row.code for row in service.vouchers_of(session, info.id, batch.id)]


def test_codes_hold_no_letters_that_are_read_as_others_and_forty_bits() -> None:
    assert not set(codes.ALPHABET) & set("01OILU")
    assert len(codes.ALPHABET) ** codes.LENGTH >= 2**40
    drawn = {codes.make() for _ in range(2_000)}
    assert len(drawn) == 2_000
    assert Counter("".join(drawn)).keys() == set(codes.ALPHABET)


@given(st.text(alphabet=codes.ALPHABET, min_size=9, max_size=9), st.sampled_from([" ", "-", "–", ""]))
def test_a_code_is_read_in_any_case_width_and_grouping(code: str, mark: str) -> None:
    wide = "".join(chr(ord(symbol) + 0xFEE0) for symbol in code)
    for typed in (code.lower(), wide, mark.join(codes.grouped(code).split("-"))):
        assert codes.read(typed) == code


@given(st.text(max_size=60))
def test_whatever_is_typed_reads_as_a_code_or_as_none(typed: str) -> None:
    read = codes.read(typed)
    assert read == "" or (len(read) == codes.LENGTH and set(read) <= set(codes.ALPHABET))


@pytest.mark.parametrize("uses", [1, 3])
def test_a_code_used_by_many_at_once_lets_in_exactly_as_many_as_it_may(
    many: sessionmaker[Session], info: DistrictInfo, committed: Makers, clock: FixedClock, uses: int
) -> None:
    (code,) = codes_of(many, info, clock, uses=uses)
    district = committed.session.get(District, info.id)
    assert district is not None
    people = [committed.member(district).id for _ in range(AT_ONCE)]

    def try_one(member_id: Any) -> bool:
        try:
            with many.begin() as session:
                service.use(session, info, code, member_id, clock=clock)
        except WrongVoucher:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        let_in = list(pool.map(try_one, people))
    assert sum(let_in) == uses
    with many() as session:
        assert session.scalars(select(Voucher.used).where(Voucher.district_id == info.id)).one() == uses
    again = [try_one(member_id) for member_id in people]
    assert again == let_in


def test_the_same_person_at_once_uses_a_code_once(
    many: sessionmaker[Session], info: DistrictInfo, committed: Makers, clock: FixedClock
) -> None:
    (code,) = codes_of(many, info, clock, uses=5)
    district = committed.session.get(District, info.id)
    assert district is not None
    member = committed.member(district).id

    def try_one(_: int) -> None:
        with many.begin() as session:
            service.use(session, info, code, member, clock=clock)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(try_one, range(AT_ONCE)))
    with many() as session:
        assert session.scalars(select(Voucher.used).where(Voucher.district_id == info.id)).one() == 1


def test_a_code_says_with_which_plan(
    many: sessionmaker[Session], info: DistrictInfo, committed: Makers, clock: FixedClock
) -> None:
    district = committed.session.get(District, info.id)
    assert district is not None
    plan = Plan(district_id=info.id, id=new_id(), slug="guest", session_s=3600, created_at=clock.now())
    committed.session.add(plan)
    committed.done()
    (code,) = codes_of(many, info, clock, plan="guest")
    member = committed.member(district).id
    with many.begin() as session:
        assert service.use(session, info, code, member, clock=clock) == plan.id
    with many.begin() as session:
        assert service.use(session, info, code, member, clock=clock) == plan.id
    with pytest.raises(Invalid):
        codes_of(many, info, clock, plan="no-such-plan")


def test_a_code_that_is_over_or_revoked_lets_nobody_in_not_even_who_used_it(
    many: sessionmaker[Session], info: DistrictInfo, committed: Makers, clock: FixedClock
) -> None:
    district = committed.session.get(District, info.id)
    assert district is not None
    member = committed.member(district).id
    until = (clock.now() + timedelta(hours=1)).isoformat()
    (code,) = codes_of(many, info, clock, valid_until=until, uses=5)
    with many.begin() as session:
        service.use(session, info, code, member, clock=clock)
    later = FixedClock(clock.now() + timedelta(hours=1))
    with many.begin() as session, pytest.raises(WrongVoucher, match="not valid any more"):
        service.use(session, info, code, member, clock=later)
    with many.begin() as session:
        batch = service.page(session, info.id, after=None, limit=1)[0]
        service.revoke(session, info.id, batch.id, clock=clock)
    with many.begin() as session, pytest.raises(WrongVoucher, match="not valid any more"):
        service.use(session, info, code, member, clock=clock)


def test_another_district_s_code_is_unknown(
    many: sessionmaker[Session], info: DistrictInfo, committed: Makers, clock: FixedClock
) -> None:
    (code,) = codes_of(many, info, clock)
    other = committed.district()
    member = committed.member(other).id
    with many.begin() as session, pytest.raises(WrongVoucher, match="no such"):
        service.use(session, committed.info(other), code, member, clock=clock)


def test_a_device_and_a_network_may_guess_few_times_also_after_a_restart(
    database_url: str, many: sessionmaker[Session], info: DistrictInfo, clock: FixedClock
) -> None:
    for _ in range(service.TRIES_OF_DEVICE):
        service.count_try(many, info, device=b"d" * 16, network="192.0.2.1", clock=clock)
    restarted = make_engine(database_url)
    with pytest.raises(TooMany):
        service.count_try(make_sessions(restarted), info, device=b"d" * 16, network="192.0.2.2", clock=clock)
    restarted.dispose()
    for _ in range(service.TRIES_OF_NETWORK - service.TRIES_OF_DEVICE):
        service.count_try(many, info, device=None, network="192.0.2.1", clock=clock)
    with pytest.raises(TooMany):
        service.count_try(many, info, device=b"e" * 16, network="192.0.2.1", clock=clock)
    service.count_try(many, info, device=b"e" * 16, network="192.0.2.3", clock=clock)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def operator(app: FastAPI, committed: Makers, district: District) -> dict[str, str]:
    await refresh(app)
    return bearer(committed.token(district, Role.OPERATOR))


async def test_a_batch_of_five_thousand_is_made_once_listed_downloaded_and_revoked(
    client: httpx.AsyncClient, district: District, operator: dict[str, str]
) -> None:
    path = f"/v1/districts/{district.slug}/voucher-batches"
    body = {"name": "Trade fair", "count": 5_000, "uses": 2}
    first = await client.post(path, json=body, headers=operator | {"idempotency-key": "k1"})
    again = await client.post(path, json=body, headers=operator | {"idempotency-key": "k1"})
    assert first.status_code == 201
    assert again.json() == first.json()
    listed = (await client.get(path, headers=operator)).json()
    assert [one["codes"] for one in listed["items"]] == [5_000]
    sheet = await client.get(f"{path}/{first.json()['id']}/codes.csv", headers=operator)
    rows = list(csv.reader(io.StringIO(sheet.text)))
    assert rows[0] == ["code", "used", "first_used_at"]
    assert len({row[0] for row in rows[1:]}) == 5_000
    revoked = await client.post(f"{path}/{first.json()['id']}/revoke", headers=operator)
    assert revoked.json()["revoked_at"] is not None


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": 5_001},
        {"uses": 0},
        {"name": " "},
        {"plan": "A b"},
        {"valid_until": "2020-01-01"},
        {"valid_until": "2020-01-01T00:00:00Z"},
        {"plan": "none-such"},
        {"code": "ABC"},
    ],
)
async def test_a_batch_that_breaks_a_rule_is_refused(
    client: httpx.AsyncClient, district: District, operator: dict[str, str], change: dict[str, Any]
) -> None:
    path = f"/v1/districts/{district.slug}/voucher-batches"
    answer = await client.post(path, json={"name": "x", "count": 1} | change, headers=operator)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_but_the_district_s_operator_sees_batches(
    client: httpx.AsyncClient, district: District, operator: dict[str, str], committed: Makers
) -> None:
    path = f"/v1/districts/{district.slug}/voucher-batches"
    made = (await client.post(path, json={"name": "x", "count": 1}, headers=operator)).json()
    merchant = bearer(committed.token(district, Role.MERCHANT))
    foreign = bearer(committed.token(committed.district(), Role.OPERATOR))
    for below in ("", f"/{made['id']}", f"/{made['id']}/codes.csv"):
        assert (await client.get(path + below)).status_code == 401
        assert (await client.get(path + below, headers=merchant)).status_code == 403
        assert (await client.get(path + below, headers=foreign)).status_code in {401, 404}

"""Booking, and that nobody changes what is booked."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from district.clock import FixedClock
from district.database import Pool, make_pool, transaction
from district.ledger import service
from district.ledger.models import Account, PostingKind
from district.ledger.service import Posting
from district.ledger.shares import NOBODY, Share, own

DISTRICT = uuid.uuid4()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Connections of their own."""
    pool = make_pool(database_url, size=4)
    await pool.open(wait=True)
    yield pool
    await pool.close()


def redemption(clock: FixedClock, merchant: uuid.UUID, amount: int, shares: tuple[Share, ...]) -> Posting:
    return Posting(
        kind=PostingKind.REDEMPTION,
        subject_id=uuid.uuid4(),
        at=clock.now(),
        merchant_id=merchant,
        transfers=service.discount(shares, merchant_id=merchant, amount_minor=amount),
    )


async def test_a_merchant_who_bears_his_own_discount_is_owed_what_he_bears(
    pool: Pool, clock: FixedClock
) -> None:
    district, merchant = uuid.uuid4(), uuid.uuid4()
    async with transaction(pool) as connection:
        assert await service.post(connection, district, redemption(clock, merchant, 500, own(merchant)))
        found = await service.balances(connection, district)
    assert found == {(Account.MERCHANT_PAYABLE, merchant): 500, (Account.MERCHANT_SHARE, merchant): -500}


async def test_a_subject_is_booked_once(pool: Pool, clock: FixedClock) -> None:
    district, merchant = uuid.uuid4(), uuid.uuid4()
    posting = redemption(clock, merchant, 500, own(merchant))
    async with transaction(pool) as connection:
        done = [await service.post(connection, district, posting) for _ in range(2)]
        found = await service.balances(connection, district)
    assert done == [True, False]
    assert found[(Account.MERCHANT_PAYABLE, merchant)] == 500


async def test_taking_back_is_exact_to_the_unit_and_happens_once(pool: Pool, clock: FixedClock) -> None:
    district, merchant, mall = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    shares = (
        Share(account=Account.MERCHANT_SHARE, owner_id=merchant, weight=1),
        Share(account=Account.PROPERTY_SHARE, owner_id=mall, weight=1),
        Share(account=Account.PLATFORM_SUBSIDY, owner_id=NOBODY, weight=1),
    )
    posting = redemption(clock, merchant, 1000, shares)
    async with transaction(pool) as connection:
        await service.post(connection, district, posting)
        back = [
            await service.take_back(
                connection,
                district,
                kind=PostingKind.REVERSAL,
                subject_id=subject,
                of=(PostingKind.REDEMPTION, posting.subject_id),
                at=clock.now() + timedelta(days=1),
            )
            for subject in [uuid.uuid4()] * 2
        ]
        assert await service.balances(connection, district) == {}
    assert back == [True, False]


async def test_what_was_never_booked_is_not_taken_back(pool: Pool, clock: FixedClock) -> None:
    async with transaction(pool) as connection:
        assert not await service.take_back(
            connection,
            uuid.uuid4(),
            kind=PostingKind.REVERSAL,
            subject_id=uuid.uuid4(),
            of=(PostingKind.REDEMPTION, uuid.uuid4()),
            at=clock.now(),
        )


async def booked(pool: Pool, clock: FixedClock) -> uuid.UUID:
    district, merchant = uuid.uuid4(), uuid.uuid4()
    async with transaction(pool) as connection:
        await service.post(connection, district, redemption(clock, merchant, 500, own(merchant)))
    return district


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfer SET amount_minor = 1",
        "DELETE FROM ledger_transfer",
        "TRUNCATE ledger_transfer",
        "UPDATE ledger_posting SET at = at + interval '1 day'",
        "DELETE FROM ledger_posting",
        "TRUNCATE ledger_posting CASCADE",
        "DELETE FROM statement",
        "UPDATE settled_posting SET trading_day = trading_day",
        "DELETE FROM statement_day",
    ],
)
async def test_no_statement_changes_what_is_booked(pool: Pool, clock: FixedClock, statement: str) -> None:
    await booked(pool, clock)
    with pytest.raises(psycopg.errors.IntegrityError, match="only ever added"):
        async with transaction(pool) as connection:
            await connection.execute(statement.encode())


TRANSFER = """
INSERT INTO ledger_transfer (district_id, posting_id, line, source, source_id, target, target_id, amount_minor)
SELECT district_id, id, 2, 'clearing', district_id, %s, district_id, %s FROM ledger_posting WHERE district_id = %s
"""


@pytest.mark.parametrize(
    ("target", "amount"), [("merchant_share", 0), ("merchant_share", -1), ("clearing", 5)]
)
async def test_raw_sql_cannot_move_nothing_or_less_or_to_where_it_was(
    pool: Pool, clock: FixedClock, target: str, amount: int
) -> None:
    district = await booked(pool, clock)
    with pytest.raises(psycopg.errors.CheckViolation):
        async with transaction(pool) as connection:
            await connection.execute(TRANSFER, (target, amount, district))


async def test_the_entries_of_every_posting_add_up_to_zero_whoever_writes_them(
    pool: Pool, clock: FixedClock
) -> None:
    district = await booked(pool, clock)
    async with transaction(pool) as connection:
        await connection.execute(TRANSFER, ("merchant_share", 12345, district))
        cursor = await connection.execute(
            "SELECT posting_id, sum(amount_minor), count(*) FROM ledger_entry WHERE district_id = %s GROUP BY posting_id",
            (district,),
        )
        [row] = await cursor.fetchall()
    assert row[1:] == (0, 4)

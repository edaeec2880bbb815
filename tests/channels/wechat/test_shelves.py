"""What workers share by the database: tokens under one lock, and leave that is used up once."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from district.channels.models import ChannelProvider
from district.channels.shelves import SqlGrants, SqlTokenShelf
from district.channels.wechat_models import WechatGrant
from district.database import Pool, make_pool, new_id
from push.channels.wechat_tokens import Issued, Kept, ShelfAway
from tests.district.offers.conftest import Ground

SECRET = "s" * 43
ISSUED = Issued(value="TOKEN-1", lasts=timedelta(hours=2))
CLAIM = timedelta(seconds=10)


@pytest.fixture
def provider(ground: Ground) -> uuid.UUID:
    id_, now = new_id(), ground.clock.now()
    ground.makers.session.add(
        ChannelProvider(
            district_id=ground.info.id,
            id=id_,
            slug="wx",
            channel="mini_program",
            kind="wechat_mini",
            name="WeChat",
            options={},
            sealed=b"",
            created_at=now,
            changed_at=now,
        )
    )
    ground.makers.done()
    return id_


def shelf(ground: Ground, provider: uuid.UUID, *, account: str = "a", secret: str = SECRET) -> SqlTokenShelf:
    return SqlTokenShelf(
        pool=ground.pool,
        district_id=ground.info.id,
        provider_id=provider,
        account=account,
        secret=secret,
    )


async def test_of_many_workers_one_may_ask(ground: Ground, provider: uuid.UUID) -> None:
    one = shelf(ground, provider)
    assert await one.read() == Kept(version=0)
    claims = await asyncio.gather(*(one.claim(0, lasts=CLAIM) for _ in range(8)))
    assert claims.count(True) == 1
    await one.keep(0, ISSUED)
    kept = await one.read()
    assert (kept.version, kept.value) == (1, "TOKEN-1")
    assert timedelta(minutes=119) < kept.lasts <= ISSUED.lasts
    assert not await one.claim(0, lasts=CLAIM)  # who comes late has nothing to renew
    assert await one.claim(1, lasts=CLAIM)


@pytest.mark.parametrize("ahead", ["0", "1 hour"], ids=["over", "the clock was set back"])
async def test_a_claim_of_a_worker_that_died_ends_by_itself(
    ground: Ground, provider: uuid.UUID, ahead: str
) -> None:
    one = shelf(ground, provider)
    assert await one.claim(0, lasts=CLAIM)
    assert not await one.claim(0, lasts=CLAIM)
    async with ground.pool.connection() as connection:
        await connection.execute(
            "UPDATE channel_token SET renewing_until = clock_timestamp() + %s::interval WHERE provider_id = %s",
            [ahead, provider],
        )
    assert await one.claim(0, lasts=CLAIM)
    await one.let_go(0)
    assert await one.claim(0, lasts=CLAIM)


async def test_another_accounts_token_is_none_and_no_copy_of_the_database_opens_it(
    ground: Ground, provider: uuid.UUID
) -> None:
    one = shelf(ground, provider)
    await one.claim(0, lasts=CLAIM)
    await one.keep(0, ISSUED)
    assert await shelf(ground, provider, account="b").read() == Kept(version=1)
    assert await shelf(ground, provider, secret="t" * 43).read() == Kept(version=1)
    stored = await ground.rows("SELECT sealed FROM channel_token WHERE district_id = %(d)s")
    assert b"TOKEN-1" not in bytes(stored[0][0])


def allow(ground: Ground, provider: uuid.UUID, member_id: uuid.UUID, *templates: str) -> None:
    for template in templates:
        ground.makers.session.add(
            WechatGrant(
                district_id=ground.info.id,
                id=new_id(),
                member_id=member_id,
                provider_id=provider,
                template_id=template,
                granted_at=ground.clock.now(),
            )
        )
    ground.makers.done()


async def test_each_leave_is_used_up_once_and_again_for_the_same_delivery_is_the_same(
    ground: Ground, provider: uuid.UUID
) -> None:
    member = ground.member().id
    allow(ground, provider, member, *(["T-1"] * 5), "T-2")
    grants = SqlGrants(pool=ground.pool, district_id=ground.info.id, provider_id=provider)
    deliveries = [new_id() for _ in range(12)]
    taken = await asyncio.gather(*(grants.take(member, ["T-2", "T-1"], one) for one in deliveries))
    assert sorted(str(one) for one in taken) == ["None"] * 6 + ["T-1"] * 5 + ["T-2"]
    won = [one for one, template in zip(deliveries, taken, strict=True) if template]
    again = await asyncio.gather(*(grants.take(member, ["T-2", "T-1"], one) for one in won))
    assert again == [one for one in taken if one]
    await grants.give_back(won[0])
    assert await grants.take(member, ["T-2", "T-1"], new_id()) is not None
    assert await grants.take(ground.member().id, ["T-1"], new_id()) is None


async def test_what_wechat_says_is_over_is_over(ground: Ground, provider: uuid.UUID) -> None:
    member = ground.member().id
    allow(ground, provider, member, "T-1", "T-1", "T-2")
    grants = SqlGrants(pool=ground.pool, district_id=ground.info.id, provider_id=provider)
    await grants.clear(member, "T-1")
    assert await grants.take(member, ["T-1"], new_id()) is None
    assert await grants.take(member, ["T-2"], new_id()) == "T-2"


async def test_a_database_that_is_away_is_no_leave_and_no_token(
    ground: Ground, provider: uuid.UUID, database_url: str
) -> None:
    closed: Pool = make_pool(database_url, size=1)
    with pytest.raises(ShelfAway):
        await SqlGrants(pool=closed, district_id=ground.info.id, provider_id=provider).take(
            new_id(), ["T-1"], new_id()
        )

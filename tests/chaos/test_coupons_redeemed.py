"""Sixty-four tills ask for each coupon at once, members for each piece of a stock, and the web processes are killed meanwhile.

    make chaos                                   a thousand coupons, twenty kills
    DISTRICT_CHAOS_SEED=7 make chaos             the same kills again

The short form belongs to the whole suite. A request whose answer was lost is sent again, unchanged, until it is answered:
then exactly one till has used each coupon, every repeat of its number gets the answer that the first one got, and no piece
was given out twice.
"""

import asyncio
import json
import os
import random
import secrets
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from district.auth.models import Role
from district.database import new_id
from district.offers.models import Offer
from district.stores.models import Till
from push.coupon import code_from
from tests.benchmarks.loading import Answer, Connection, request
from tests.product import Product, wait_for

TILLS = 64
MEMBERS = 64
PIECES = 20
SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 30))
LOST = (500, 502, 503, 504)
GIVE_UP_S = 180.0
CLAIM = {
    "kind": "coupon",
    "value": {"type": "amount", "minor_units": 500},
    "title": {"zh": "立减", "en": "Off"},
    "text": {"zh": "今天有效", "en": "Today only"},
    "claim": {"mode": "open", "pushed": False},
}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One store with its tills, its coupons, and members who want what is left."""

    district_id: uuid.UUID
    slug: str
    store_id: uuid.UUID
    claimed_id: uuid.UUID
    keys: Sequence[str]
    codes: Sequence[str]
    tokens: Sequence[str]


@dataclass(kw_only=True)
class Line:
    """A client on a connection of its own that does not rest until it is answered."""

    product: Product
    resent: int = 0
    connection: Connection | None = None

    async def ask(self, data: bytes) -> Answer:
        """The answer, whatever dies meanwhile."""
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    self.connection = self.connection or await Connection.open(self.product.address)
                    answer = await self.connection.ask(data)
                except (OSError, TimeoutError):
                    self.close()
                else:
                    if answer.status not in LOST:
                        return answer
                self.resent += 1
                await asyncio.sleep(0.2)

    def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None


@dataclass(kw_only=True)
class Kills:
    """kill -9 of the web role in the middle of some bursts."""

    product: Product
    chance: random.Random
    pids: list[int] = field(default_factory=list)

    async def kill(self) -> None:
        """A few milliseconds from now, and only a process that has not been killed yet."""
        await asyncio.sleep(self.chance.uniform(0.0, 0.06))
        pid = self.product.status("web").pid
        if pid is not None and pid not in self.pids:
            self.pids.append(self.product.kill("web"))


def furnish(product: Product, coupons: int) -> Shop:
    """Fill the database of a product that has not been started."""
    with product.makers() as makers:
        district = makers.district()
        merchant = makers.merchant(district)
        store = makers.store(district, merchant_id=merchant.id)
        tills = [
            Till(
                district_id=district.id,
                id=new_id(),
                store_id=store.id,
                name=str(number),
                created_at=makers.clock.now(),
            )
            for number in range(TILLS)
        ]
        makers.session.add_all(tills)
        members = [makers.member(district) for _ in range(MEMBERS)]
        campaign = makers.campaign(district, merchant, [store])
        claimed = makers.campaign(district, merchant, [store], stock=PIECES, offer=CLAIM)
        offers: list[Offer] = [
            makers.offer(campaign, members[number % MEMBERS], code=code_from(secrets.token_bytes(16)))
            for number in range(coupons)
        ]
        return Shop(
            district_id=district.id,
            slug=district.slug,
            store_id=store.id,
            claimed_id=claimed.id,
            keys=[
                makers.key(district, Role.TILL, scope_id=till.id, merchant_id=merchant.id) for till in tills
            ],
            codes=[offer.code for offer in offers],
            tokens=[makers.token(district, Role.SHOPPER, subject_id=member.id) for member in members],
        )


def use(shop: Shop, coupon: int, till: int) -> bytes:
    """A till's request for a coupon; its number is the coupon's, so that each till asks for each coupon once."""
    body = {"code": shop.codes[coupon], "store_id": str(shop.store_id), "use_request_no": f"n{coupon}"}
    return post(f"/v1/districts/{shop.slug}/redemptions", shop.keys[till], body)


def claim(shop: Shop, member: int) -> bytes:
    """A member's wish for a piece of the stock; the key makes a repeat the same wish."""
    target = f"/v1/me/offers/{shop.claimed_id}/claim"
    return post(target, shop.tokens[member], {}, **{"Idempotency-Key": f"claim-{member}"})


def post(target: str, token: str, body: dict[str, Any], **headers: str) -> bytes:
    """The bytes of a request."""
    told = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    return request("POST", target, headers=told, body=json.dumps(body).encode())


def winners(answers: Sequence[Answer]) -> list[tuple[int, bytes]]:
    """Who got it, with the answer; everyone else was told that it is gone."""
    tally = Counter(answer.status for answer in answers)
    assert set(tally) <= {200, 201, 409}, (
        tally,
        [one.body for one in answers if one.status not in {200, 201, 409}][:2],
    )
    return [(place, one.body) for place, one in enumerate(answers) if one.status in {200, 201}]


async def rush(product: Product, shop: Shop, *, kills: int, seed: int) -> dict[str, int]:
    """Every coupon at sixty-four tills at once, then every answer once more; the pieces of the stock in between."""
    chance = random.Random(seed)
    lines = [Line(product=product) for _ in range(TILLS)]
    killer = Kills(product=product, chance=chance)
    count = len(shop.codes)
    deadly = set(chance.sample(range(count), kills))
    first: list[tuple[int, bytes]] = []
    for coupon in range(count):
        dies = asyncio.create_task(killer.kill()) if coupon in deadly else None
        answers = await asyncio.gather(
            *(line.ask(use(shop, coupon, till)) for till, line in enumerate(lines))
        )
        if dies is not None:
            await dies
        won = winners(answers)
        assert len(won) == 1, f"coupon {coupon} was used {len(won)} times"
        first += won
        if coupon == count // 2:
            await claim_all(shop, lines, killer)
    for coupon, (till, body) in enumerate(first):
        again = await lines[till].ask(use(shop, coupon, till))
        assert (again.status, again.body) == (200, body), f"coupon {coupon} was answered otherwise"
    for line in lines:
        line.close()
    await asyncio.sleep(0)  # the loop closes a transport in its next turn
    return {"coupons": count, "kills": len(killer.pids), "resent": sum(line.resent for line in lines)}


async def claim_all(shop: Shop, lines: Sequence[Line], killer: Kills) -> None:
    """All members at once for fewer pieces than there are members, with a kill among them; then all once more."""
    dies = asyncio.create_task(killer.kill())
    answers = await asyncio.gather(*(line.ask(claim(shop, member)) for member, line in enumerate(lines)))
    await dies
    got = {member: offer_of(body) for member, body in winners(answers)}
    assert len(got) == len(set(got.values())) == PIECES
    again = await asyncio.gather(*(line.ask(claim(shop, member)) for member, line in enumerate(lines)))
    assert {member: offer_of(body) for member, body in winners(again)} == got


def offer_of(body: bytes) -> str:
    """The offer that a claim brought."""
    return str(json.loads(body)["offer"]["id"])


def stored(product: Product, shop: Shop) -> tuple[object, ...]:
    """What the database holds: uses, coupons used, postings; of the stock its quota, what is issued, offers."""
    used = product.row(
        "SELECT count(*), count(DISTINCT offer_id) FROM redemption WHERE district_id = %s", shop.district_id
    )
    posted = product.row(
        "SELECT count(*) FROM ledger_posting WHERE district_id = %s AND kind = 'redemption'", shop.district_id
    )
    issued = product.row(
        "SELECT quota, issued, (SELECT count(*) FROM offer WHERE district_id = %s AND campaign_id = %s)"
        " FROM campaign_stock WHERE district_id = %s AND campaign_id = %s",
        *(shop.district_id, shop.claimed_id) * 2,
    )
    return (*used, *posted, *issued)


def all_at_once(product: Product, *, coupons: int, kills: int, seed: int) -> tuple[object, ...]:
    """Furnish, start and rush; what is stored then."""
    print(f"DISTRICT_CHAOS_SEED={seed}")  # noqa: T201 shown when the test fails
    shop = furnish(product, coupons)
    product.start()
    wait_for("the web role answers", product.is_ready, timeout_s=GIVE_UP_S)
    print(asyncio.run(rush(product, shop, kills=kills, seed=seed)))  # noqa: T201 shown when the test fails
    return stored(product, shop)


def test_each_coupon_is_used_once_while_the_web_role_is_killed(product: Product) -> None:
    found = all_at_once(product, coupons=40, kills=2, seed=1)
    assert found == (40, 40, 40, PIECES, PIECES, PIECES)


@pytest.mark.chaos
@pytest.mark.timeout(3_000)
def test_a_thousand_coupons_at_sixty_four_tills_are_used_once_each(product: Product) -> None:
    found = all_at_once(product, coupons=1_000, kills=20, seed=SEED)
    assert found == (1_000, 1_000, 1_000, PIECES, PIECES, PIECES)

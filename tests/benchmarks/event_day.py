"""An event day at the tills: many campaigns' coupons used, asked again, taken back and claimed, and codes that are none."""

import json
import random
import secrets
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import psycopg

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.campaigns.shared_models import FundingShare
from district.database import new_id
from district.districts.models import District
from district.merchants.models import Merchant
from district.stores.models import Till
from push.coupon import code_from
from tests.benchmarks.loading import Answer, request
from tests.factories import Makers
from tests.product import Product

SLUG: Final = "event-day"
SHOPS: Final = 20
TILLS: Final = 3
MEMBERS: Final = 20_000
SHOPPERS: Final = 600
MINOR: Final = 1001
SHARES: Final = (("merchant", 500), ("property", 250), ("platform", 250))
RECENT: Final = 2_000
"""So many of the last uses are what tills ask again or take back."""
LEAST_MINOR: Final = 100


class Kind(StrEnum):
    """What is asked."""

    USE = "use"
    REPLAY = "replay"
    REVERSAL = "reversal"
    CLAIM = "claim"
    UNKNOWN = "unknown"


A_SECOND: Final[Mapping[Kind, int]] = {
    Kind.USE: 200,
    Kind.REPLAY: 10,
    Kind.REVERSAL: 5,
    Kind.CLAIM: 10,
    Kind.UNKNOWN: 1,
}
PER_SECOND: Final = sum(A_SECOND.values())
EXPECTED: Final[Mapping[Kind, int]] = {
    Kind.USE: 200,
    Kind.REPLAY: 200,
    Kind.REVERSAL: 200,
    Kind.CLAIM: 201,
    Kind.UNKNOWN: 404,
}
COLUMNS: Final = (
    "district_id",
    "id",
    "campaign_id",
    "member_id",
    "occurrence_key",
    "code",
    "kind",
    "value",
    "title",
    "text",
    "why",
    "valid_from",
    "valid_until",
    "issued_at",
)


@dataclass(frozen=True, kw_only=True)
class Coupon:
    """A code, and the shop that takes it."""

    code: str
    shop: int


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Open coupons, the keys of each shop's tills, and who claims what."""

    keys: Sequence[Sequence[str]]
    coupons: Sequence[Coupon]
    shoppers: Sequence[str]
    claimable: Sequence[tuple[uuid.UUID, int]]
    """Campaigns with their shops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One request, with what its answer is held to."""

    kind: Kind
    data: bytes
    due_s: float
    key: str = ""
    coupon: Coupon | None = None
    redemption: str = ""
    said: bytes = b""


@dataclass(kw_only=True)
class Day:
    """The requests of the day, each made of what was answered before, and what became of them."""

    scene: Scene
    seed: int
    seconds: dict[Kind, list[float]] = field(default_factory=lambda: {kind: [] for kind in Kind})
    wrong: list[str] = field(default_factory=list)
    redemptions: set[str] = field(default_factory=set)
    reversals: set[str] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._coupons = deque(self.scene.coupons)
        self._recent: deque[Sent] = deque(maxlen=RECENT)
        self._waiting: dict[int, Sent] = {}
        self._counts: Counter[str] = Counter()

    def requests(self) -> Iterator[bytes]:
        """Endless seconds of A_SECOND, in a random order."""
        second = [kind for kind, times in A_SECOND.items() for _ in range(times)]
        began = time.perf_counter()
        number = 0
        while True:
            self._chance.shuffle(second)
            for kind in second:
                sent = self._make(kind, began + number / PER_SECOND)
                self._waiting[number] = sent
                number += 1
                yield sent.data

    def heard(self, number: int, answer: Answer) -> None:
        """Hold an answer to what it should be, and keep what later requests are made of."""
        sent = self._waiting.pop(number)
        self.seconds[sent.kind].append(time.perf_counter() - sent.due_s)
        if answer.status != EXPECTED[sent.kind] or (sent.said and answer.body != sent.said):
            self.wrong.append(f"{sent.kind}: {answer.status} {answer.body[:200]!r}")
        elif sent.kind is Kind.USE:
            self._used(sent, answer)
        elif sent.kind is Kind.REVERSAL and sent.coupon is not None:
            self.reversals.add(sent.redemption)
            self._coupons.append(sent.coupon)
        elif sent.kind is Kind.CLAIM and sent.coupon is not None:
            offer = answer.json()["offer"]
            self.claims.add(offer["id"])
            self._coupons.append(Coupon(code=offer["code"], shop=sent.coupon.shop))

    @property
    def unanswered(self) -> int:
        """How many requests nobody answered."""
        return len(self._waiting)

    def _used(self, sent: Sent, answer: Answer) -> None:
        self.redemptions.add(answer.json()["redemption_id"])
        done = Sent(
            kind=sent.kind,
            data=sent.data,
            due_s=sent.due_s,
            key=sent.key,
            coupon=sent.coupon,
            redemption=answer.json()["redemption_id"],
            said=answer.body,
        )
        self._recent.append(done)

    def _make(self, kind: Kind, due_s: float) -> Sent:
        if kind is Kind.CLAIM:
            return self._claim(due_s)
        if kind is Kind.UNKNOWN:
            return self._use(Kind.UNKNOWN, self._unknown(), due_s)
        if kind is Kind.USE or not self._recent:
            return self._use(Kind.USE, self._coupons.popleft(), due_s)
        place = self._chance.randrange(len(self._recent))
        done = self._recent[place]
        if kind is Kind.REPLAY:
            return Sent(kind=kind, data=done.data, due_s=due_s, said=done.said)
        del self._recent[place]
        body = {"return_request_no": self._next("return")}
        target = f"/v1/districts/{SLUG}/redemptions/{done.redemption}/reversal"
        return Sent(
            kind=kind,
            data=_post(target, done.key, body),
            due_s=due_s,
            coupon=done.coupon,
            redemption=done.redemption,
        )

    def _use(self, kind: Kind, coupon: Coupon, due_s: float) -> Sent:
        key = self._chance.choice(self.scene.keys[coupon.shop])
        body = {"code": coupon.code, "use_request_no": self._next("use")}
        data = _post(f"/v1/districts/{SLUG}/redemptions", key, body)
        return Sent(kind=kind, data=data, due_s=due_s, key=key, coupon=coupon)

    def _unknown(self) -> Coupon:
        """A well-formed code of no offer, at one till after the other: one that asks for many is locked out."""
        self._counts["unknown"] += 1
        return Coupon(code=code_from(self._chance.randbytes(16)), shop=self._counts["unknown"] % SHOPS)

    def _claim(self, due_s: float) -> Sent:
        number = self._counts["claim"]
        campaign_id, shop = self.scene.claimable[number % len(self.scene.claimable)]
        token = self.scene.shoppers[number // len(self.scene.claimable) % len(self.scene.shoppers)]
        data = _post(f"/v1/me/offers/{campaign_id}/claim", token, {}, self._next("claim"))
        return Sent(kind=Kind.CLAIM, data=data, due_s=due_s, coupon=Coupon(code="", shop=shop))

    def _next(self, what: str) -> str:
        self._counts[what] += 1
        return f"{what}-{self._counts[what]}"


def _post(target: str, key: str, body: Mapping[str, Any], idempotency: str | None = None) -> bytes:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if idempotency is not None:
        headers["Idempotency-Key"] = idempotency
    return request("POST", target, headers=headers, body=json.dumps(body).encode())


def furnish(product: Product, *, coupons: int, claims: int) -> Scene:
    """Twenty shops with three tills and a campaign each, three campaigns to claim from, and the coupons."""
    with product.makers() as makers:
        district = makers.district(slug=SLUG)
        merchants = [makers.merchant(district) for _ in range(SHOPS)]
        shops = [_shop(makers, district, merchant) for merchant in merchants]
        claimable = _claimable(makers, district, merchants, shops, claims)
        shoppers = [
            makers.token(district, Role.SHOPPER, subject_id=makers.member(district).id)
            for _ in range(SHOPPERS)
        ]
    codes = [code_from(secrets.token_bytes(16)) for _ in range(coupons)]
    _copy(product, district.id, [campaign.id for _, _, campaign in shops], codes)
    return Scene(
        keys=[keys for _, keys, _ in shops],
        coupons=[Coupon(code=code, shop=number % SHOPS) for number, code in enumerate(codes)],
        shoppers=shoppers,
        claimable=claimable,
    )


def _shop(makers: Makers, district: District, merchant: Merchant) -> tuple[Any, list[str], Campaign]:
    store = makers.store(district, merchant_id=merchant.id)
    keys = []
    for number in range(TILLS):
        till = Till(
            district_id=district.id,
            id=new_id(),
            store_id=store.id,
            name=str(number),
            created_at=makers.clock.now(),
        )
        makers.session.add(till)
        makers.session.flush()
        keys.append(makers.key(district, Role.TILL, scope_id=till.id, merchant_id=merchant.id))
    campaign = makers.campaign(district, merchant, [store])
    _shared(makers, campaign)
    return store, keys, campaign


def _claimable(
    makers: Makers, district: District, merchants: Sequence[Merchant], shops: Sequence[Any], claims: int
) -> list[tuple[uuid.UUID, int]]:
    """Two counted stocks and a pool of red packets, each as large as all claims."""
    words = {"title": {"zh": "立减", "en": "Off"}, "text": {"zh": "今天有效", "en": "Today only"}}
    amount = {"kind": "coupon", "value": {"type": "amount", "minor_units": MINOR}, **words}
    packet = {
        "type": "random",
        "total_minor": claims * MINOR,
        "count": claims,
        "least_minor": LEAST_MINOR,
    }
    offers = (amount, amount, {"kind": "red_packet", "value": packet, **words})
    made = []
    for shop, offer in enumerate(offers):
        campaign = makers.campaign(
            district,
            merchants[shop],
            [shops[shop][0]],
            stock=claims,
            rule={"v": 1, "trigger": {"any": [{"on": "wifi.join"}]}, "per_member": 100, "ttl_s": 86_400},
            offer={**offer, "claim": {"mode": "open", "pushed": False}},
        )
        _shared(makers, campaign)
        made.append((campaign.id, shop))
    return made


def _shared(makers: Makers, campaign: Campaign) -> None:
    for kind, permille in SHARES:
        share = FundingShare(
            district_id=campaign.district_id, campaign_id=campaign.id, party_kind=kind, permille=permille
        )
        makers.session.add(share)


def _copy(
    product: Product, district_id: uuid.UUID, campaign_ids: Sequence[uuid.UUID], codes: Sequence[str]
) -> None:
    now = product.now() - timedelta(minutes=1)
    members = [new_id() for _ in range(MEMBERS)]
    value = json.dumps({"type": "amount", "minor_units": MINOR})
    with psycopg.connect(product.dsn) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY member (district_id, id, bucket, language, joined_at) FROM STDIN") as copy:
            for member in members:
                copy.write_row((district_id, member, 1, "en", now))
        with cursor.copy(f"COPY offer ({', '.join(COLUMNS)}) FROM STDIN".encode()) as copy:
            for number, code in enumerate(codes):
                own = (campaign_ids[number % SHOPS], members[number % MEMBERS], str(number), code, "coupon")
                words = (value, '{"en": "Off"}', '{"en": "Today"}', "{}")
                times = (now, now + timedelta(days=1), now)
                copy.write_row((district_id, new_id(), *own, *words, *times))
        cursor.execute(
            "UPDATE campaign_stock AS stock SET issued = offer.n"
            " FROM (SELECT campaign_id, count(*) AS n FROM offer GROUP BY 1) AS offer"
            " WHERE stock.campaign_id = offer.campaign_id"
        )
        connection.commit()

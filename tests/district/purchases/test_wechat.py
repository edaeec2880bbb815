"""Notices in the documented shape of WeChat Pay's smart business circle, signed with a key of our own."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from district.auth.models import Role
from district.members.models import Member
from district.portal.models import MemberIdentity, OidcProvider
from tests.district.points.conftest import Bank
from tests.district.purchases.signing import SERIAL, Provider

PROBLEM = "urn:shangquan:problem:"
PAID, REFUNDED = "MALL_TRANSACTION.SUCCESS", "MALL_REFUND.SUCCESS"
PLATFORM = Provider()


@dataclass(frozen=True, kw_only=True)
class Circle:
    """A district with a source, and a member who linked himself to it."""

    bank: Bank
    member: Member
    openid: str

    def paid(self, **values: Any) -> dict[str, Any]:
        given = {
            "mchid": "1230000109",
            "merchant_name": "商圈",
            "shop_name": "一号店",
            "shop_number": self.bank.store.ref,
            "appid": "wxd678efh567hg6787",
            "openid": self.openid,
            "time_end": self.bank.clock.now().isoformat(),
            "amount": 10_000,
            "transaction_id": "1009660380201506130728806387",
            "commit_tag": "",
        }
        return given | values

    def refunded(self, **values: Any) -> dict[str, Any]:
        given = {name: value for name, value in self.paid().items() if name not in {"amount", "time_end"}}
        back = {
            "refund_time": self.bank.clock.now().isoformat(),
            "pay_amount": 10_000,
            "refund_amount": 4_000,
            "refund_id": "50000000382019052709732678859",
        }
        return given | back | values

    async def tell(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.bank.client.post(
            f"/v1/districts/{self.bank.district.slug}/purchase-sources/wechat/notices",
            content=body,
            headers=headers or PLATFORM.headers(body, self.bank.clock.machine_now()),
        )

    async def tell_of(
        self, event_type: str, said: dict[str, Any], notice_id: str | None = None
    ) -> httpx.Response:
        return await self.tell(PLATFORM.body(event_type, said, notice_id=notice_id))

    async def ask(
        self, method: str, path: str, *, member: Member | None = None, **values: Any
    ) -> httpx.Response:
        return await self.bank.client.request(
            method, path, headers=self.bank.token(member or self.member), **values
        )

    async def kept(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("GET", "/v1/me/purchases")).json()["items"]
        return found

    def unlinked(self) -> int:
        self.bank.makers.session.rollback()
        values = {"d": self.bank.district.id}
        sql = "SELECT coalesce(sum(unlinked), 0) FROM purchase_count WHERE district_id = :d"
        return int(self.bank.makers.session.scalar(text(sql), values) or 0)


@pytest.fixture
async def circle(bank: Bank) -> Circle:
    """Made through the interface; the log-in at the provider is a row."""
    makers, openid = bank.makers, f"o-{uuid.uuid4().hex}"
    member = makers.member(bank.district)
    provider = OidcProvider(
        district_id=bank.district.id,
        id=uuid.uuid4(),
        slug=f"wx-{uuid.uuid4().hex[:8]}",
        name="WeChat",
        issuer="https://wechat.test",
        client_id="c",
        client_secret="s",
        created_at=bank.clock.now(),
    )
    makers.session.add(provider)
    makers.session.flush()
    makers.session.add(
        MemberIdentity(
            district_id=bank.district.id,
            provider_id=provider.id,
            subject=openid,
            member_id=member.id,
            created_at=bank.clock.now(),
        )
    )
    makers.done()
    made = await bank.client.post(
        f"/v1/districts/{bank.district.slug}/purchase-sources",
        json={
            "slug": "wechat",
            "name": "智慧商圈",
            "public_keys": {SERIAL: PLATFORM.public_pem},
            "api_key": PLATFORM.api_key,
            "provider_id": str(provider.id),
        },
        headers={"Authorization": f"Bearer {makers.token(bank.district, Role.OPERATOR)}"},
    )
    assert made.status_code == 201, made.text
    assert PLATFORM.api_key not in made.text
    circle = Circle(bank=bank, member=member, openid=openid)
    assert (await circle.ask("PUT", "/v1/me/purchase-links/wechat")).status_code == 200
    return circle


async def test_a_payment_of_a_linked_member_is_kept_and_earns(circle: Circle) -> None:
    answer = await circle.tell_of(PAID, circle.paid())
    assert (answer.status_code, answer.content) == (204, b"")
    [purchase] = await circle.kept()
    assert (purchase["amount_minor"], purchase["store_id"]) == (10_000, str(circle.bank.store.id))
    assert (await circle.bank.points_of(circle.member))["balance"] == 100


async def test_the_retry_ladder_brings_one_purchase_however_it_is_encrypted(circle: Circle) -> None:
    said, number = circle.paid(), str(uuid.uuid4())
    for wait_s in (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600):
        assert (await circle.tell_of(PAID, said, number)).status_code == 204
        circle.bank.clock.advance(timedelta(seconds=wait_s))
    assert len(await circle.kept()) == 1
    assert (await circle.bank.points_of(circle.member))["balance"] == 100


async def test_duplicates_at_once_are_one(circle: Circle) -> None:
    said, number = circle.paid(), str(uuid.uuid4())
    answers = await asyncio.gather(*(circle.tell_of(PAID, said, number) for _ in range(32)))
    assert {answer.status_code for answer in answers} == {204}
    assert (await circle.bank.points_of(circle.member))["balance"] == 100


async def test_another_notice_of_the_same_payment_is_the_same_purchase(circle: Circle) -> None:
    for _ in range(2):
        assert (await circle.tell_of(PAID, circle.paid())).status_code == 204
    assert len(await circle.kept()) == 1


async def test_the_same_number_with_another_body_is_a_conflict(circle: Circle) -> None:
    number = str(uuid.uuid4())
    await circle.tell_of(PAID, circle.paid(), number)
    answer = await circle.tell_of(PAID, circle.paid(amount=1), number)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "notice-reused")


async def test_a_payment_of_nobody_is_counted_once_and_not_kept(circle: Circle) -> None:
    said, number = circle.paid(openid="o-stranger"), str(uuid.uuid4())
    for _ in range(3):
        assert (await circle.tell_of(PAID, said, number)).status_code == 204
    assert (await circle.kept(), circle.unlinked()) == ([], 1)
    circle.bank.makers.session.rollback()
    stored = circle.bank.makers.session.scalars(
        text("SELECT t::text FROM purchase_notice t WHERE district_id = :d"), {"d": circle.bank.district.id}
    ).all()
    assert len(stored) == 1
    assert not any("o-stranger" in row or number in row for row in stored)


async def test_who_takes_the_link_back_is_nobody(circle: Circle) -> None:
    [link] = (await circle.ask("GET", "/v1/me/purchase-links")).json()
    assert (link["source"], link["name"]) == ("wechat", "智慧商圈")
    assert (await circle.ask("DELETE", "/v1/me/purchase-links/wechat")).status_code == 204
    await circle.tell_of(PAID, circle.paid())
    assert (await circle.kept(), circle.unlinked()) == ([], 1)


async def test_only_who_signed_in_with_the_provider_can_link(circle: Circle) -> None:
    other = circle.bank.makers.member(circle.bank.district)
    answer = await circle.ask("PUT", "/v1/me/purchase-links/wechat", member=other)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "sign-in-first")


async def test_a_shop_that_is_not_the_districts_is_counted(circle: Circle) -> None:
    await circle.tell_of(PAID, circle.paid(shop_number="elsewhere"))
    assert (await circle.kept(), circle.unlinked()) == ([], 1)


async def test_a_refund_takes_its_part_back_once(circle: Circle) -> None:
    await circle.tell_of(PAID, circle.paid())
    said, number = circle.refunded(), str(uuid.uuid4())
    for _ in range(3):
        assert (await circle.tell_of(REFUNDED, said, number)).status_code == 204
    [purchase] = await circle.kept()
    assert purchase["refunded_minor"] == 4_000
    assert (await circle.bank.points_of(circle.member))["balance"] == 60


async def test_a_refund_that_comes_first_is_sent_again(circle: Circle) -> None:
    number = str(uuid.uuid4())
    early = await circle.tell_of(REFUNDED, circle.refunded(), number)
    assert (early.status_code, early.headers["Retry-After"]) == (503, "15")
    await circle.tell_of(PAID, circle.paid())
    assert (await circle.tell_of(REFUNDED, circle.refunded(), number)).status_code == 204
    assert [one["refunded_minor"] for one in await circle.kept()] == [4_000]


async def test_a_refund_after_thirty_days_is_taken_note_of_and_changes_nothing(circle: Circle) -> None:
    await circle.tell_of(PAID, circle.paid())
    circle.bank.clock.advance(timedelta(days=30, seconds=1))
    assert (await circle.tell_of(REFUNDED, circle.refunded())).status_code == 204
    assert [one["refunded_minor"] for one in await circle.kept()] == [0]


@pytest.mark.parametrize("offset_s", [-301, 301])
async def test_a_notice_of_another_time_is_refused(circle: Circle, offset_s: int) -> None:
    body = PLATFORM.body(PAID, circle.paid())
    at = circle.bank.clock.machine_now() + timedelta(seconds=offset_s)
    answer = await circle.tell(body, PLATFORM.headers(body, at))
    assert (answer.status_code, answer.json()["code"]) == (401, "FAIL")


async def test_each_changed_byte_of_the_body_is_noticed(circle: Circle) -> None:
    body = PLATFORM.body(PAID, circle.paid())
    headers = PLATFORM.headers(body, circle.bank.clock.machine_now())
    for place in range(0, len(body), 37):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert (await circle.tell(changed, headers)).status_code == 401
    assert (await circle.tell(body + b"\n", headers)).status_code == 401
    assert await circle.kept() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Wechatpay-Serial", "0" * 32),
        ("Wechatpay-Timestamp", "soon"),
        ("Wechatpay-Timestamp", "１２３"),
        ("Wechatpay-Nonce", ""),
        ("Wechatpay-Signature", "WECHATPAY/SIGNTEST/abc"),
        ("Wechatpay-Signature", ""),
    ],
)
async def test_headers_that_do_not_fit_are_refused(circle: Circle, name: str, value: str) -> None:
    body = PLATFORM.body(PAID, circle.paid())
    headers = PLATFORM.headers(body, circle.bank.clock.machine_now())
    raw = [(key.encode(), (value if key == name else one).encode()) for key, one in headers.items()]
    answer = await circle.bank.client.post(
        f"/v1/districts/{circle.bank.district.slug}/purchase-sources/wechat/notices",
        content=body,
        headers=raw,
    )
    assert answer.status_code == 401


async def test_another_platforms_signature_is_refused(circle: Circle) -> None:
    body = PLATFORM.body(PAID, circle.paid())
    answer = await circle.tell(body, Provider().headers(body, circle.bank.clock.machine_now()))
    assert answer.status_code == 401


async def test_what_is_encrypted_under_another_key_is_said_to_be_unreadable(circle: Circle) -> None:
    body = PLATFORM.body(PAID, circle.paid(), api_key="k" * 32)
    answer = await circle.tell(body)
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEM + "notice-unreadable")


@pytest.mark.parametrize(
    "said",
    [
        {"amount": 0},
        {"amount": -5},
        {"amount": 10**15},
        {"openid": ""},
        {"time_end": "yesterday"},
        {"transaction_id": ""},
    ],
)
async def test_a_signed_notice_that_makes_no_sense_is_refused(circle: Circle, said: dict[str, Any]) -> None:
    assert (await circle.tell_of(PAID, circle.paid(**said))).status_code == 422


async def test_an_event_of_another_kind_is_taken_and_left(circle: Circle) -> None:
    answer = await circle.tell_of("MALL_AUTH.ACTIVATE_CARD", {"openid": circle.openid})
    assert (answer.status_code, circle.unlinked()) == (204, 0)


async def test_a_body_that_is_too_large_is_refused(circle: Circle) -> None:
    body = b"x" * (65 << 10)
    assert (await circle.tell(body)).status_code == 413


async def test_keys_that_are_none_are_refused_and_a_new_one_replaces_the_old(circle: Circle) -> None:
    bank = circle.bank
    path = f"/v1/districts/{bank.district.slug}/purchase-sources/wechat"
    headers = {"Authorization": f"Bearer {bank.makers.token(bank.district, Role.OPERATOR)}"}
    bad = await bank.client.patch(path, json={"public_keys": {"A": "x" * 200}}, headers=headers)
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/body/public_keys/A")
    new = Provider()
    good = await bank.client.patch(path, json={"public_keys": {"NEW": new.public_pem}}, headers=headers)
    assert (good.status_code, good.json()["serials"]) == (200, ["NEW"])
    body = PLATFORM.body(PAID, circle.paid())
    assert (await circle.tell(body)).status_code == 401
    assert (
        await circle.tell(body, new.headers(body, bank.clock.machine_now(), serial="NEW"))
    ).status_code == 204
    await bank.client.patch(path, json={"is_disabled": True}, headers=headers)
    assert (
        await circle.tell(body, new.headers(body, bank.clock.machine_now(), serial="NEW"))
    ).status_code == 404

"""Subscribe messages of a mini-program, from the member's leave to the message, against servers made from WeChat's documentation."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from district.auth.models import Role
from push.channels.wechat_crypto import Envelope, key_of
from push.consent import Channel
from tests.channels.wechat.conftest import TEMPLATE, Workers, account
from tests.channels.wechat.weixin import APP_ID, APP_SECRET, Weixin
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

OPENID = "oABCDEF0123456789-openid"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
EVENT = """<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>{at}</CreateTime>
<MsgType>event</MsgType><Event>subscribe_msg_sent_event</Event><SubscribeMsgSentEvent><List>
<TemplateId>TEMPLATE-1</TemplateId><MsgID>{id}</MsgID><ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus>
</List></SubscribeMsgSentEvent></xml>"""
OFFERED = (Channel.INBOX, Channel.MINI_PROGRAM)
SENT = """
SELECT state, reason FROM outbox_message WHERE district_id = %(d)s AND channel = 'mini_program' ORDER BY id
"""
LEFT = "SELECT count(*) FROM wechat_grant WHERE district_id = %(d)s AND delivery_id IS NULL"
USED = "SELECT count(*) FROM wechat_grant WHERE district_id = %(d)s AND delivery_id IS NOT NULL"
RENEWED = "SELECT version, renewing_until IS NULL FROM channel_token WHERE district_id = %(d)s"
ENDPOINTS = "SELECT member_id, state FROM member_endpoint WHERE district_id = %(d)s"


class Phone:
    """A member's mini-program: it has the member's token."""

    def __init__(self, desk: Desk, ground: Ground, weixin: Weixin, **values: Any) -> None:
        self.member = ground.member(**values)
        token = ground.makers.token(ground.district, Role.SHOPPER, subject_id=self.member.id)
        self._headers, self._client, self._weixin = {"Authorization": f"Bearer {token}"}, desk.client, weixin

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self._client.request(method, path, json=body, headers={**self._headers, **headers})

    async def bind(self, openid: str = OPENID) -> httpx.Response:
        code = f"code-{len(self._weixin.codes)}-{openid}"
        self._weixin.codes[code] = openid
        return await self.ask("POST", "/v1/me/accounts", {"provider": "wx", "code": code})

    async def allow(self, times: int = 1, openid: str = OPENID) -> httpx.Response:
        answer = None
        for _ in range(times):
            self._weixin.leave[openid, TEMPLATE["id"]] += 1
            body = {"provider": "wx", "templates": [TEMPLATE["id"]]}
            answer = await self.ask("POST", "/v1/me/wechat/grants", body)
        assert answer is not None
        return answer


@pytest.fixture
async def phone(desk: Desk, ground: Ground, weixin: Weixin) -> Phone:
    """A member with the mini-program in hand, bound, who has allowed nothing."""
    await account(desk, weixin)
    phone = Phone(desk, ground, weixin, language="zh")
    assert (await phone.bind()).status_code == 201
    return phone


async def offer(
    ground: Ground,
    phone: Phone,
    title: str = "午餐八折",
    *,
    channels: tuple[Channel, ...] = OFFERED,
) -> None:
    words = {"title": {"zh": title, "en": title}, "text": {"zh": "今天有效", "en": "Today"}}
    campaign = ground.campaign(offer={"kind": "coupon", "value": {"type": "percent", "percent": 20}, **words})
    await ground.issue(ground.draft(campaign, phone.member, channels=channels))


async def test_one_leave_sends_one_message(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    allowed = await phone.allow()
    assert (allowed.status_code, allowed.json()) == (201, [{"id": TEMPLATE["id"], "left": 1}])
    await offer(ground, phone)
    await workers.drain()
    assert await ground.rows(SENT) == [("accepted", "")]
    (sent,) = weixin.sent
    assert (sent["touser"], sent["template_id"]) == (OPENID, TEMPLATE["id"])
    assert sent["data"] == {"thing1": {"value": "午餐八折"}}
    assert (sent["miniprogram_state"], sent["lang"]) == ("formal", "zh_CN")
    assert (await ground.number(LEFT), await ground.number(USED)) == (0, 1)


async def test_without_leave_the_mini_program_is_no_way_to_the_member(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    await offer(ground, phone)
    await workers.drain()
    assert await ground.rows(SENT) == []
    assert weixin.tried == []


async def test_many_workers_use_up_each_leave_once(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    await phone.allow(5)
    for number in range(12):
        await offer(ground, phone, f"优惠{number}")
    await workers.drain(at_once=4)
    states = [row[0] for row in await ground.rows(SENT)]
    assert (states.count("accepted"), states.count("failed")) == (5, 7)
    assert {row[1] for row in await ground.rows(SENT) if row[0] == "failed"} == {"no_endpoint"}
    assert len(weixin.tried) == len(weixin.sent) == 5
    assert weixin.leave[OPENID, TEMPLATE["id"]] == 0


async def test_workers_share_one_token_and_one_of_them_asks_for_it(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    weixin.token_lag_s = 0.3
    await phone.allow(8)
    for number in range(8):
        await offer(ground, phone, f"优惠{number}")
    await workers.drain(at_once=4)
    assert len(weixin.sent) == 8
    assert (weixin.token_calls, weixin.most_at_once) == ([False], 1)
    assert await ground.rows(RENEWED) == [(1, True)]


async def test_a_token_that_ends_under_way_is_renewed_once_for_all(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    await phone.allow(9)
    await offer(ground, phone)
    await workers.drain()
    weixin.end_token()
    weixin.token_lag_s = weixin.lag_s = 0.1
    for number in range(8):
        await offer(ground, phone, f"优惠{number}")
    await workers.drain(at_once=3)
    assert len(weixin.sent) == 9
    assert weixin.token_calls == [False, False]
    assert {row[0] for row in await ground.rows(SENT)} == {"accepted"}


async def test_a_token_that_is_refused_but_given_again_is_forced(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    await phone.allow(2)
    await offer(ground, phone)
    await workers.drain()
    weixin.scripted = [42001]
    await offer(ground, phone, "再来一单")
    await workers.drain()
    assert weixin.token_calls == [False, False, True]
    assert len(weixin.sent) == 2


async def test_a_wrong_secret_is_not_a_lost_leave(
    desk: Desk, ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    await phone.allow()
    changed = await desk.ask("PATCH", "channel-providers/wx", {"secrets": {"app_secret": "b" * 32}})
    assert changed.status_code == 200
    await offer(ground, phone)
    await workers.drain()
    ((state, reason),) = await ground.rows(SENT)
    assert (state, reason) == ("queued", "access token: errcode 40125")
    assert await ground.number(LEFT) == 1


async def test_what_wechat_says_is_used_up_is_used_up(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    await phone.allow(3)
    weixin.leave.clear()
    await offer(ground, phone, channels=(Channel.MINI_PROGRAM,))
    await workers.drain()
    assert await ground.rows(SENT) == [("failed", "no_endpoint")]
    assert await ground.number(LEFT) == 0
    why = "SELECT reason FROM refusal WHERE district_id = %(d)s"
    assert await ground.rows(why) == [("no_endpoint",)]


@pytest.mark.parametrize(
    ("answer", "state", "left"),
    [
        (-1, "queued", 1),
        (43117, "queued", 1),
        (45009, "queued", 1),
        (40037, "failed", 1),
        (47003, "failed", 1),
        (40241, "accepted", 0),
        (Response(b"<html>", 200), "unknown", 0),
        (Response(b"", 502), "unknown", 0),
        (Response(b"", 429, {"Retry-After": "60"}), "queued", 1),
    ],
    ids=["busy", "too-often", "quota", "no-template", "field", "duplicate", "no-json", "502", "429"],
)
async def test_each_answer_is_told_apart_and_unused_leave_is_given_back(
    ground: Ground,
    weixin: Weixin,
    workers: Workers,
    phone: Phone,
    *,
    answer: int | Response,
    state: str,
    left: int,
) -> None:
    await phone.allow()
    weixin.scripted = [answer]
    await offer(ground, phone)
    await workers.drain()
    assert [row[0] for row in await ground.rows(SENT)] == [state]
    assert await ground.number(LEFT) == left
    assert len(weixin.tried) == 1


async def test_a_title_that_is_too_long_is_cut_to_what_the_field_takes(
    ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    await phone.allow()
    await offer(ground, phone, "很" * 30)
    await workers.drain()
    assert weixin.sent[0]["data"] == {"thing1": {"value": "很" * 19 + "…"}}


async def test_an_account_has_one_owner_and_leave_goes_with_it(
    desk: Desk, ground: Ground, weixin: Weixin, phone: Phone
) -> None:
    await phone.allow(2)
    other = Phone(desk, ground, weixin)
    assert (await other.bind()).status_code == 201
    assert await ground.rows(ENDPOINTS) == [(other.member.id, "active")]
    assert await ground.number(LEFT) == 0


async def test_of_members_who_prove_one_account_at_once_one_has_it(
    desk: Desk, ground: Ground, weixin: Weixin
) -> None:
    await account(desk, weixin)
    phones = [Phone(desk, ground, weixin) for _ in range(6)]
    for number in range(6):
        weixin.codes[f"code-{number}"] = OPENID
    asked = [{"provider": "wx", "code": f"code-{number}"} for number in range(6)]
    answers = await asyncio.gather(
        *(one.ask("POST", "/v1/me/accounts", body) for one, body in zip(phones, asked, strict=True))
    )
    assert {one.status_code for one in answers} == {201}
    assert len(await ground.rows(ENDPOINTS)) == 1


async def test_a_receipt_of_the_mini_program_says_that_it_arrived(
    desk: Desk, ground: Ground, weixin: Weixin, workers: Workers, phone: Phone
) -> None:
    post = await desk.client.post(f"/v1/districts/{desk.slug}/receipts/wx?timestamp=1", content=b"<xml/>")
    assert post.status_code == 401
    secrets = {"app_secret": APP_SECRET, "token": "spamtest", "aes_key": AES_KEY}
    assert (await desk.ask("PATCH", "channel-providers/wx", {"secrets": secrets})).status_code == 200
    await phone.allow()
    await offer(ground, phone)
    await workers.drain()
    stamp = str(int(ground.clock.machine_now().timestamp()))
    envelope = Envelope(token="spamtest", key=key_of(AES_KEY), receiver=APP_ID)
    text, given = envelope.seal(EVENT.format(at=stamp, id=1001).encode(), timestamp=stamp, nonce="n")
    told = await desk.client.post(
        f"/v1/districts/{desk.slug}/receipts/wx",
        params={"timestamp": stamp, "nonce": "n", "msg_signature": given},
        content=f"<xml><Encrypt>{text}</Encrypt></xml>",
    )
    assert told.status_code == 200
    arrived = "SELECT delivered_at IS NOT NULL FROM outbox_message WHERE channel = 'mini_program' AND district_id = %(d)s"
    assert await ground.rows(arrived) == [(True,)]


async def test_a_code_that_names_nobody_binds_nothing(desk: Desk, ground: Ground, weixin: Weixin) -> None:
    await account(desk, weixin)
    phone = Phone(desk, ground, weixin)
    answer = await phone.ask("POST", "/v1/me/accounts", {"provider": "wx", "code": "used"})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "account-refused")
    assert await ground.rows(ENDPOINTS) == []


async def test_leave_is_counted_once_for_one_key_and_only_with_an_account(
    desk: Desk, ground: Ground, weixin: Weixin
) -> None:
    await account(desk, weixin)
    phone = Phone(desk, ground, weixin)
    body = {"provider": "wx", "templates": [TEMPLATE["id"]]}
    early = await phone.ask("POST", "/v1/me/wechat/grants", body)
    assert early.status_code == 409
    await phone.bind()
    key = {"Idempotency-Key": "popup-1"}
    answers = await asyncio.gather(
        *(phone.ask("POST", "/v1/me/wechat/grants", body, **key) for _ in range(4))
    )
    assert {one.status_code for one in answers} == {201}
    assert await ground.number(LEFT) == 1
    strange = await phone.ask("POST", "/v1/me/wechat/grants", {"provider": "wx", "templates": ["TEMPLATE-9"]})
    assert (strange.status_code, strange.json()["errors"][0]["pointer"]) == (422, "/templates/0")


async def test_the_member_sees_and_forgets_his_account(ground: Ground, weixin: Weixin, phone: Phone) -> None:
    await phone.allow()
    (shown,) = (await phone.ask("GET", "/v1/me/accounts")).json()
    assert (shown["provider"], shown["state"], shown["bind_url"]) == ("wx", "active", None)
    assert shown["templates"] == [{"id": TEMPLATE["id"], "left": 1}]
    assert OPENID not in str(shown)
    gone = await phone.ask("DELETE", "/v1/me/accounts/wx")
    assert gone.status_code == 204
    assert await ground.rows(ENDPOINTS) == []
    assert await ground.number(LEFT) == 0
    said = "SELECT channel, granted FROM consent WHERE district_id = %(d)s AND channel <> ''"
    assert await ground.rows(said) == [("mini_program", False)]


async def test_templates_that_nobody_could_fill_are_refused(desk: Desk, weixin: Weixin) -> None:
    for fields in ({"thing1": "{nobody}"}, {"title": "{title}"}, {"phrase2": "far too long a phrase"}):
        body = {
            "slug": "wx",
            "kind": "wechat_mini",
            "name": "WeChat",
            "options": {"app_id": "wx0123456789abcdef", "templates": [TEMPLATE | {"fields": fields}]},
            "secrets": {"app_secret": "a" * 32},
        }
        answer = await desk.ask("POST", "channel-providers", body)
        assert answer.status_code == 422, fields
        assert answer.json()["errors"][0]["pointer"].startswith("/options/templates/0")

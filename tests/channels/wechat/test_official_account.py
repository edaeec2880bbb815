"""An official account: template messages, sealed events in any order, and binding by a page inside WeChat."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from district.auth.models import Role
from push.channels.wechat_crypto import Envelope, key_of, signature
from push.consent import Channel
from tests.channels.wechat.conftest import TEMPLATE, Workers
from tests.channels.wechat.weixin import APP_ID, APP_SECRET, Weixin
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

OPENID = "oABCDEF0123456789-follower"
TOKEN, AES_KEY = "spamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OFFERED = (Channel.INBOX, Channel.WECHAT)
SENT = """
SELECT state, reason, provider_message_id, delivered_at IS NOT NULL FROM outbox_message
WHERE district_id = %(d)s AND channel = 'wechat' ORDER BY id
"""
ENDPOINTS = "SELECT member_id, state FROM member_endpoint WHERE district_id = %(d)s"
SAID = """
SELECT channel, granted, source FROM consent
WHERE district_id = %(d)s AND purpose = 'marketing' AND channel <> '' ORDER BY id
"""
ENVELOPE = Envelope(token=TOKEN, key=key_of(AES_KEY), receiver=APP_ID)
EVENT = """<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>
<CreateTime>{at}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event>{rest}</xml>"""


async def enter(desk: Desk, weixin: Weixin, **options: Any) -> httpx.Response:
    given = {
        "base_url": weixin.address,
        "authorise_url": f"{weixin.address}/connect/oauth2/authorize",
        "app_id": APP_ID,
        "templates": [TEMPLATE],
        "offers": "awaited",
    }
    body = {
        "slug": "oa",
        "kind": "wechat_official",
        "name": "公众号",
        "options": given | options,
        "secrets": {"app_secret": APP_SECRET, "token": TOKEN, "aes_key": AES_KEY},
    }
    return await desk.ask("POST", "channel-providers", body)


class Follower:
    """A member inside WeChat's own browser."""

    def __init__(self, desk: Desk, ground: Ground, weixin: Weixin) -> None:
        self.member = ground.member(language="zh")
        token = ground.makers.token(ground.district, Role.SHOPPER, subject_id=self.member.id)
        self.headers = {"Authorization": f"Bearer {token}", "User-Agent": "MicroMessenger/8.0"}
        self._client, self._weixin, self._slug = desk.client, weixin, desk.slug

    async def look(self, path: str) -> httpx.Response:
        return await self._client.get(f"/d/{self._slug}/accounts{path}", headers=self.headers)

    async def leave(self) -> str:
        """Press Bind; the state that goes along."""
        away = await self.look("/oa/bind")
        assert away.status_code == 303, away.text
        return parse_qs(urlsplit(away.headers["location"]).query)["state"][0]

    async def bind(self, openid: str = OPENID) -> httpx.Response:
        state = await self.leave()
        self._weixin.codes["code-1"] = openid
        return await self.look(f"/oa/callback?code=code-1&state={state}")


@pytest.fixture
async def follower(desk: Desk, ground: Ground, weixin: Weixin) -> Follower:
    assert (await enter(desk, weixin)).status_code == 201
    weixin.followers.add(OPENID)
    follower = Follower(desk, ground, weixin)
    back = await follower.bind()
    assert back.headers["location"] == f"/d/{desk.slug}/accounts?saved=yes"
    return follower


async def told(
    desk: Desk, ground: Ground, event: str, rest: str = "", *, openid: str = OPENID, **changes: str
) -> httpx.Response:
    stamp = str(int(ground.clock.machine_now().timestamp()))
    xml = EVENT.format(openid=openid, at=stamp, event=event, rest=rest)
    text, given = ENVELOPE.seal(xml.encode(), timestamp=stamp, nonce="n1")
    body = changes.get("body", f"<xml><ToUserName>gh</ToUserName><Encrypt><![CDATA[{text}]]></Encrypt></xml>")
    query = {"timestamp": stamp, "nonce": "n1", "msg_signature": given, "encrypt_type": "aes"}
    query |= {name: value for name, value in changes.items() if name in query}
    return await desk.client.post(f"/v1/districts/{desk.slug}/receipts/oa", params=query, content=body)


def finished(message_id: str, status: str = "success") -> str:
    return f"<MsgID>{message_id}</MsgID><Status><![CDATA[{status}]]></Status>"


async def offer(ground: Ground, follower: Follower) -> None:
    await ground.issue(ground.draft(ground.campaign(), follower.member, channels=OFFERED))


async def test_a_template_message_goes_out_with_its_link_and_its_receipt_comes_back(
    desk: Desk, ground: Ground, weixin: Weixin, workers: Workers, follower: Follower
) -> None:
    await offer(ground, follower)
    await workers.drain()
    (sent,) = weixin.sent
    assert (sent["touser"], sent["data"]) == (OPENID, {"thing1": {"value": "八折"}})
    assert sent["url"].startswith("https://shops.example/m/")
    assert len(sent["client_msg_id"]) == 32
    assert await ground.rows(SENT) == [("accepted", "", "1001", False)]
    for _ in range(2):
        answer = await told(desk, ground, "TEMPLATESENDJOBFINISH", finished("1001"))
        assert (answer.status_code, answer.text) == (200, "success")
    assert await ground.rows(SENT) == [("accepted", "", "1001", True)]
    assert await ground.number("SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s") == 1


async def test_a_receipt_that_overtakes_the_answer_waits_for_it(
    desk: Desk, ground: Ground, weixin: Weixin, follower: Follower
) -> None:
    assert (await told(desk, ground, "TEMPLATESENDJOBFINISH", finished("1001"))).status_code == 200
    waiting = "SELECT kind, delivery_id FROM delivery_receipt WHERE district_id = %(d)s"
    assert await ground.rows(waiting) == [("delivered", None)]


async def test_a_reader_who_blocks_the_account_has_withdrawn_his_consent(
    desk: Desk, ground: Ground, workers: Workers, follower: Follower
) -> None:
    await offer(ground, follower)
    await workers.drain()
    await told(desk, ground, "TEMPLATESENDJOBFINISH", finished("1001", "failed:user block"))
    assert await ground.rows(SAID) == [("wechat", False, "provider:stopped")]


async def test_a_reader_who_leaves_is_not_written_to_until_he_binds_anew(
    desk: Desk, ground: Ground, weixin: Weixin, workers: Workers, follower: Follower
) -> None:
    assert (await told(desk, ground, "unsubscribe")).status_code == 200
    assert await ground.rows(ENDPOINTS) == [(follower.member.id, "gone")]
    await offer(ground, follower)
    await workers.drain()
    assert weixin.tried == []
    await follower.bind()
    assert await ground.rows(ENDPOINTS) == [(follower.member.id, "active")]


async def test_a_reader_whom_wechat_does_not_know_is_gone(
    ground: Ground, weixin: Weixin, workers: Workers, follower: Follower
) -> None:
    weixin.followers.clear()
    await offer(ground, follower)
    await workers.drain()
    assert [row[:2] for row in await ground.rows(SENT)] == [("failed", "errcode 43004")]
    assert await ground.rows(ENDPOINTS) == [(follower.member.id, "gone")]


async def test_posts_that_wechat_did_not_seal_are_refused(
    desk: Desk, ground: Ground, follower: Follower
) -> None:
    clear = EVENT.format(openid=OPENID, at="1", event="unsubscribe", rest="")
    old = str(int((ground.clock.machine_now() - timedelta(hours=1)).timestamp()))
    for changes in ({"body": clear}, {"msg_signature": "0" * 40}, {"timestamp": old}, {"body": "{}"}):
        answer = await told(desk, ground, "unsubscribe", **changes)
        assert answer.status_code == 401, changes
    assert await ground.rows(ENDPOINTS) == [(follower.member.id, "active")]


async def test_wechats_check_of_the_address_is_answered_for_who_knows_the_token(
    desk: Desk, ground: Ground, follower: Follower
) -> None:
    stamp = str(int(ground.clock.machine_now().timestamp()))
    path = f"/v1/districts/{desk.slug}/receipts/oa"
    query = {"timestamp": stamp, "nonce": "n", "echostr": "7290", "signature": signature(TOKEN, stamp, "n")}
    good = await desk.client.get(path, params=query)
    assert (good.status_code, good.text) == (200, "7290")
    bad = await desk.client.get(path, params=query | {"signature": "0" * 40})
    assert bad.status_code == 401


async def test_template_messages_advertise_only_when_the_operator_answers_for_it(
    desk: Desk, weixin: Weixin
) -> None:
    answer = await enter(desk, weixin, offers="never")
    assert answer.status_code == 422
    assert "may not advertise" in answer.json()["errors"][0]["detail"]


async def test_the_page_sends_the_reader_to_wechat_and_nowhere_else(
    desk: Desk, ground: Ground, weixin: Weixin
) -> None:
    await enter(desk, weixin)
    follower = Follower(desk, ground, weixin)
    away = await follower.look("/oa/bind?next=https://evil.example&redirect_uri=https://evil.example")
    target = urlsplit(away.headers["location"])
    assert f"{target.scheme}://{target.netloc}" == weixin.address
    asked = parse_qs(target.query)
    assert asked["redirect_uri"] == [f"https://shops.example/d/{desk.slug}/accounts/oa/callback"]
    assert (asked["appid"], asked["scope"]) == ([APP_ID], ["snsapi_base"])
    assert asked["state"][0].isalnum()
    assert target.fragment == "wechat_redirect"


async def test_a_state_is_good_for_its_member_and_for_a_while_only(
    desk: Desk, ground: Ground, weixin: Weixin
) -> None:
    await enter(desk, weixin)
    mine, other = Follower(desk, ground, weixin), Follower(desk, ground, weixin)
    state = await mine.leave()
    weixin.codes = {"stolen": OPENID, "late": OPENID}
    assert (await other.look(f"/oa/callback?code=stolen&state={state}")).status_code == 400
    assert (await mine.look("/oa/callback?code=stolen&state=" + "0" * 40)).status_code == 400
    ground.clock.advance(timedelta(minutes=11))
    assert (await mine.look(f"/oa/callback?code=late&state={state}")).status_code == 400
    assert await ground.rows(ENDPOINTS) == []
    assert set(weixin.codes) == {"stolen", "late"}


async def test_a_code_that_was_used_binds_nothing_and_says_so(
    desk: Desk, ground: Ground, weixin: Weixin
) -> None:
    await enter(desk, weixin)
    follower = Follower(desk, ground, weixin)
    state = await follower.leave()
    answer = await follower.look(f"/oa/callback?code=used&state={state}")
    assert answer.status_code == 403
    assert "could not be proved" in answer.text
    assert await ground.rows(ENDPOINTS) == []


async def test_the_page_shows_what_is_bound_and_a_code_outside_wechat(
    desk: Desk, ground: Ground, weixin: Weixin, follower: Follower
) -> None:
    inside = await follower.look("")
    assert inside.status_code == 200
    assert "bound" in inside.text
    follower.headers["User-Agent"] = "Mozilla/5.0"
    outside = await follower.look("")
    assert "Open this page in WeChat" in outside.text
    assert OPENID not in outside.text

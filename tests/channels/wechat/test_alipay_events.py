"""What Alipay posts of a life account: signed forms in its own charset, and readers who leave."""

import base64
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from district.channels.models import ChannelProvider
from district.deliveries import accounts
from push.channels import alipay_signing
from tests.channels.wechat.alipay_keys import APP_ID, USER, pair, private_text, public_text
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

NOTIFY, CHECK = "alipay.mobile.public.message.notify", "alipay.service.check"
OPEN_ID = "aYMvrMC8+qdi3Mj1lqxRZJPUsrychFTewHXFVXq5ySDxWgIluiZN3K2r70Eebm4r01"
ENDPOINTS = "SELECT state FROM member_endpoint WHERE district_id = %(d)s"
RECEIPTS = "SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s"
EVENT = """<XML><AppId><![CDATA[{app}]]></AppId><FromUserId><![CDATA[{open_id}]]></FromUserId>
<FromAlipayUserId><![CDATA[{user}]]></FromAlipayUserId><CreateTime><![CDATA[{at}]]></CreateTime>
<MsgType><![CDATA[event]]></MsgType><EventType><![CDATA[{event}]]></EventType><ActionParam><![CDATA[]]></ActionParam>
<UserInfo><![CDATA[{{"logon_id": "135****1009", "user_name": "*小虎"}}]]></UserInfo></XML>"""


@pytest.fixture
async def member(desk: Desk, ground: Ground) -> Any:
    """A member who bound his account at the life account ``life``."""
    body = {
        "slug": "life",
        "kind": "alipay_life",
        "name": "生活号",
        "options": {
            "app_id": APP_ID,
            "alipay_public_key": public_text(pair("alipay")),
            "templates": [{"id": "TM000000223", "uses": ["offer"], "fields": {"first": "{title}"}}],
        },
        "secrets": {"private_key": private_text(pair("app"))},
    }
    assert (await desk.ask("POST", "channel-providers", body)).status_code == 201
    member, session = ground.member(language="zh"), ground.makers.session
    provider = session.query(ChannelProvider).filter_by(district_id=ground.info.id, slug="life").one()
    accounts.bind(session, ground.info, member.id, provider, USER, clock=ground.clock)
    session.commit()
    return member


def xml(event: str, at: datetime, **values: str) -> str:
    given = {"app": APP_ID, "open_id": OPEN_ID, "user": USER, "event": event} | values
    return EVENT.format(**given, at=int(at.timestamp() * 1000))


def posted(document: str, *, charset: str = "GBK", signer: str = "alipay", **changes: str) -> bytes:
    """A form as Alipay sends it: the signature is over the bytes of its charset."""
    form = {"service": NOTIFY, "charset": charset, "sign_type": "RSA2", "biz_content": document} | changes
    signed = "&".join(f"{name}={form[name]}" for name in sorted(form)).encode(charset)
    form["sign"] = base64.b64encode(pair(signer).sign(signed, PKCS1v15(), SHA256())).decode()
    return urlencode(form, encoding=charset).encode()


async def told(desk: Desk, body: bytes) -> httpx.Response:
    return await desk.client.post(f"/v1/districts/{desk.slug}/receipts/life", content=body)


def opened(answer: httpx.Response) -> Any:
    """The answer's own part, once its signature holds."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/xml; charset=GBK"
    declared, _, document = answer.text.partition("?>")
    assert declared == '<?xml version="1.0" encoding="GBK"'
    root = ElementTree.fromstring(document)
    text = answer.text.partition("<response>")[2].partition("</response>")[0]
    proof = root.findtext("sign")
    assert alipay_signing.is_signed(pair("app").public_key(), text.encode(), proof or "")
    return root.find("response")


async def test_the_check_of_the_address_is_answered_with_the_applications_key(
    desk: Desk, ground: Ground, member: Any
) -> None:
    document = '<?xml version="1.0" encoding="gbk"?>' + xml("verifygw", ground.clock.machine_now(), user="")
    response = opened(await told(desk, posted(document, service=CHECK)))
    assert response.findtext("success") == "true"
    own = response.findtext("biz_content")
    assert own in public_text(pair("app")).replace("\n", "")


@pytest.mark.parametrize("charset", ["GBK", "utf-8"])
async def test_a_reader_who_unfollows_gets_nothing_more(
    desk: Desk, ground: Ground, member: Any, charset: str
) -> None:
    body = posted(xml("unfollow", ground.clock.machine_now()), charset=charset)
    response = opened(await told(desk, body))
    assert (response.findtext("XML/ToUserId"), response.findtext("XML/MsgType")) == (USER, "ack")
    assert await ground.rows(ENDPOINTS) == [("gone",)]


async def test_a_repeat_does_not_end_what_was_bound_anew(desk: Desk, ground: Ground, member: Any) -> None:
    body = posted(xml("unfollow", ground.clock.machine_now()))
    opened(await told(desk, body))
    session = ground.makers.session
    provider = session.query(ChannelProvider).filter_by(district_id=ground.info.id, slug="life").one()
    accounts.bind(session, ground.info, member.id, provider, USER, clock=ground.clock)
    session.commit()
    opened(await told(desk, body))
    assert await ground.rows(ENDPOINTS) == [("active",)]


@pytest.mark.parametrize("event", ["follow", "enter", "click"])
async def test_other_events_are_acknowledged_and_change_nothing(
    desk: Desk, ground: Ground, member: Any, event: str
) -> None:
    opened(await told(desk, posted(xml(event, ground.clock.machine_now()))))
    assert await ground.rows(ENDPOINTS) == [("active",)]
    assert await ground.number(RECEIPTS) == 0


async def test_what_alipay_did_not_sign_for_this_application_is_refused(
    desk: Desk, ground: Ground, member: Any
) -> None:
    now = ground.clock.machine_now()
    good = xml("unfollow", now)
    signed = posted(good)
    refused = (
        posted(good, signer="stranger"),
        signed.replace(b"unfollow", b"follow12"),
        signed.partition(b"&sign=")[0],
        posted(xml("unfollow", now, app="2014072300009999")),
        posted(xml("unfollow", now - timedelta(days=2))),
        posted("<XML>"),
        posted("<!DOCTYPE a [<!ENTITY b 'c'>]><XML/>"),
        posted(good, charset="utf-16"),
        b"\xff" * 50,
        b"",
        b"&".join(b"a%d=1" % number for number in range(40)),
    )
    for body in refused:
        assert (await told(desk, body)).status_code == 401, body[:60]
    assert await ground.rows(ENDPOINTS) == [("active",)]

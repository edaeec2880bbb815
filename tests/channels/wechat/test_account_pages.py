"""Members' page of accounts, and the page from which a browser opens a mini-program."""

import re

from district.auth.models import Role
from tests.channels.wechat.conftest import account
from tests.channels.wechat.weixin import Weixin
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

SCHEME = re.compile(r'href="(weixin://dl/business/\?t=[^"]+)"')


async def test_a_browser_opens_the_mini_program_by_one_address_for_all(desk: Desk, weixin: Weixin) -> None:
    await account(desk, weixin, home="pages/index/index")
    path = f"/d/{desk.slug}/accounts/wx/open"
    first, second = await desk.client.get(path), await desk.client.get(path)
    assert first.status_code == second.status_code == 200
    (scheme,) = SCHEME.findall(first.text)
    assert SCHEME.findall(second.text) == [scheme]
    assert weixin.schemes == [{"path": "pages/index/index", "query": f"district={desk.slug}"}]
    assert f"https://shops.example/d/{desk.slug}/accounts/wx/open" in first.text
    assert "<svg" in first.text


async def test_no_other_address_is_let_through(desk: Desk, weixin: Weixin) -> None:
    await account(desk, weixin)
    weixin.openlink = "javascript:alert(1)//weixin://dl/business/?t=x"
    answer = await desk.client.get(f"/d/{desk.slug}/accounts/wx/open")
    assert answer.status_code == 503
    assert "javascript:" not in answer.text
    weixin.openlink = ""
    assert (await desk.client.get(f"/d/{desk.slug}/accounts/wx/open")).status_code == 200


async def test_an_official_account_has_no_page_that_opens(desk: Desk) -> None:
    assert (await desk.client.get(f"/d/{desk.slug}/accounts/wx/open")).status_code == 404


async def test_who_is_not_logged_in_is_asked_to(desk: Desk, weixin: Weixin) -> None:
    await account(desk, weixin)
    for path in ("", "/wx/bind", "/wx/callback?code=a&state=b"):
        assert (await desk.client.get(f"/d/{desk.slug}/accounts{path}")).status_code == 401


async def test_a_member_sees_how_to_bind_and_forgets_by_a_form_of_the_page_only(
    desk: Desk, ground: Ground, weixin: Weixin
) -> None:
    await account(desk, weixin)
    member = ground.member(language="zh")
    token = ground.makers.token(ground.district, Role.SHOPPER, subject_id=member.id)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "zh"}
    page = await desk.client.get(f"/d/{desk.slug}/accounts", headers=headers)
    assert page.status_code == 200
    assert "未绑定" in page.text
    assert f"/d/{desk.slug}/accounts/wx/open" in page.text
    bind = await desk.client.get(f"/d/{desk.slug}/accounts/wx/bind", headers=headers)
    assert bind.status_code == 404
    weixin.codes["code-1"] = "oABCDEF0123456789"
    body = {"provider": "wx", "code": "code-1"}
    assert (await desk.client.post("/v1/me/accounts", headers=headers, json=body)).status_code == 201
    assert "已绑定" in (await desk.client.get(f"/d/{desk.slug}/accounts", headers=headers)).text
    foreign = await desk.client.post(f"/d/{desk.slug}/accounts/wx/forget", headers=headers)
    assert foreign.status_code == 403

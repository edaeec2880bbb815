"""Logging in and out: right and wrong passwords, where it leads, and what it refuses."""

import httpx
import pytest

from district.auth.models import Role
from district.auth.passwords import TRIES_HERE
from district.clock import FixedClock
from district.districts.models import District
from district.web.login import safe_next
from tests.factories import Makers

OWN = {"sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/a\\b",
        "/ok\r\nSet-Cookie: x=1",
        "/\t/evil.example",
        "evil",
        "",
        "/" + "x" * 600,
    ],
)
def test_another_origin_is_never_the_next_page(address: str) -> None:
    assert safe_next(address) == ""


@pytest.mark.parametrize("address", ["/operator", "/merchant/campaigns?state=live&a=b%2Fc", "/"])
def test_a_page_of_this_site_may_be_next(address: str) -> None:
    assert safe_next(address) == address


@pytest.mark.parametrize(("role", "home"), [(Role.OPERATOR, "/operator"), (Role.MERCHANT, "/merchant")])
async def test_the_right_password_opens_the_roles_own_page(
    client: httpx.AsyncClient, district: District, committed: Makers, role: Role, home: str
) -> None:
    account = committed.account(district, role)
    form = {"username": account.username, "password": "password"}
    answer = await client.post("/login", data=form, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, home)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    onward = await client.get("/login", headers=OWN)
    assert onward.headers["location"] == home


async def test_the_page_asked_for_comes_next_and_a_foreign_one_does_not(
    client: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    asked = await client.get("/operator/gateways?made=x")
    assert asked.headers["location"] == "/login?role=operator&next=%2Foperator%2Fgateways%3Fmade%3Dx"
    account = committed.account(district, Role.OPERATOR)
    form = {"username": account.username, "password": "password"}
    for next_, expected in (("/operator/feeds", "/operator/feeds"), ("//evil.example", "/operator")):
        answer = await client.post("/login", data=form | {"next": next_}, headers=OWN)
        assert answer.headers["location"] == expected


@pytest.mark.parametrize(
    ("language", "words"), [("en", "The user name or the password is wrong"), ("zh", "用户名或密码不正确")]
)
async def test_a_wrong_password_and_an_unknown_name_read_the_same(
    client: httpx.AsyncClient, district: District, committed: Makers, language: str, words: str
) -> None:
    account = committed.account(district, Role.OPERATOR)
    for name in (account.username, "nobody"):
        answer = await client.post(
            f"/login?lang={language}", data={"username": name, "password": "wrong"}, headers=OWN
        )
        assert answer.status_code == 401
        assert words in answer.text
        assert f'value="{name}"' in answer.text
        assert "district_session" not in answer.headers.get("set-cookie", "")


async def test_a_name_is_not_tried_for_ever(
    client: httpx.AsyncClient, district: District, committed: Makers, clock: FixedClock
) -> None:
    account = committed.account(district, Role.OPERATOR)
    form = {"username": account.username, "password": "wrong"}
    for _ in range(TRIES_HERE):
        assert (await client.post("/login", data=form, headers=OWN)).status_code == 401
    right = form | {"password": "password"}
    answer = await client.post("/login", data=right, headers=OWN)
    assert answer.status_code == 429
    assert "quarter of an hour" in answer.text


async def test_markup_in_the_name_stays_text(client: httpx.AsyncClient, district: District) -> None:
    form = {"username": '"><script>alert(1)</script>', "password": "x"}
    answer = await client.post("/login", data=form, headers=OWN)
    assert "<script>alert" not in answer.text


async def test_a_form_of_another_site_is_refused(client: httpx.AsyncClient, district: District) -> None:
    for path in ("/login", "/logout"):
        answer = await client.post(path, data={"username": "a"}, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403


async def test_logging_out_ends_the_session_on_the_server(
    client: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    token = committed.token(district, Role.OPERATOR)
    bearer = {"authorization": f"Bearer {token}"}
    assert (await client.get("/operator/feeds", headers=bearer)).status_code == 200
    client.cookies.set("district_session", token)
    answer = await client.post("/logout", headers=OWN)
    assert answer.headers["location"] == "/login"
    assert (await client.get("/operator/feeds", headers=bearer)).status_code == 303


async def test_another_role_is_asked_to_log_in_again(
    client: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    client.cookies.set("district_session", committed.token(district, Role.MERCHANT))
    answer = await client.get("/operator")
    assert answer.headers["location"].startswith("/login?role=operator")
    page = await client.get(answer.headers["location"])
    assert page.status_code == 200
    assert "another role" in page.text

"""What the sign-in page says: in both languages, errors included, and where it leads."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.clock import FixedClock
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return settings.model_copy(update={"demo_console_codes": getattr(request, "param", True)})


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI", name_zh="赫尔辛基")


@pytest.fixture
async def address(
    app: FastAPI, committed: Makers, district: District, clock: FixedClock
) -> Callable[[str], str]:
    slug = f"gw-{district.slug}"
    new = NewGateway(slug=slug, vendor="click", secret=SECRET, methods=["click", "phone"])
    gateways.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)

    def of(language: str) -> str:
        query = redirect_query(
            SECRET,
            mac="02:aa:22:33:44:66",
            ap="00:18:0a:13:dd:b0",
            url="http://example.com/",
            machine_now=clock.machine_now(),
        )
        return f"/portal/{slug}?{query}&lang={language}"

    return of


async def test_page_speaks_chinese_and_english_and_links_to_the_other(
    client: httpx.AsyncClient, address: Callable[[str], str]
) -> None:
    chinese, english = await client.get(address("zh")), await client.get(address("en"))
    assert "连接上网" in chinese.text
    assert "赫尔辛基" in chinese.text
    assert 'hreflang="en"' in chinese.text
    assert "Free Wi-Fi" in english.text
    assert 'hreflang="zh-Hans"' in english.text
    for page in (chinese, english):
        assert len(page.content) <= 14 * 1024
        assert "<script" not in page.text


@pytest.mark.parametrize(
    ("form", "status", "chinese", "english"),
    [
        ({"method": "phone", "phone": "abc"}, 422, "这不是电话号码", "This is not a phone number"),
        (
            {"method": "phone", "phone": "+358 40 12"},
            422,
            "没有这样的电话号码",
            "There is no such phone number",
        ),
        ({"method": "phone"}, 422, "请填写手机号或邮箱地址", "Give either a phone number"),
        ({"method": "email", "email": "a@b.fi"}, 422, "这里不提供这种登录方式", "not offered here"),
    ],
)
async def test_what_is_wrong_is_said_in_the_language_of_the_page(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    address: Callable[[str], str],
    form: dict[str, str],
    status: int,
    chinese: str,
    english: str,
) -> None:
    for language, words in (("zh", chinese), ("en", english)):
        answer = await client.post(address(language), data=form)
        assert answer.status_code == status
        assert words in answer.text
        assert 'role="alert"' in answer.text


@pytest.mark.parametrize("settings", [False], indirect=True)
async def test_without_a_provider_of_codes_the_page_says_so(
    client: httpx.AsyncClient, address: Callable[[str], str]
) -> None:
    answer = await client.post(address("zh"), data={"method": "phone", "phone": "+358401234567"})
    assert answer.status_code == 503
    assert "尚未开通验证码发送" in answer.text


async def test_welcome_leads_on_and_shows_the_wanted_address_as_text(
    client: httpx.AsyncClient, address: Callable[[str], str], district: District
) -> None:
    signed = await client.post(address("zh"), data={"method": "click"})
    answer = await client.get(signed.headers["location"])
    for path in ("inbox", "nearest", "privacy"):
        assert f'href="/d/{district.slug}/{path}' in answer.text
    assert "http://example.com/" in answer.text
    assert 'href="http://example.com/' not in answer.text
    assert "已连上网络" in answer.text


async def test_the_wanted_address_cannot_carry_markup(
    client: httpx.AsyncClient, district: District, address: Callable[[str], str]
) -> None:
    assert address("en")
    path = f"/portal/gw-{district.slug}/welcome"
    answer = await client.get(path, params={"to": "<script>alert(1)</script>" + "x" * 5000})
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert len(answer.content) <= 14 * 1024


async def test_a_member_of_another_district_is_no_member_here(
    client: httpx.AsyncClient, address: Callable[[str], str], committed: Makers
) -> None:
    other = committed.district()
    client.cookies.set(COOKIE, committed.token(other, Role.SHOPPER, subject_id=committed.member(other).id))
    answer = await client.post(
        address("en"), data={"method": "click"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 303

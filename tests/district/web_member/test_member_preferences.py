"""What a member chooses on his own page: address, birthday, zone, and the shops that he follows."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.audiences.models import Follow
from district.members.models import Member
from tests.conftest import refresh
from tests.district.web_member.conftest import Shopping, browser
from tests.factories import Makers


def kept(engine: Engine, shopping: Shopping) -> Member:
    with Session(engine) as session:
        return session.get_one(Member, (shopping.district.id, shopping.member.id))


def followed(engine: Engine, shopping: Shopping) -> list[object]:
    with Session(engine) as session:
        mine = select(Follow.store_id).where(Follow.member_id == shopping.member.id)
        return list(session.scalars(mine))


async def test_name_birthday_and_zone_are_kept_and_shown_again(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    chosen = {
        "called": "  王 女士 ",
        "birth_month": "2",
        "birth_day": "29",
        "zone": "Asia/Shanghai",
        "language": "zh",
        "is_personalised": "yes",
    }
    assert (await shopper.post(f"{shopping.base}/preferences", data=chosen)).status_code == 303
    member = kept(engine, shopping)
    assert (member.called, member.birth_month, member.birth_day) == ("王 女士", 2, 29)
    assert (member.zone, member.language, member.is_personalised) == ("Asia/Shanghai", "zh", True)
    page = (await shopper.get(f"{shopping.base}/preferences?lang=zh")).text
    assert 'value="王 女士"' in page
    assert '<option value="2" selected>二月</option>' in page
    assert '<option value="Asia/Shanghai" selected>上海</option>' in page


async def test_everything_can_be_taken_back(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    await shopper.post(
        f"{shopping.base}/preferences", data={"called": "Anna", "birth_month": "5", "birth_day": "1"}
    )
    await shopper.post(
        f"{shopping.base}/preferences", data={"called": "", "birth_month": "", "birth_day": ""}
    )
    member = kept(engine, shopping)
    assert (member.called, member.birth_month, member.birth_day, member.zone) == (None, None, None, None)
    assert member.is_personalised is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"birth_month": "2", "birth_day": "30"},
        {"birth_month": "2"},
        {"birth_month": "x", "birth_day": "y"},
        {"zone": "Moon/Crater"},
    ],
    ids=["no such day", "half", "words", "zone"],
)
async def test_what_cannot_be_is_said_on_the_page_and_changes_nothing(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine, wrong: dict[str, str]
) -> None:
    answer = await shopper.post(f"{shopping.base}/preferences", data={"called": "Anna"} | wrong)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'value="Anna"' in answer.text
    assert kept(engine, shopping).called is None


async def test_a_name_is_cut_and_never_markup(
    shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    await shopper.post(f"{shopping.base}/preferences", data={"called": "<b>" + "x" * 60})
    assert kept(engine, shopping).called == "<b>" + "x" * 37
    assert "<b>xxx" not in (await shopper.get(f"{shopping.base}/preferences")).text


async def test_a_shop_is_left_and_followed_again(
    app: FastAPI, shopper: httpx.AsyncClient, shopping: Shopping, engine: Engine
) -> None:
    await refresh(app)
    store = str(shopping.store.id)
    await shopper.post(f"{shopping.base}/preferences/follow", data={"store_id": store, "on": "1"})
    assert followed(engine, shopping) == [shopping.store.id]
    assert "Stop following Zio" in (await shopper.get(f"{shopping.base}/preferences")).text
    left = await shopper.post(f"{shopping.base}/preferences/follow", data={"store_id": store})
    assert followed(engine, shopping) == []
    page = (await shopper.get(left.headers["location"])).text
    assert "You no longer follow Zio." in page
    assert "Undo" in page
    await shopper.post(f"{shopping.base}/preferences/follow", data={"store_id": store, "on": "1"})
    assert followed(engine, shopping) == [shopping.store.id]


async def test_the_page_is_the_members_own_and_leads_from_privacy(
    app: FastAPI, shopper: httpx.AsyncClient, shopping: Shopping
) -> None:
    assert f'href="{shopping.base}/preferences"' in (await shopper.get(f"{shopping.base}/privacy")).text
    async with browser(app) as stranger:
        assert (await stranger.get(f"{shopping.base}/preferences")).status_code == 401


async def test_another_districts_member_is_nobody_here(
    app: FastAPI, shopper: httpx.AsyncClient, committed: Makers
) -> None:
    elsewhere = committed.district()
    await refresh(app)
    assert (await shopper.get(f"/d/{elsewhere.slug}/preferences")).status_code == 401

"""Approval looks at whether WeChat's templates take the words."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from district.channels.models import ChannelPolicy, ChannelProvider
from district.channels.service import about
from district.database import new_id
from district.sealing import seal
from district.settings import Settings
from tests.district.campaigns.conftest import Shop
from tests.factories import Makers

SECRET = "s" * 43
TEMPLATE = {"id": "TEMPLATE-1", "uses": ["offer"], "fields": {"thing1": "{title}", "thing2": "{body}"}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret": SecretStr(SECRET)})


def mini_program(makers: Makers, shop: Shop, *, template: dict[str, Any] = TEMPLATE) -> None:
    id_, now = new_id(), makers.clock.now()
    row = ChannelProvider(
        district_id=shop.district.id,
        id=id_,
        slug="wx",
        channel="mini_program",
        kind="wechat_mini",
        name="小程序",
        options={"app_id": "wx0123456789abcdef", "templates": [template]},
        sealed=seal(SECRET, json.dumps({"app_secret": "a" * 32}).encode(), about=about(id_)),
        created_at=now,
        changed_at=now,
    )
    makers.session.add(row)
    makers.done()


def worded(shop: Shop, **title: str) -> dict[str, Any]:
    offer: dict[str, Any] = shop.body()["offer"]
    return {"offer": offer | {"title": title, "text": {"zh": "今天有效", "en": "Today only"}}}


async def approved(shop: Shop, **values: Any) -> Any:
    campaign = await shop.made(**values)
    submitted = await shop.post(f"/{campaign['id']}/submit")
    assert submitted.status_code == 200, submitted.text
    return await shop.post(f"/{campaign['id']}/approve", token=shop.operator)


async def test_words_that_fit_every_field_are_approved(shop: Shop, committed: Makers) -> None:
    mini_program(committed, shop)
    answer = await approved(shop, **worded(shop, zh="午餐八折", en="20 % off"))
    assert answer.status_code == 200, answer.text


async def test_a_title_that_a_field_does_not_take_is_named_with_the_field(
    shop: Shop, committed: Makers
) -> None:
    mini_program(committed, shop)
    answer = await approved(shop, **worded(shop, zh="八折", en="A fifth off every lunch of the week"))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/offer/title"
    assert "小程序 (wx), template TEMPLATE-1: thing1: takes at most 20 characters" in error["detail"]


async def test_templates_for_other_messages_and_channels_without_a_place_do_not_matter(
    shop: Shop, committed: Makers
) -> None:
    mini_program(committed, shop, template=TEMPLATE | {"uses": ["service"]})
    long = worded(shop, en="A fifth off every lunch of the week")
    assert (await approved(shop, **long)).status_code == 200


async def test_a_channel_without_a_place_in_the_order_does_not_matter(shop: Shop, committed: Makers) -> None:
    mini_program(committed, shop)
    committed.session.add(
        ChannelPolicy(district_id=shop.district.id, channel_order=["sms"], changed_at=committed.clock.now())
    )
    committed.done()
    long = worded(shop, en="A fifth off every lunch of the week")
    assert (await approved(shop, **long)).status_code == 200

"""Texts on file: kept by the operator, and asked for before a campaign is approved that would go out by them."""

import uuid
from typing import Any

import httpx
import pytest

from district.channels.models import ChannelPolicy, ChannelProvider
from district.database import new_id
from tests.district.campaigns.conftest import Shop
from tests.district.campaigns.test_preview import drafted, people, preview_of, scheduled

CARRIERS = ("china_mobile", "china_unicom", "china_telecom")
TEXT = "{store}：{title}，{until}前有效 拒收请回复R"


def gateway(shop: Shop, kind: str = "aliyun_sms", **values: Any) -> str:
    """A provider of text messages, in use."""
    at = shop.makers.clock.now()
    given: dict[str, Any] = {
        "slug": f"cn-{uuid.uuid4().hex[:6]}",
        "channel": "sms",
        "kind": kind,
        "name": "短信",
        "options": {},
        "sealed": b"",
        "cost_micro": 45_000,
        "created_at": at,
        "changed_at": at,
    }
    row = ChannelProvider(district_id=shop.district.id, id=new_id(), **(given | values))
    shop.makers.session.add(row)
    shop.makers.done()
    return str(row.slug)


async def ask(shop: Shop, method: str, path: str = "", body: Any = None, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or shop.operator}"}
    address = f"/v1/districts/{shop.district.slug}/text-templates{path}"
    return await shop.client.request(method, address, json=body, headers=headers)


async def filed(shop: Shop, provider: str, *states: str, **values: Any) -> dict[str, Any]:
    """A text with this provider: how it stands with each carrier."""
    filings = {name: {"state": state} for name, state in zip(CARRIERS, states, strict=False)}
    body = {
        "provider": provider,
        "number": "SMS_1",
        "signature": "中央商圈",
        "purpose": "marketing",
        "text": TEXT,
        "filings": filings,
    }
    answer = await ask(shop, "POST", "", body | values)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def submitted(shop: Shop, **values: Any) -> str:
    campaign = await shop.made(**values)
    assert (await shop.post(f"/{campaign['id']}/submit")).status_code == 200
    return str(campaign["id"])


async def approve(shop: Shop, campaign_id: str) -> httpx.Response:
    return await shop.post(f"/{campaign_id}/approve", token=shop.operator)


async def test_a_campaign_is_approved_once_a_text_is_on_file_with_all_carriers(shop: Shop) -> None:
    provider = gateway(shop)
    campaign_id = await submitted(shop)
    refused = await approve(shop, campaign_id)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("text-not-filed")
    assert "has none for marketing" in refused.json()["detail"]
    text = await filed(shop, provider, "filed", "refused")
    refused = await approve(shop, campaign_id)
    assert "not on file with China Unicom, China Telecom" in refused.json()["detail"]
    assert "中国联通、中国电信" in refused.json()["detail_zh"]
    assert (await shop.get(f"/{campaign_id}")).json()["state"] == "in_review"
    everywhere = {"filings": {name: {"state": "filed"} for name in CARRIERS}}
    changed = await ask(shop, "PATCH", f"/{text['id']}", everywhere)
    assert changed.json()["is_usable"] is True
    assert (await approve(shop, campaign_id)).status_code == 200


async def test_words_that_do_not_fit_into_the_text_are_named(shop: Shop) -> None:
    provider = gateway(shop)
    await filed(shop, provider, "filed", "filed", "filed", text="{text} 拒收请回复R")
    offer = shop.body()["offer"] | {"text": {"zh": "字" * 36, "en": "Today"}}
    refused = await approve(shop, await submitted(shop, offer=offer))
    assert "the gap {text} takes 35 letters, and these are 36" in refused.json()["detail"]
    short = shop.body()["offer"] | {"text": {"zh": "字" * 35, "en": "Today"}}
    assert (await approve(shop, await submitted(shop, offer=short))).status_code == 200


async def test_every_wording_needs_a_text_that_carries_it(shop: Shop) -> None:
    provider = gateway(shop)
    await filed(shop, provider, "filed", "filed", "filed", text="{text} 拒收请回复R")
    words = {"title": {"zh": "八折"}, "weight": 1}
    variants = [
        words | {"name": "short", "text": {"zh": "今天"}},
        words | {"name": "long", "text": {"zh": "字" * 40}},
    ]
    refused = await approve(shop, await submitted(shop, offer=shop.body()["offer"] | {"variants": variants}))
    assert refused.status_code == 409
    variants[1]["channels"] = {"sms": {"title": {"zh": "八折"}, "text": {"zh": "今天八折"}}}
    offer = shop.body()["offer"] | {"variants": variants}
    assert (await approve(shop, await submitted(shop, offer=offer))).status_code == 200


@pytest.mark.parametrize("how", ["other-kind", "out-of-order", "switched-off", "whole-text"])
async def test_nothing_is_asked_where_texts_do_not_go_by_filed_ones(shop: Shop, how: str) -> None:
    if how == "other-kind":
        gateway(shop, kind="smpp")
    elif how == "switched-off":
        gateway(shop, is_on=False)
    elif how == "whole-text":
        gateway(shop, options={"text_template": "SMS_9"})
    else:
        gateway(shop)
        order = {"channel_order": ["email"], "changed_at": shop.makers.clock.now()}
        shop.makers.session.add(ChannelPolicy(district_id=shop.district.id, **order))
        shop.makers.done()
    assert (await approve(shop, await submitted(shop))).status_code == 200


async def test_another_text_or_signature_is_on_file_nowhere(shop: Shop) -> None:
    text = await filed(shop, gateway(shop), "filed", "filed", "filed")
    assert text["is_usable"] is True
    assert text["as_entered"] == "${store}：${title}，${until}前有效 拒收请回复R"
    renamed = (await ask(shop, "PATCH", f"/{text['id']}", {"number": "SMS_2"})).json()
    assert (renamed["number"], renamed["is_usable"]) == ("SMS_2", True)
    changed = (await ask(shop, "PATCH", f"/{text['id']}", {"signature": "另一商圈"})).json()
    assert changed["is_usable"] is False
    assert {one["state"] for one in changed["filings"].values()} == {"unfiled"}


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"text": "{shop} 拒收请回复R"}, "/text"),
        ({"text": "八折"}, "/text"),
        ({"purpose": "code"}, "/text"),
        ({"signature": "【x】"}, "/body/signature"),
        ({"filings": {"china_mobile": {"state": "perhaps"}}}, "/body/filings/china_mobile/state"),
    ],
    ids=["gap", "no-refusal", "no-code", "signature", "state"],
)
async def test_what_could_never_be_sent_is_refused_by_name(
    shop: Shop, values: dict[str, Any], pointer: str
) -> None:
    body = {"provider": gateway(shop), "signature": "中央商圈", "purpose": "marketing", "text": TEXT}
    answer = await ask(shop, "POST", "", body | values)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_texts_are_the_operators_alone(shop: Shop) -> None:
    text = await filed(shop, gateway(shop))
    for method, path, body in (
        ("GET", "", None),
        ("GET", f"/{text['id']}", None),
        ("PATCH", f"/{text['id']}", {"number": "x"}),
        ("DELETE", f"/{text['id']}", None),
        ("POST", "", {}),
    ):
        assert (await ask(shop, method, path, body, token=shop.token)).status_code == 403, method
    assert (await ask(shop, "GET", f"/{uuid.uuid4()}")).status_code == 404
    twice = await ask(
        shop,
        "POST",
        "",
        {k: text[k] for k in ("provider", "number", "signature", "purpose")} | {"text": TEXT},
    )
    assert twice.status_code == 409
    assert (await ask(shop, "DELETE", f"/{text['id']}")).status_code == 204
    assert (await ask(shop, "GET")).json() == {"items": [], "next": None}


async def test_the_preview_shows_parts_cost_and_what_is_not_filed(shop: Shop) -> None:
    provider = gateway(shop)
    for number, member in enumerate(people(shop, 20)):
        member.phone = f"+861380013{number:04}"
    shop.makers.done()
    campaign_id = await drafted(shop, scheduled())
    await filed(shop, provider, "filed")
    seen = await preview_of(shop, campaign_id)
    assert seen["reach_by_channel"] == {"inbox": 20, "sms": 20}
    look = next(one for one in seen["looks"] if one["channel"] == "sms" and one["language"] == "zh")
    assert look["text"].startswith("【中央商圈】")
    assert "减三元" in look["text"]
    assert look["text"].endswith("拒收请回复R")
    assert (look["parts"], look["cost_micro"]) == (1, 45_000)
    assert look["not_filed_with"] == ["china_unicom", "china_telecom"]
    assert look["is_unsendable"] is True
    assert seen["cost"]["messages_minor"] == 90  # twenty at 4.5 cents


async def test_words_for_a_channel_that_does_not_take_them_are_refused_when_they_are_saved(
    shop: Shop,
) -> None:
    own = {"title": {"zh": "字" * 21}, "text": {"zh": "今天"}}
    offer = shop.body()["offer"] | {"channels": {"mini_program": own}}
    answer = await shop.post(body=shop.body(offer=offer))
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/offer/channels/mini_program/title/zh"]
    assert "takes 20 letters here, and these are 21" in answer.json()["errors"][0]["detail"]
    shop.store.name = "Zio " * 30
    shop.makers.done()
    named = shop.body()["offer"] | {"text": {"en": "{store} " * 60, "zh": "今天"}}
    refused = await shop.post(body=shop.body(offer=named))
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/offer/text/en"]

"""Operators see what templates make of words, before anybody gets them."""

from tests.channels.wechat.conftest import TEMPLATE, account
from tests.channels.wechat.weixin import Weixin
from tests.district.deliveries.relays import Desk

FIELDS = {"thing1": "{title}", "phrase2": "{body}", "time3": "{until}"}


async def test_each_field_is_shown_with_what_is_wrong_with_it(desk: Desk, weixin: Weixin) -> None:
    await account(desk, weixin, templates=[TEMPLATE | {"fields": FIELDS}])
    words = {"title": "很" * 25, "text": "今天有效哦呀", "language": "zh"}
    answer = await desk.ask("POST", "channel-providers/wx/preview", words)
    assert answer.status_code == 200, answer.text
    (shown,) = answer.json()
    assert (shown["id"], shown["fits"]) == ("TEMPLATE-1", False)
    found = {one["field"]: one for one in shown["fields"]}
    thing, phrase, time = found["thing1"], found["phrase2"], found["time3"]
    assert thing["text"] == "很" * 19 + "…"
    assert "has 25" in thing["problem"]
    assert "at most 5 Chinese characters" in phrase["problem"]
    assert (time["text"], time["problem"]) == ("2026年5月1日 14:00", None)
    assert weixin.tried == []


async def test_words_that_fit_are_said_to(desk: Desk, weixin: Weixin) -> None:
    await account(desk, weixin, templates=[TEMPLATE | {"fields": FIELDS}])
    answer = await desk.ask("POST", "channel-providers/wx/preview", {"title": "八折", "text": "今天有效"})
    assert answer.json()[0]["fits"]
    assert (await desk.ask("POST", "channel-providers/wx/preview", {"title": ""})).status_code == 422

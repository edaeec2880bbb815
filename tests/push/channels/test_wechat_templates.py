"""What goes into the fields of filed templates, and what does not."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.channels import wechat_templates
from push.channels.wechat_templates import LIMITS, PatternInvalid, Template, Unfit, Use
from push.identifiers import OfferId
from push.message import Message, MessagePurpose
from push.wording import Language
from tests.push.outbox_world import BASE_MESSAGE

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFER = OfferId(uuid.UUID(int=7))


def message(**changes: object) -> Message:
    values = {
        "title": "午餐八折",
        "body": "今天有效",
        "language": Language.ZH,
        "at": datetime(2026, 5, 1, 4, 0, tzinfo=UTC),
        "expires_at": datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
        "offer_id": OFFER,
        "link": "https://shops.example/m/abc",
    }
    return replace(BASE_MESSAGE, **(values | changes))  # type: ignore[arg-type]  # whatever the test names


def template(**fields: str) -> Template:
    return Template(id="T-1", uses=frozenset({Use.OFFER}), fields=fields, page="pages/o?id={offer}&t={token}")


def filled(one: Template, **changes: object) -> dict[str, str]:
    words = wechat_templates.words_of(message(**changes), district="中央商圈", zone=SHANGHAI)
    return wechat_templates.filled(one, words)


def test_fields_get_the_words_and_the_districts_times() -> None:
    one = template(thing1="{title}", thing2="{district}：{body}", time3="{until}", date4="{at}")
    assert filled(one) == {
        "thing1": "午餐八折",
        "thing2": "中央商圈：今天有效",
        "time3": "2026年5月1日 17:30",
        "date4": "2026年5月1日 12:00",
    }
    assert wechat_templates.page_of(one, message()) == f"pages/o?id={OFFER}&t=abc"


@given(st.text(max_size=200))
def test_a_thing_always_has_1_to_20_characters_on_one_line_or_is_not_sent(title: str) -> None:
    try:
        text = filled(template(thing1="{title}"), title=title, body="")["thing1"]
    except Unfit:
        assert not title.split()
        return
    assert 1 <= len(text) <= 20
    assert "\n" not in text


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("thing", "很" * 20, "很" * 21),
        ("number", "12.5", "12元"),
        ("letter", "ABC", "AB1"),
        ("symbol", "¥", "a"),
        ("character_string", "NO.2026-1", "编号1"),
        ("time", "15:01", "later"),
        ("time", "2026年5月1日 15:01~2026年5月2日 15:01", "2026"),
        ("date", "2026年5月1日", "15:01"),
        ("amount", "¥100.50", "¥100.505"),
        ("amount", "100元", "about 100"),
        ("phone_number", "+86-0766-66888866", "ext. nine"),
        ("car_number", "粤A8Z888挂", "粤A8Z888888"),
        ("name", "王小明", "王小明王小明王小明王小"),
        ("phrase", "已到账", "已经到账了呀"),
        ("const", "待使用", "字" * 21),
    ],
    ids=str,
)
def test_each_kind_of_field_takes_what_wechat_documents(kind: str, good: str, bad: str) -> None:
    assert LIMITS[kind].pattern.fullmatch(good)
    assert not LIMITS[kind].pattern.fullmatch(bad)


def test_a_field_that_is_no_thing_is_never_cut() -> None:
    with pytest.raises(Unfit, match="phrase1"):
        filled(template(phrase1="{title}"), title="午餐八折优惠")


def test_an_author_is_told_of_every_field_that_his_words_do_not_fit() -> None:
    one = template(thing1="{title}", phrase2="{body}", thing3="{district}")
    words = wechat_templates.words_of(message(title="很" * 30), district="商圈", zone=SHANGHAI)
    found = wechat_templates.unfit(one, words)
    assert [problem.field for problem in found] == ["thing1"]
    assert "at most 20 characters" in str(found[0])
    assert "30" in str(found[0])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title1": "{title}"},
        {"thing1": "{nobody}"},
        {"thing1": ""},
        {"thing1": "x" * 201},
        {"phrase1": "far too long"},
        {f"thing{one}": "{title}" for one in range(13)},
    ],
    ids=["none", "name", "place", "empty", "long", "fixed", "many"],
)
def test_templates_that_cannot_be_filled_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(PatternInvalid):
        wechat_templates.check(template(**fields))


def test_a_template_is_used_for_what_it_was_filed_for() -> None:
    offers = template(thing1="{title}")
    codes = replace(offers, id="T-2", uses=frozenset({Use.CODE}))
    assert wechat_templates.fitting([offers, codes], message(purpose=MessagePurpose.MARKETING)) == [offers]
    assert wechat_templates.fitting([offers, codes], message(purpose=MessagePurpose.CODE)) == [codes]
    assert wechat_templates.fitting([offers, codes], message(purpose=MessagePurpose.SERVICE)) == []

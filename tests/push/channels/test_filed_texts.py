"""Texts on file: their gaps, what fits into them, how long they are with all that the carriers ask for."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.channels import filed_texts
from push.channels.filed_texts import MOST_GAP, Carrier, FiledText, Filing, Gap, TextUnfit, check, fitting
from push.channels.sms_parts import split
from push.message import MessagePurpose
from push.wording import Language

EVERYWHERE = dict.fromkeys(Carrier, Filing.FILED)
OFFER = FiledText(
    number="SMS_1",
    signature="中央商圈",
    purpose=MessagePurpose.MARKETING,
    language=Language.ZH,
    text="{store}：{title}，{until}前有效 {link} 拒收请回复R",
    filings=EVERYWHERE,
)
FACTS = {"store": "一号店", "title": "咖啡八折", "until": "5月1日 18:00", "link": "https://s.example/m/abc"}


def test_a_text_is_filled_and_signed() -> None:
    assert (
        OFFER.whole(FACTS)
        == "【中央商圈】一号店：咖啡八折，5月1日 18:00前有效 https://s.example/m/abc 拒收请回复R"
    )
    assert list(OFFER.values(FACTS)) == ["store", "title", "until", "link"]


def test_how_to_refuse_counts_even_where_the_gateway_adds_it() -> None:
    silent = replace(OFFER, text="{title}")
    assert silent.whole(FACTS) == "【中央商圈】咖啡八折拒收请回复R"
    code = replace(OFFER, purpose=MessagePurpose.CODE, text="验证码{code}")
    assert code.whole({"code": "123456"}) == "【中央商圈】验证码123456"


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (FACTS | {"title": ""}, "nothing stands in the gap {title}"),
        (FACTS | {"title": "字" * (MOST_GAP + 1)}, "the gap {title} takes 35 letters, and these are 36"),
    ],
    ids=["missing", "too-long"],
)
def test_facts_that_do_not_fit_are_named(facts: dict[str, str], says: str) -> None:
    with pytest.raises(TextUnfit) as refused:
        OFFER.whole(facts)
    assert str(refused.value) == says
    assert "{title}" in refused.value.zh


def test_a_link_may_be_longer_than_other_gaps() -> None:
    long = "https://district.example/m/" + "x" * 30
    assert long in OFFER.whole(FACTS | {"link": long})


def test_a_whole_text_has_an_end() -> None:
    endless = replace(OFFER, text="字" * 490 + "{title} 拒收请回复R")
    with pytest.raises(TextUnfit, match="the whole text takes 500 letters"):
        endless.whole(FACTS)


@pytest.mark.parametrize(
    ("text", "purpose", "says"),
    [
        ("{shop} 拒收请回复R", MessagePurpose.MARKETING, "{shop} is no gap"),
        ("${store} 拒收请回复R", MessagePurpose.MARKETING, "write gaps as {store}"),
        ("{store", MessagePurpose.SERVICE, "write gaps as {store}"),
        ("{store} 今日八折", MessagePurpose.MARKETING, "must say how to refuse"),
        ("{code} 拒收请回复R", MessagePurpose.MARKETING, "one-time codes"),
        ("您的验证码", MessagePurpose.CODE, "one-time codes"),
    ],
    ids=["unknown", "dollar", "open", "no-refusal", "code-in-marketing", "code-without"],
)
def test_a_text_that_could_never_be_sent_is_refused(text: str, purpose: MessagePurpose, says: str) -> None:
    with pytest.raises(TextUnfit, match=re.escape(says)):
        check(text, purpose)


@pytest.mark.parametrize(
    "text", ["{title}，退订回T", "{title} 回TD退订", "{title} 拒收请回复R", "{title} Reply STOP to end"]
)
def test_every_way_to_refuse_will_do(text: str) -> None:
    check(text, MessagePurpose.MARKETING)


def test_the_first_that_is_filed_everywhere_and_fits_is_taken() -> None:
    half = replace(OFFER, number="half", filings=EVERYWHERE | {Carrier.UNICOM: Filing.REFUSED})
    narrow = replace(OFFER, number="narrow", text="{text} 拒收请回复R")
    english = replace(OFFER, number="english", language=Language.EN)
    texts = [half, narrow, OFFER, english]

    def chosen(language: Language, purpose: MessagePurpose = MessagePurpose.MARKETING) -> str:
        found = fitting(texts, FACTS, purpose, language)
        return found.number if found else ""

    assert chosen(Language.ZH) == "SMS_1"
    assert chosen(Language.EN) == "english"
    assert chosen(Language.ZH, MessagePurpose.SERVICE) == ""
    assert half.missing == (Carrier.UNICOM,)


def test_gateways_get_gaps_in_their_own_form() -> None:
    assert filed_texts.as_gateway("{store}：{title}", is_numbered=False) == "${store}：${title}"
    assert filed_texts.as_gateway("{store}：{title}，{store}", is_numbered=True) == "{1}：{2}，{3}"


@given(st.text(min_size=1, max_size=MOST_GAP), st.sampled_from(list(Gap)))
def test_what_stands_in_a_gap_is_never_read_as_a_gap(fact: str, gap: Gap) -> None:
    plain = " ".join(fact.split())
    text = replace(OFFER, text=f"{{{gap}}} 拒收请回复R")
    if not plain:
        with pytest.raises(TextUnfit):
            text.whole({gap.value: fact})
        return
    whole = text.whole({gap.value: fact})
    assert whole == f"【中央商圈】{plain} 拒收请回复R"
    assert split(whole).count >= 1

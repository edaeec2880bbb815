"""What members read: the right language, a safe fallback, and why they got it."""

import pytest

from push.message import Why, one_time_code_text, render
from push.offer_document import parse_offer
from push.rule import TriggerKind
from push.wording import Language, Localised, both, clean, language_of
from tests.push.makers import minutes, offer_document

WHY = both(zh="您刚走到附近。", en="You have just come near.")
STORE = Localised(zh="咖啡馆", en="Café Aalto")


@pytest.mark.parametrize(
    ("preferred", "fallback", "title"),
    [
        (Language.ZH, Language.EN, "午餐立减"),
        (Language.EN, Language.ZH, "Lunch for less"),
        (None, Language.ZH, "午餐立减"),
    ],
)
def test_an_offer_speaks_the_members_language_else_the_districts(
    preferred: Language | None, fallback: Language, title: str
) -> None:
    assert render(parse_offer(offer_document()), WHY, preferred=preferred, fallback=fallback).title == title


def test_an_offer_in_one_language_is_told_in_that_one() -> None:
    offer = parse_offer(offer_document(title={"zh": "午餐"}, text={"zh": "减五元", "en": "5 off"}))
    words = render(offer, WHY, preferred=Language.EN, fallback=Language.EN)
    assert (words.language, words.title, words.body, words.why) == (
        Language.ZH,
        "午餐",
        "减五元",
        "您刚走到附近。",
    )


def test_why_names_the_store_and_the_distance() -> None:
    why = Why(trigger=TriggerKind.ENTER, store_name=STORE, distance_m=42.4).text()
    assert why.en == "You have just come near Café Aalto, about 40 m away."
    assert why.zh == "您刚走到「咖啡馆」附近，相距约 40 米。"


@pytest.mark.parametrize(("dwell", "words"), [(2.0, "2 minutes"), (0.6, "1 minute")])
def test_why_names_how_long(dwell: float, words: str) -> None:
    why = Why(trigger=TriggerKind.DWELL, store_name=STORE, dwell=minutes(dwell)).text()
    assert why.en == f"You have been near Café Aalto for about {words}."
    assert why.zh == f"您已在「咖啡馆」附近停留约 {words.split(maxsplit=1)[0]} 分钟。"


def test_a_store_named_in_one_language_keeps_its_name_in_the_other() -> None:
    why = Why(trigger=TriggerKind.ENTER, store_name=Localised(en="Stockmann")).text()
    assert why.zh == "您刚走到「Stockmann」附近。"


@pytest.mark.parametrize("language", list(Language))
def test_a_code_message_holds_the_code_and_its_life(language: Language) -> None:
    title, body = one_time_code_text("012345", minutes=10, language=language)
    assert title
    assert "012345" in body
    assert "10" in body


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-Hans-CN", Language.ZH),
        ("ZH_tw", Language.ZH),
        ("en", Language.EN),
        ("fi-FI", None),
        ("", None),
        (None, None),
        ("x" * 10_000, None),
    ],
)
def test_language_tags(tag: str | None, language: Language | None) -> None:
    assert language_of(tag) is language


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\u202eb\u2066c\u200e", "abc"),
        ("a\x00b\x1bc", "a b c"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("e\u0301", "é"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\ud800", ""),
        (" \t ", ""),
    ],
)
def test_texts_are_cleaned(raw: str, shown: str) -> None:
    assert clean(raw) == shown
    assert clean(shown) == shown


def test_a_text_in_no_language_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Localised()

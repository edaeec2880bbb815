"""What text messages say, in any width, case and spacing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.members import text_words
from district.members.text_words import Meaning

CODE = "k7m2qfhx"


@pytest.mark.parametrize(
    "text",
    ["STOP", " stop.", "ＳＴＯＰ", "Quit", "END", "revoke", "Opt out", "OPT-OUT", "optout", "cancel",
     "Unsubscribe!", "退订", "退訂", "R", "ｒ", "Stop it, please", "退订 谢谢", "STOPALL"],
)  # fmt: skip
def test_words_that_end_messages_are_known_in_every_spelling(text: str) -> None:
    assert text_words.read(text).meaning is Meaning.STOP


@pytest.mark.parametrize("text", ["Ending soon?", "stopover", "hello", "", "rr", "end of the day", "👍"])
def test_other_words_end_nothing(text: str) -> None:
    assert text_words.read(text).meaning is not Meaning.STOP


@pytest.mark.parametrize(
    "text",
    ["JOIN K7M2-QFHX", "join k7m2qfhx", "ＪＯＩＮ　Ｋ７Ｍ２ＱＦＨＸ", "Join:k7m2 qfhx.", "joinK7M2QFHX"],
)
def test_a_keyword_with_its_code_is_read_however_it_is_typed(text: str) -> None:
    said = text_words.read(text)
    assert said.meaning is Meaning.JOIN
    assert text_words.code_of(said) == CODE
    assert text_words.has_keyword(said, "Join")
    assert not text_words.has_keyword(said, "WIFI")


def test_a_chinese_keyword_is_one_too() -> None:
    said = text_words.read("上网 k7m2qfhx")
    assert text_words.has_keyword(said, "上网")
    assert text_words.code_of(said) == CODE


@given(st.text(max_size=2_000))
def test_no_text_breaks_the_reading(text: str) -> None:
    said = text_words.read(text)
    code = text_words.code_of(said)
    assert code == "" or (len(code) == text_words.CODE_LETTERS and set(code) <= set(text_words.LETTERS))
    text_words.has_keyword(said, "join")


@pytest.mark.parametrize("keyword", ["stop", "退订", "", "!!", "x" * 21])
def test_a_keyword_that_ends_messages_or_says_nothing_is_refused(keyword: str) -> None:
    with pytest.raises(ValueError, match=r"keyword|ends messages"):
        text_words.checked_keyword(keyword)

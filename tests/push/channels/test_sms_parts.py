"""Parts of text messages: the limits of 3GPP TS 23.038 and 23.040, and nothing lost on the way."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from push.channels.sms_parts import Alphabet, composed, octets, read, split
from push.wording import Language

GSM, UCS2 = Alphabet.GSM, Alphabet.UCS2


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "parts"),
    [
        ("", GSM, 0, 1),
        ("a" * 160, GSM, 160, 1),
        ("a" * 161, GSM, 161, 2),
        ("a" * 306, GSM, 306, 2),
        ("a" * 307, GSM, 307, 3),
        ("€" * 80, GSM, 160, 1),
        ("€" * 81, GSM, 162, 2),
        ("a" * 152 + "€" + "b" * 7, GSM, 161, 2),
        ("`", UCS2, 1, 1),
        ("惠" * 70, UCS2, 70, 1),
        ("惠" * 71, UCS2, 71, 2),
        ("惠" * 134, UCS2, 134, 2),
        ("惠" * 135, UCS2, 135, 3),
        ("🍜" * 35, UCS2, 70, 1),
        ("🍜" * 36, UCS2, 72, 2),
    ],
    ids=lambda value: str(value)[:3] if isinstance(value, str) else str(value),
)
def test_limits_are_those_of_the_standard(text: str, alphabet: Alphabet, units: int, parts: int) -> None:
    made = split(text)
    assert (made.alphabet, made.units, made.count) == (alphabet, units, parts)


def test_an_escaped_letter_and_a_pair_move_whole_into_the_next_part() -> None:
    assert split("a" * 152 + "€" + "b" * 8).texts == ("a" * 152, "€" + "b" * 8)
    emoji = split("惠" * 66 + "🍜" * 4)
    assert emoji.texts == ("惠" * 66, "🍜" * 4)
    assert [len(octets(one, UCS2)) for one in emoji.texts] == [132, 16]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=700))
@example("{}[]~^\\|€" * 40)
@example("🍜" * 100)
def test_parts_are_the_text_and_each_fits(text: str) -> None:
    made = split(text)
    assert "".join(made.texts) == text
    coded = [octets(one, made.alphabet) for one in made.texts]
    assert "".join(read(one, made.alphabet) for one in coded) == text
    most = {GSM: 160, UCS2: 140}[made.alphabet] if made.count == 1 else {GSM: 153, UCS2: 134}[made.alphabet]
    assert max(map(len, coded)) <= most
    assert made.left_units >= 0


def test_every_part_is_paid_for() -> None:
    assert split("惠" * 71).cost_micro(45_000) == 90_000


def test_how_to_refuse_and_who_sends_count_in_the_length() -> None:
    body = "惠" * 60
    whole = composed(body, language=Language.ZH, signature="中央商圈", can_refuse=True)
    assert whole == f"【中央商圈】{body} 拒收请回复R"
    assert (split(body).count, split(whole).count) == (1, 2)


def test_a_text_that_says_how_to_refuse_says_it_once() -> None:
    said = composed("午餐八折，拒收请回复R", language=Language.ZH, signature="", can_refuse=True)
    assert said == "午餐八折，拒收请回复R"
    assert composed("Hi", language=Language.EN, link="https://x.example/a", can_refuse=True) == (
        "Hi https://x.example/a Reply STOP to end"
    )


def test_a_code_offers_no_refusal() -> None:
    assert composed("Code 123456", language=Language.EN, can_refuse=False) == "Code 123456"

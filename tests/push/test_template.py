"""Texts with named places: only names, each from the list, and nothing that a fact holds is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.consent import Channel
from push.offer_document import parse_offer
from push.template import (
    MAX_FACT,
    Placeholder,
    PlaceholderUnknown,
    check,
    fill,
    fill_both,
    form_of_address,
    names_in,
    render_samples,
)
from push.wording import Language, Localised
from tests.push.makers import offer_document

FACTS = {
    Placeholder.STORE: "Café <Aalto> & {value}",
    Placeholder.VALUE: "€5.00",
    Placeholder.UNTIL: "1 May 14:00",
}
WORDS = {"title": {"en": "{value} off"}, "text": {"en": "At {store}"}}


def test_names_are_filled_and_other_braces_stay() -> None:
    assert fill("{value} off {until} {} {1} { store }", FACTS) == "€5.00 off 1 May 14:00 {} {1} { store }"


def test_what_a_fact_holds_is_never_a_template() -> None:
    assert fill("{store}", FACTS) == "Café <Aalto> & {value}"


@pytest.mark.parametrize(
    "text", ["{name}", "{store.owner}", "{value!r}", "{store:>9}", "{__class__}", "{store()}", "{store[0]}"]
)
def test_anything_but_a_known_name_is_refused(text: str) -> None:
    with pytest.raises(PlaceholderUnknown):
        check(text)
    with pytest.raises(PlaceholderUnknown):
        fill(text, FACTS)


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        (Channel.INBOX, "Café <Aalto> & {value}\nnow"),
        (Channel.SMS, "Café <Aalto> & {value} now"),
        (Channel.EMAIL, "Café &lt;Aalto&gt; &amp; {value}\nnow"),
    ],
)
def test_each_channel_gets_what_is_safe_for_it(channel: Channel, text: str) -> None:
    assert fill("{store}\nnow", FACTS, channel) == text


@given(text=st.text(max_size=80), fact=st.text(max_size=400))
def test_no_text_and_no_fact_breaks_filling(text: str, fact: str) -> None:
    try:
        filled = fill(f"{text}{{store}}", {Placeholder.STORE: fact})
    except PlaceholderUnknown:
        return
    assert len(filled) <= len(text) + MAX_FACT * (1 + text.count("{"))
    assert not any(letter in filled[len(text) :] for letter in "\x00\u202e\u200b") or "{" in text


def test_every_language_gets_its_own_facts() -> None:
    text = Localised(zh="在{store}", en="At {store}")
    facts = {Language.ZH: {Placeholder.STORE: "咖啡馆"}, Language.EN: {Placeholder.STORE: "Café"}}
    assert fill_both(text, facts) == Localised(zh="在咖啡馆", en="At Café")


@pytest.mark.parametrize(
    ("called", "read"),
    [
        pytest.param("Lin", "Hello Lin, 5 off", id="as he said"),
        pytest.param(None, "Hello dear friend, 5 off", id="who said nothing"),
        pytest.param("", "Hello dear friend, 5 off", id="blank"),
        pytest.param("{store}", "Hello {store}, 5 off", id="never a template"),
        pytest.param("a\u202eb\x00c", "Hello ab c, 5 off", id="no disguise"),
    ],
)
def test_a_member_is_addressed_as_he_said_or_by_the_texts_own_words(called: str | None, read: str) -> None:
    assert fill("Hello {name|dear friend}, 5 off", FACTS, called=called) == read


@pytest.mark.parametrize(
    "text", ["{name|}", "{name| }", "{name|\u200b}", "{name|a|b}", "{name|" + "x" * 41 + "}"]
)
def test_a_name_needs_words_for_who_said_nothing(text: str) -> None:
    try:
        check(text)
    except PlaceholderUnknown:
        return
    assert fill(text, FACTS, called="Lin") == text


def test_a_form_of_address_is_one_line_of_forty_letters_at_most() -> None:
    assert form_of_address(" Frau\nDr. \u202eLin\u200b ") == "Frau Dr. Lin"
    assert form_of_address("\u200b") == ""
    assert len(form_of_address("林" * 40)) == 40
    with pytest.raises(ValueError, match="too long"):
        form_of_address("x" * 41)


def test_names_in_a_text_are_told() -> None:
    assert names_in("{value} at {store}, {store}") == {Placeholder.VALUE, Placeholder.STORE}


def test_samples_take_the_variants_in_turn_in_each_language() -> None:
    variants = [{"name": name, "weight": 1, **WORDS} for name in "ab"]
    offer = parse_offer(offer_document(variants=variants))
    samples = render_samples(offer, {Language.EN: (FACTS,) * 5, Language.ZH: (FACTS,)})
    told = [(one.language, one.variant, one.title) for one in samples]
    assert told[:2] == [(Language.EN, "a", "€5.00 off"), (Language.EN, "b", "€5.00 off")]
    assert [one[0] for one in told] == [Language.EN] * 5 + [Language.ZH] * 2

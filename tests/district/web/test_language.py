"""Which language a page speaks, and that it has the words."""

from pathlib import Path

import pytest

from district.web import language, messages
from district.web.language import Language, Tongue, accepted, chosen, gettext, ngettext, speaking
from tests.district.web.shell_app import Visitor


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.ZH),
        ("en-GB,en;q=0.9,zh;q=0.5", Language.EN),
        ("fi-FI,fi;q=0.9,zh;q=0.3,en;q=0.2", Language.ZH),
        ("zh;q=0, en;q=0.1", Language.EN),
        ("zh;q=nonsense, en;q=0.1", Language.EN),
        ("fi", None),
        ("", None),
        ("," * 5000 + "zh", None),
    ],
)
def test_the_header_names_the_best_of_our_languages(header: str, expected: Language | None) -> None:
    assert accepted(header) is expected


def test_unknown_languages_are_not_chosen() -> None:
    assert [chosen(value) for value in ("zh_Hans", "EN", "fr", "", None)] == [
        Language.ZH,
        Language.EN,
        None,
        None,
        None,
    ]


def test_the_address_wins_over_the_cookie_and_the_cookie_over_the_header(visitor: Visitor) -> None:
    headers = {"accept-language": "en"}
    assert visitor.get("/", headers=headers).headers["content-language"] == "en"
    assert visitor.get("/?lang=zh", headers=headers).headers["content-language"] == "zh-Hans"
    assert visitor.cookies["lang"] == "zh"
    assert visitor.get("/", headers=headers).headers["content-language"] == "zh-Hans"
    assert visitor.get("/?lang=en", headers=headers).headers["content-language"] == "en"


def test_the_switch_keeps_the_rest_of_the_address(visitor: Visitor) -> None:
    page = visitor.get("/?demo=1&lang=zh&q=a%26b").text
    assert 'href="/?demo=1&amp;q=a%26b&amp;lang=en"' in page


def test_words_follow_the_tongue_being_spoken() -> None:
    with speaking(Tongue(language=Language.ZH)):
        assert gettext("Merchant") == "商户"
        assert gettext("A text nobody translated") == "A text nobody translated"
    assert gettext("Merchant") == "Merchant"
    assert [ngettext("%(num)s shop", "%(num)s shops", count) for count in (1, 2)] == ["1 shop", "2 shops"]


def test_every_text_of_the_product_has_its_chinese() -> None:
    assert [f"{text.place}: {text.text}" for text in messages.missing()] == []


def test_the_tool_sees_templates_and_code() -> None:
    found = {text.text: text.place for text in messages.texts()}
    assert found["Be a shopper"].startswith("web/templates/home.html:")
    assert found["%(count)s min walk"].startswith("web/formats.py:")


def test_a_missing_text_is_reported_and_added_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zh_Hans").mkdir()
    monkeypatch.setattr(language, "LOCALE_DIRECTORY", tmp_path)
    monkeypatch.setattr(messages, "LOCALE_DIRECTORY", tmp_path)
    language.catalogue.cache_clear()
    try:
        assert messages.main(["--add", "area"]) == 1
        first = (tmp_path / "zh_Hans" / "area.po").read_text("utf-8")
        assert messages.main(["--add", "area"]) == 1
        assert (tmp_path / "zh_Hans" / "area.po").read_text("utf-8").strip() == first.strip()
        assert first.count('msgid "Be a shopper"\n') == 1
    finally:
        monkeypatch.undo()
        language.catalogue.cache_clear()


def test_areas_that_contradict_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zh_Hans").mkdir()
    for area, word in (("a", "商户"), ("b", "商家")):
        (tmp_path / "zh_Hans" / f"{area}.po").write_text(f'msgid "Merchant"\nmsgstr "{word}"\n', "utf-8")
    monkeypatch.setattr(language, "LOCALE_DIRECTORY", tmp_path)
    language.catalogue.cache_clear()
    try:
        with pytest.raises(language.ContradictingTranslations, match="Merchant"):
            language.catalogue()
    finally:
        monkeypatch.undo()
        language.catalogue.cache_clear()


def test_translations_keep_the_placeholders_of_their_source() -> None:
    def names(text: str) -> list[str]:
        return sorted(part.split(")")[0] for part in text.split("%(")[1:])

    wrong = [
        source
        for source, forms in language.catalogue().items()
        if any(names(form) != names(source) for form in forms if "%(num)" not in source)
    ]
    assert wrong == []

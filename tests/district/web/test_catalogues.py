"""A further language needs a catalogue and nothing else: which readers get it, and what stands in where it says nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from district.web import catalogues, language, messages
from district.web.catalogues import fitting
from district.web.language import Language, Tongue, accepted, chosen, gettext, ngettext, speaking
from tests.district.web.shell_app import Visitor

HONG_KONG = "zh_Hant_HK"
FINNISH = """
msgid ""
msgstr ""
"Language: fi\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Merchant"
msgstr "Kauppias"

msgid "%(num)s shop"
msgid_plural "%(num)s shops"
msgstr[0] "%(num)s kauppa"
msgstr[1] "%(num)s kauppaa"
"""


@pytest.fixture
def finnish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue that somebody added: one file in a folder."""
    (tmp_path / "fi").mkdir()
    (tmp_path / "fi" / "own.po").write_text(FINNISH, "utf-8")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.po").write_text("", "utf-8")
    monkeypatch.setattr(catalogues, "DIRECTORY", tmp_path)
    catalogues.further.cache_clear()
    catalogues.words.cache_clear()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What one test installed, the next does not see."""
    yield
    catalogues.further.cache_clear()
    catalogues.words.cache_clear()


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("zh-TW", HONG_KONG),
        ("zh-HK", HONG_KONG),
        ("zh-Hant", HONG_KONG),
        ("zh_Hant_MO", HONG_KONG),
        ("zh-CN", None),
        ("zh-Hans-HK", None),
        ("zh", None),
        ("en", None),
        ("", None),
        ("-" * 500, None),
        ("zh-" + "x" * 500, None),
    ],
)
def test_a_tag_finds_the_catalogue_of_its_language_and_script(tag: str, name: str | None) -> None:
    found = fitting(tag)
    assert (found.name if found else None) == name


def test_what_shoppers_read_is_there_in_traditional_chinese() -> None:
    assert [f"{text.place}: {text.text}" for text in messages.missing(HONG_KONG)] == []


def test_traditional_words_come_first_and_simplified_ones_stand_in() -> None:
    further = fitting("zh-HK")
    assert further is not None
    assert (further.tag, further.own_name, further.parent) == ("zh-Hant-HK", "繁體中文", "zh")
    with speaking(Tongue(language=Language.ZH, further=further)):
        assert gettext("Nothing has come yet") == "還沒有消息"
        assert gettext("Filed texts") == "短信模板"  # an operator's word, which only the parent has
        assert gettext("A text nobody translated") == "A text nobody translated"
        assert (Language.ZH.tag, str(Language.ZH.locale)) == ("zh-Hant-HK", "zh_Hant_HK")
        assert Language.EN.tag == "en"
    assert Language.ZH.tag == "zh-Hans"


def test_a_page_follows_the_browser_the_address_and_the_cookie(visitor: Visitor) -> None:
    def spoken(path: str = "/", header: str = "zh-HK,zh;q=0.9") -> str:
        return visitor.get(path, headers={"accept-language": header}).headers["content-language"]

    assert spoken() == "zh-Hant-HK"
    assert spoken("/?lang=zh") == "zh-Hant-HK"  # Chinese, written as the browser prefers
    assert spoken("/?lang=zh-Hans") == "zh-Hans"
    assert visitor.cookies["lang"] == "zh-Hans"
    assert spoken() == "zh-Hans"
    assert spoken("/?lang=zh-Hant-HK", "en") == "zh-Hant-HK"
    assert visitor.cookies["lang"] == "zh-Hant-HK"
    assert spoken(header="en") == "zh-Hant-HK"
    assert spoken("/?lang=en") == "en"


@pytest.mark.usefixtures("finnish")
def test_another_language_needs_a_catalogue_alone() -> None:
    assert [one.name for one in catalogues.further()] == ["fi"]
    assert (chosen("fi-FI"), accepted("fi;q=0.9, sv")) == (Language.EN, Language.EN)
    further = fitting("fi")
    assert further is not None
    with speaking(Tongue(language=Language.EN, further=further)):
        assert gettext("Merchant") == "Kauppias"
        assert gettext("Filed texts") == "Filed texts"
        assert [ngettext("%(num)s shop", "%(num)s shops", n) for n in (1, 5)] == ["1 kauppa", "5 kauppaa"]
        assert (Language.EN.tag, further.own_name) == ("fi", "suomi")
        assert [code for code, _, _ in language.others(Language.EN)] == ["zh", "en"]


@pytest.mark.usefixtures("finnish")
def test_the_tool_begins_a_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LOCALE_DIRECTORY", tmp_path)
    assert messages.main(["--catalogue", "fi", "--add", "shoppers"]) == 1
    made = (tmp_path / "fi" / "shoppers.po").read_text("utf-8")
    assert "nplurals=2" in made
    assert 'msgid "Nothing has come yet"\nmsgstr ""\n' in made

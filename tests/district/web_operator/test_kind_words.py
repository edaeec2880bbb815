"""What a kind of provider asks for is asked in both languages."""

import pytest

from district.channels.kinds import KINDS
from district.channels.kinds.kind import Kind
from district.web.language import Language, Tongue, catalogue, speaking
from district.web.operator_channel_form import fields_of

NOTHING = "—"
"""No choice, in every language."""


def asked(kind: Kind) -> set[str]:
    """Everything that its form says."""
    fields = fields_of(kind)
    said = {kind.title} | {words for field in fields for words in (field.label, field.hint)}
    return (said | {choice for field in fields for choice in field.choices}) - {"", NOTHING}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_form_of_a_kind_is_asked_in_chinese_too(name: str) -> None:
    missing = sorted(asked(KINDS[name]) - catalogue().keys())
    assert not missing, f"no Chinese in district/locale/zh_Hans/channel_kinds.po for: {missing}"


def test_choices_are_named_in_the_language_being_spoken() -> None:
    ids = next(one for one in fields_of(KINDS["smpp"]) if one.name == "options.ids")
    assert ("hex_then_decimal", "hex_then_decimal") in ids.pairs
    with speaking(Tongue(language=Language.ZH)):
        assert ("hex_then_decimal", "应答为十六进制，回执为十进制") in ids.pairs

"""What a text message says of an offer: it has no title of its own."""

import pytest

from push.channels.sms_words import headed
from push.wording import Language


@pytest.mark.parametrize(
    ("language", "title", "body", "said"),
    [
        pytest.param("en", "3 euros off", "Today only", "Zio: 3 euros off. Today only", id="title"),
        pytest.param("zh", "减三欧", "今天有效", "Zio：减三欧。今天有效", id="title-zh"),
        pytest.param("en", "Come in!", "Today only", "Zio: Come in! Today only", id="title-with-its-end"),
        pytest.param(
            "en", "3 euros off", "3 euros off today", "Zio: 3 euros off today", id="said-in-the-text"
        ),
        pytest.param("en", "Lunch", "Zio has it", "Lunch. Zio has it", id="shop-named"),
        pytest.param("en", "Zio's lunch", "Today", "Zio's lunch. Today", id="shop-named-in-the-title"),
        pytest.param("zh", "减三欧", "【Zio】今天有效", "【Zio】今天有效", id="own-signature"),
    ],
)
def test_a_text_begins_with_the_shop_and_the_title_unless_it_names_them(
    language: str, title: str, body: str, said: str
) -> None:
    assert headed(body, title=title, store="Zio", language=Language(language)) == said
    assert said.endswith(body)


def test_without_a_shop_the_title_begins() -> None:
    assert headed("Today", title="Lunch", store="", language=Language.EN) == "Lunch. Today"

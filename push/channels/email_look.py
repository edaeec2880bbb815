"""What an e-mail says, as plain text and as HTML, both of the same pieces. No pictures, nothing that is fetched.

Colours are the reader's own: ``color-scheme`` tells mail programs that both light and dark will do, and the few that are
set are read on both.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from push.message import Message
from push.wording import Language, Localised, both, clean

MOST_LETTERS: Final = 20_000
"""Of each piece; what is longer ends in an ellipsis."""
_OPEN: Final = both(zh="查看优惠", en="See the offer")
_STOP: Final = both(zh="退订此类邮件", en="Stop such messages")
_FROM: Final = both(
    zh="您收到此邮件，是因为您同意接收{}的优惠信息。",
    en="You get this because you agreed to offers from {}.",
)
_SERVICE: Final = both(zh="此邮件由{}发送。", en="This message is from {}.")
_TAGS: Final[Mapping[Language, str]] = MappingProxyType({Language.ZH: "zh-Hans", Language.EN: "en"})


class Part(StrEnum):
    """What a piece of the message is."""

    HEADING = "heading"
    TEXT = "text"
    CODE = "code"
    BUTTON = "button"
    SMALL = "small"
    SMALL_LINK = "small_link"


_STYLES: Final[Mapping[Part, str]] = MappingProxyType(
    {
        Part.HEADING: "font-size:20px;line-height:1.35;margin:0 0 12px;font-weight:600",
        Part.TEXT: "margin:0 0 16px",
        Part.CODE: "font-size:28px;letter-spacing:4px;font-weight:600;margin:0 0 16px",
        Part.BUTTON: "margin:0 0 24px",
        Part.SMALL: "font-size:13px;margin:0 0 6px;opacity:.75",
        Part.SMALL_LINK: "font-size:13px;margin:0",
    }
)
_ROOT: Final = (
    "font:16px/1.6 system-ui,-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei',sans-serif;"
    "max-width:560px;margin:0 auto;padding:24px 16px;text-align:left"
)
_BUTTON: Final = (
    "display:inline-block;padding:10px 20px;border-radius:6px;background:#1d5fbf;color:#ffffff;"
    "text-decoration:none;font-weight:600"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One paragraph, or a link with its words."""

    part: Part
    words: str
    link: str = ""


def language_tag(language: Language) -> str:
    """As Content-Language and the ``lang`` of a page name it."""
    return _TAGS[language]


def pieces(message: Message, *, sender: str) -> tuple[Piece, ...]:
    """The message in order; sender is who it is from, as people call it."""
    said = _SERVICE if not message.stop_link else _FROM
    found = [
        Piece(part=Part.HEADING, words=_shortened(message.title)),
        *(Piece(part=Part.TEXT, words=one) for one in _paragraphs(message.body)),
        Piece(part=Part.CODE, words=message.code or ""),
        Piece(part=Part.BUTTON, words=_in(message, _OPEN), link=web_link(message.link)),
        Piece(part=Part.SMALL, words=_shortened(message.why)),
        Piece(part=Part.SMALL, words=_in(message, said).replace("{}", clean(sender))),
        Piece(part=Part.SMALL_LINK, words=_in(message, _STOP), link=web_link(message.stop_link)),
    ]
    linked = {Part.BUTTON, Part.SMALL_LINK}
    return tuple(one for one in found if (one.link if one.part in linked else one.words))


def text_of(shown: tuple[Piece, ...]) -> str:
    """As plain text; a code stands in its sentence already."""
    blocks = [
        f"{one.words}: {one.link}" if one.link else one.words for one in shown if one.part is not Part.CODE
    ]
    return "\n\n".join(blocks) + "\n"


def html_of(shown: tuple[Piece, ...], *, language: Language) -> str:
    """As a page of HTML."""
    body = "\n".join(_element(one) for one in shown)
    return (
        f'<!doctype html>\n<html lang="{language_tag(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="supported-color-schemes" content="light dark">\n'
        "<style>:root{color-scheme:light dark}</style>\n</head>\n"
        f'<body>\n<div style="{html.escape(_ROOT)}">\n{body}\n</div>\n</body>\n</html>\n'
    )


def web_link(link: str) -> str:
    """The link if it leads to a page and cannot end early in a header; else nothing."""
    is_plain = link.isascii() and link.isprintable() and not set(link) & set(" <>\"'\\`")
    return link if is_plain and link.startswith(("https://", "http://")) else ""


def _element(piece: Piece) -> str:
    tag = "h1" if piece.part is Part.HEADING else "p"
    words = html.escape(piece.words).replace("\n", "<br>\n")
    if piece.link:
        style = f' style="{_BUTTON}"' if piece.part is Part.BUTTON else ""
        words = f'<a href="{html.escape(piece.link)}"{style}>{words}</a>'
    return f'<{tag} style="{_STYLES[piece.part]}">{words}</{tag}>'


def _paragraphs(body: str) -> list[str]:
    return [one.strip() for one in _shortened(body).split("\n\n") if one.strip()]


def _shortened(text: str) -> str:
    plain = clean(text)
    return plain if len(plain) <= MOST_LETTERS else plain[: MOST_LETTERS - 1] + "…"


def _in(message: Message, words: Localised) -> str:
    return words.read(message.language)[1]

"""How a message looks where it arrives: what is shown of it, what is cut off, how long it is, and what does not fit."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from push.channels import sms_parts
from push.channels.filed_texts import FiledText, TextUnfit, facts_of
from push.channels.sms_parts import MOST_PARTS
from push.channels.sms_words import whole_text
from push.consent import Channel
from push.message import Message

_WIDE: Final = frozenset({"W", "F"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """Columns of a title and of a text that usual telephones show before they cut, and letters that may be written for
    the channel itself; a wide letter, such as a Chinese one, takes two columns. None: all of it.

    No standard says what is shown: the columns are those of common telephones held upright, with the message closed.
    """

    title: int | None = None
    text: int | None = None
    most_title: int | None = None
    most_text: int | None = None


ROOM: Final[Mapping[Channel, Room]] = MappingProxyType(
    {
        Channel.INBOX: Room(),
        Channel.WEB_PUSH: Room(title=40, text=120, most_title=50, most_text=240),
        Channel.APP: Room(title=40, text=160, most_title=50, most_text=240),
        Channel.WECHAT: Room(title=40, text=40, most_title=20, most_text=20),
        Channel.MINI_PROGRAM: Room(title=40, text=40, most_title=20, most_text=20),
        Channel.WECOM: Room(),
        Channel.ALIPAY: Room(title=40, text=200, most_title=30),
        Channel.SMS: Room(),
        Channel.EMAIL: Room(title=60),
    }
)
"""WeChat's templates have fields of twenty letters, which cut what is longer; the fields of a filed one may be fewer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A message as its reader sees it first. A text message has no title; whole is all of it, and its parts are paid for.

    unfit says in both languages, English first, why the channel cannot carry it; nothing when it can.
    """

    title: str
    text: str
    is_cut: bool = False
    parts: int = 1
    letters: int = 0
    unfit: tuple[str, str] | None = None


def columns(text: str) -> int:
    """How wide a text is, in columns of one narrow letter."""
    return sum(_width(letter) for letter in text)


def cut(text: str, room: int | None) -> str:
    """The text in so many columns; what is left out is an ellipsis."""
    if room is None or columns(text) <= room:
        return text
    used, kept = 1, []
    for letter in text:
        used += _width(letter)
        if used > room:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + "…"


def look(message: Message, *, signature: str = "", filed: FiledText | None = None) -> Look:
    """The message as its channel shows it. A text message is the filed text, where there is one for it."""
    if message.channel is Channel.SMS:
        return _text(message, signature, filed)
    room = ROOM.get(message.channel, Room())
    title = cut(" ".join(message.title.split()), room.title)
    text = cut(message.body, room.text)
    return Look(
        title=title,
        text=text,
        is_cut=(title, text) != (" ".join(message.title.split()), message.body),
        letters=len(message.title) + len(message.body),
    )


def _text(message: Message, signature: str, filed: FiledText | None) -> Look:
    unfit: tuple[str, str] | None = None
    if filed is None:
        whole = whole_text(message, signature)
    else:
        try:
            whole = filed.whole(facts_of(message))
        except TextUnfit as refused:
            whole, unfit = filed.so_far(facts_of(message)), (str(refused), refused.zh)
    parts = sms_parts.split(whole)
    if parts.count > MOST_PARTS:
        unfit = (
            f"as a text message it takes {parts.count} parts, and {MOST_PARTS} are the most",
            f"作为短信需 {parts.count} 条，最多 {MOST_PARTS} 条",
        )
    return Look(title="", text=whole, parts=parts.count, letters=len(whole), unfit=unfit)


def _width(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in _WIDE else 1

"""Texts that are on file with a gateway and its carriers: a signature, the gateway's number for it, and gaps for facts.

In mainland China nothing else is sent: a commercial text carries a filed signature, follows a filed template, and says
how to refuse further ones, which counts to its length (MIIT order 31 of 2015, articles 18 and 20).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from push.channels.sms_parts import refusal, says_how_to_refuse
from push.errors import PushError
from push.message import Message, MessagePurpose
from push.wording import Language, both

MOST_GAP: Final = 35
"""Letters in a gap. Gateways allow what the gap was filed as; this much, every one does."""
MOST_LETTERS: Final = 500
"""Letters of a whole text, with the signature and how to refuse."""
_GAP: Final = re.compile(r"\{([a-z_]{1,20})\}")
_STRAY: Final = re.compile(r"[{}]")


class Gap(StrEnum):
    """What may stand in a gap."""

    TITLE = "title"
    TEXT = "text"
    STORE = "store"
    DISTRICT = "district"
    VALUE = "value"
    MIN_SPEND = "min_spend"
    UNTIL = "until"
    LINK = "link"
    CODE = "code"


class Carrier(StrEnum):
    """With whom a text is filed."""

    MOBILE = "china_mobile"
    UNICOM = "china_unicom"
    TELECOM = "china_telecom"


class Filing(StrEnum):
    """How a filing stands."""

    UNFILED = "unfiled"
    FILED = "filed"
    REFUSED = "refused"


class TextUnfit(PushError):
    """A text that cannot be filed, or that its facts do not fit into; both languages."""

    def __init__(self, *, en: str, zh: str) -> None:
        self.zh = zh
        super().__init__(en)


Facts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledText:
    """One text as it is on file. number is the gateway's name for it."""

    number: str
    signature: str
    purpose: MessagePurpose
    language: Language
    text: str
    filings: Mapping[Carrier, Filing] = field(default_factory=dict)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Its gaps in their order; one that stands twice is named twice, as gateways that number them want it."""
        return tuple(Gap(found[1]) for found in _GAP.finditer(self.text))

    @property
    def missing(self) -> tuple[Carrier, ...]:
        """The carriers with whom it is not on file."""
        return tuple(one for one in Carrier if self.filings.get(one) is not Filing.FILED)

    def values(self, facts: Facts) -> dict[str, str]:
        """What goes into its gaps. Raises: TextUnfit when a fact is missing or too long."""
        found: dict[str, str] = {}
        for gap in self.gaps:
            fact = " ".join(facts.get(gap, "").split())
            if not fact:
                raise TextUnfit(
                    en=f"nothing stands in the gap {{{gap}}}", zh=f"变量 {{{gap}}} 没有可填的内容"
                )
            if len(fact) > MOST_GAP and gap is not Gap.LINK:
                raise TextUnfit(
                    en=f"the gap {{{gap}}} takes {MOST_GAP} letters, and these are {len(fact)}",
                    zh=f"变量 {{{gap}}} 最多 {MOST_GAP} 个字，现为 {len(fact)} 个字",
                )
            found[gap.value] = fact
        return found

    def whole(self, facts: Facts) -> str:
        """What a telephone shows. Raises: TextUnfit."""
        values = self.values(facts)
        filled = _GAP.sub(lambda found: values[found[1]], self.text)
        whole = f"【{self.signature}】{filled}"
        if self.purpose is MessagePurpose.MARKETING and not says_how_to_refuse(filled):
            whole += refusal(self.language)
        if len(whole) > MOST_LETTERS:
            raise TextUnfit(
                en=f"the whole text takes {MOST_LETTERS} letters, and these are {len(whole)}",
                zh=f"整条短信最多 {MOST_LETTERS} 个字，现为 {len(whole)} 个字",
            )
        return whole

    def so_far(self, facts: Facts) -> str:
        """What a telephone would show, as far as facts fill it."""
        filled = _GAP.sub(lambda found: " ".join(facts.get(found[1], found[0]).split()), self.text)
        return f"【{self.signature}】{filled}"


def check(text: str, purpose: MessagePurpose) -> None:
    """Raises: TextUnfit for a text that has unknown gaps, or that its purpose does not allow."""
    known = {one.value for one in Gap}
    for found in _GAP.finditer(text):
        if found[1] not in known:
            raise TextUnfit(
                en=f"{{{found[1]}}} is no gap; known are {', '.join(f'{{{one}}}' for one in Gap)}",
                zh=f"{{{found[1]}}} 不是可用变量；可用变量：{'、'.join(f'{{{one}}}' for one in Gap)}",
            )
    if "${" in text or _STRAY.search(_GAP.sub("", text)):
        raise TextUnfit(
            en="write gaps as {store}, nothing else in braces", zh="变量请写成 {store}，勿用其他括号写法"
        )
    has_code = f"{{{Gap.CODE}}}" in text
    if has_code is not (purpose is MessagePurpose.CODE):
        raise TextUnfit(
            en="a text for one-time codes has the gap {code}, and no other text has it",
            zh="验证码模板须含变量 {code}，其他模板不得含有",
        )
    if purpose is MessagePurpose.MARKETING and not says_how_to_refuse(text):
        raise TextUnfit(
            en="a marketing text must say how to refuse further ones: 拒收请回复R",
            zh="营销短信须写明拒收方式：拒收请回复R",
        )


def facts_of(message: Message) -> Facts:
    """What a message has for gaps."""
    found = {
        **message.facts,
        Gap.TITLE.value: message.title,
        Gap.TEXT.value: message.body,
        Gap.LINK.value: message.link,
        Gap.CODE.value: message.code or "",
    }
    return {name: fact for name, fact in found.items() if fact}


def fitting(
    texts: Sequence[FiledText], facts: Facts, purpose: MessagePurpose, language: Language
) -> FiledText | None:
    """The first text on file everywhere that these facts fit into; those in the language come first."""
    ordered = sorted(texts, key=lambda one: one.language is not language)
    for one in ordered:
        if one.purpose is not purpose or one.missing:
            continue
        try:
            one.whole(facts)
        except TextUnfit:
            continue
        return one
    return None


_WANTED = both(zh="没有可用的报备短信模板", en="no filed text fits this message")


def none_fits(language: Language) -> str:
    """Why a message is refused that no text fits."""
    return _WANTED.read(language)[1]


def without_gaps(text: str) -> str:
    """What of a text is the same in every message."""
    return _GAP.sub("", text)


def as_gateway(text: str, *, is_numbered: bool) -> str:
    """The text as it is entered at the gateway: ${store}, or {1}, {2} … where gaps are numbered."""
    if not is_numbered:
        return _GAP.sub(lambda found: f"${{{found[1]}}}", text)
    numbers = iter(range(1, len(text) + 1))
    return _GAP.sub(lambda _found: f"{{{next(numbers)}}}", text)

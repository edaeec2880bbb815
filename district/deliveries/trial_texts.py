"""What a test message says: words of its own, or one of the texts on file where a gateway sends nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

from district.channels.texts import FILED_ONLY
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid
from push.channels.filed_texts import MOST_GAP, Facts, FiledText, Gap
from push.message import MessagePurpose
from push.wording import Language, Localised, both

_TITLE: Final = both(zh="测试消息", en="A test message")
_BODY: Final = both(
    zh="这是「{}」的测试消息，收到即表示该通道可用。",
    en="This is a test message of {}. If you read it, this channel works.",
)
CODE: Final = "000000"
ORIGIN: Final = "https://example.com"
"""What a link leads to where the installation has no address of its own."""
_SAMPLES: Final[Mapping[Gap, Localised]] = MappingProxyType(
    {
        Gap.TITLE: _TITLE,
        Gap.TEXT: both(zh="收到即表示该通道可用", en="If you read it, it works"),
        Gap.STORE: both(zh="示例门店", en="A sample store"),
        Gap.VALUE: both(zh="八折", en="20 % off"),
        Gap.MIN_SPEND: both(zh="100元", en="100"),
        Gap.UNTIL: both(zh="今天21:00", en="9 pm today"),
    }
)


class Provider(Protocol):
    """What of a provider's row decides what it may be tried with."""

    @property
    def kind(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A text on file that a provider can be tried with. number is the gateway's; filed, where the district keeps it."""

    number: str
    purpose: MessagePurpose
    filed: FiledText | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialWords:
    """What a test message says, and the only text on file that it may go by."""

    title: str
    body: str
    language: Language
    purpose: MessagePurpose = MessagePurpose.SERVICE
    code: str | None = field(default=None, repr=False)
    link: str = ""
    facts: Facts = field(default_factory=lambda: MappingProxyType({}))
    texts: tuple[FiledText, ...] = ()


def needs_filing(provider: Provider) -> bool:
    """Whether it sends nothing but texts on file."""
    return provider.kind in FILED_ONLY


def choices(provider: Provider, texts: Sequence[FiledText]) -> list[Choice]:
    """What it can be tried with: texts that every carrier has on file, and templates that its own settings name."""
    if not needs_filing(provider):
        return []
    found = [
        Choice(number=one.number, purpose=one.purpose, filed=one)
        for one in texts
        if one.number and not one.missing
    ]
    own = {"text_template": MessagePurpose.SERVICE, "code_template": MessagePurpose.CODE}
    for name, purpose in own.items():
        number = str(provider.options.get(name, ""))
        if number and number not in {one.number for one in found}:
            found.append(Choice(number=number, purpose=purpose))
    return found


def words(
    provider: Provider,
    texts: Sequence[FiledText],
    number: str,
    *,
    district: DistrictInfo,
    language: Language,
    origin: str,
) -> TrialWords:
    """What to send; number names a text on file, empty: the first that there is.

    Raises: Conflict when nothing is on file, Invalid for a number that is not.
    """
    free = TrialWords(
        title=_TITLE.read(language)[1],
        body=_BODY.read(language)[1].replace("{}", district.title(language.value)),
        language=language,
    )
    if not needs_filing(provider):
        if number:
            raise _unknown(number)
        return free
    offered = choices(provider, texts)
    if not offered:
        raise _nothing_filed()
    chosen = next((one for one in offered if number in {"", one.number}), None)
    if chosen is None:
        raise _unknown(number)
    if chosen.filed is not None:
        return _filled(chosen.filed, district, origin)
    is_code = chosen.purpose is MessagePurpose.CODE
    return TrialWords(
        title=free.title,
        body=free.body,
        language=language,
        purpose=chosen.purpose,
        code=CODE if is_code else None,
    )


def facts_for(text: FiledText, district: DistrictInfo, origin: str) -> Facts:
    """What stands in the gaps of a text in a test message."""
    samples = {gap: words.read(text.language)[1] for gap, words in _SAMPLES.items()}
    samples |= {
        Gap.DISTRICT: district.title(text.language.value)[:MOST_GAP],
        Gap.LINK: origin or ORIGIN,
        Gap.CODE: CODE,
    }
    return {gap.value: samples[gap] for gap in text.gaps}


def _filled(text: FiledText, district: DistrictInfo, origin: str) -> TrialWords:
    facts = facts_for(text, district, origin)
    return TrialWords(
        title=facts.get(Gap.TITLE, ""),
        body=facts.get(Gap.TEXT, ""),
        language=text.language,
        purpose=text.purpose,
        code=facts.get(Gap.CODE),
        link=facts.get(Gap.LINK, ""),
        facts=facts,
        texts=(text,),
    )


def _nothing_filed() -> Conflict:
    return Conflict(
        "This gateway sends only texts that are on file, and none is with all three carriers yet. Enter one under"
        " Filed texts, have the gateway review it, then enter its number there and mark each carrier as filed.",
        detail_zh="该网关只发送已报备的短信，目前没有三家运营商均已报备的模板。请在「短信模板」中登记模板，"
        "提交网关审核；通过后填入模板编号，并将各运营商状态设为已报备。",
    )


def _unknown(number: str) -> Invalid:
    entry = {
        "pointer": "/template",
        "detail": f"No text {number!r} is on file with every carrier for this provider.",
        "detail_zh": f"该通道没有编号为 {number} 且三家运营商均已报备的模板。",
    }
    return Invalid("See errors.", errors=[entry])

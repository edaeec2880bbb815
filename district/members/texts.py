"""The exact words that a person agrees to, per purpose and language. A changed word is a new text with a new hash."""

import hashlib
from dataclasses import dataclass

from district.members import terms
from push.consent import Channel, Purpose


@dataclass(frozen=True, kw_only=True)
class ConsentText:
    """What is shown beside a box or a button."""

    purpose: Purpose
    channel: Channel | None
    language: str
    text: str

    @property
    def hash(self) -> bytes:
        """SHA-256 of the words as shown."""
        return hashlib.sha256(self.text.encode()).digest()


ASKED: tuple[tuple[Purpose, Channel | None], ...] = (
    (Purpose.ACCESS, None),
    (Purpose.MARKETING, Channel.INBOX),
    (Purpose.LOCATION, None),
)
"""What the portal asks for; only the first is needed to go on line."""

OFFERED: tuple[tuple[Purpose, Channel], ...] = ((Purpose.MARKETING, Channel.WEB_PUSH),)
"""What a member can agree to beside that, where the district has set the channel up."""

WORDED: tuple[tuple[Purpose, Channel | None], ...] = (*ASKED, *OFFERED)
"""Everything that there are words for."""

_WORDS: dict[tuple[Purpose, str], str] = {
    (Purpose.ACCESS, "en"): (
        f"By connecting you accept the terms of the free Wi-Fi (version {terms.CURRENT.version}). We record when and "
        "where this device is connected, as the law requires, and nothing more."
    ),
    (
        Purpose.ACCESS,
        "zh",
    ): f"连接即表示您接受免费 Wi-Fi 的使用条款（{terms.CURRENT.version} 版）。我们依法记录本设备的上网时间和接入点，除此之外不作他用。",
    (
        Purpose.MARKETING,
        "en",
    ): "Show me offers from shops of this district in my inbox here. I can stop this at any time.",
    (Purpose.MARKETING, "zh"): "在我的消息页显示本商圈门店的优惠。我可以随时关闭。",
    (Purpose.LOCATION, "en"): (
        "Choose offers by where I walk in this district. Position data are deleted after 90 days; I can withdraw at any time."
    ),
    (Purpose.LOCATION, "zh"): "根据我在商圈内的位置挑选优惠。位置数据 90 天后删除；我可以随时撤回同意。",
}

_CHANNEL_WORDS: dict[tuple[Channel, str], str] = {
    (
        Channel.WEB_PUSH,
        "en",
    ): "Send me offers from shops of this district as notifications of this browser. I can stop this at any time.",
    (Channel.WEB_PUSH, "zh"): "通过本浏览器的通知向我发送本商圈门店的优惠。我可以随时关闭。",
}
"""Words for marketing by a channel that has its own."""


def consent_text(purpose: Purpose, channel: Channel | None, language: str) -> ConsentText:
    """The words for a purpose; English where a language has none of its own."""
    spoken = "zh" if language.startswith("zh") else "en"
    own = _CHANNEL_WORDS.get((channel, spoken)) if channel and purpose is Purpose.MARKETING else None
    words = own or _WORDS[purpose, spoken]
    return ConsentText(purpose=purpose, channel=channel, language=spoken, text=words)


def standing_hashes(purpose: Purpose, channel: Channel | None) -> frozenset[bytes]:
    """The hashes of the words that stand now, in every language."""
    return frozenset(consent_text(purpose, channel, language).hash for language in ("en", "zh"))

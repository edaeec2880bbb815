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

OFFERED: tuple[tuple[Purpose, Channel], ...] = tuple(
    (Purpose.MARKETING, channel) for channel in Channel if channel not in {Channel.INBOX, Channel.WEBHOOK}
)
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

_BY_CHANNEL: dict[Channel, tuple[str, str]] = {
    Channel.WEB_PUSH: ("as notifications of this browser", "通过本浏览器的通知"),
    Channel.APP: ("as notifications of the district's app", "通过商圈应用的通知"),
    Channel.WECHAT: ("by the WeChat account that I follow", "通过我关注的微信公众号"),
    Channel.MINI_PROGRAM: (
        "by the WeChat mini-program, each time that I allow it",
        "通过微信小程序（每次经我允许）",
    ),
    Channel.WECOM: ("by the WeCom contact that I added", "通过我添加的企业微信联系人"),
    Channel.ALIPAY: ("by the Alipay account that I follow", "通过我关注的支付宝生活号"),
    Channel.SMS: ("as text messages to the number that I proved", "以短信形式（发至我验证过的手机号）"),
    Channel.EMAIL: ("by e-mail to the address that I proved", "以电子邮件形式（发至我验证过的邮箱）"),
}

_CHANNEL_WORDS: dict[tuple[Channel, str], str] = {
    (channel, language): words
    for channel, (en, zh) in _BY_CHANNEL.items()
    for language, words in (
        ("en", f"Send me offers from shops of this district {en}. I can stop this at any time."),
        ("zh", f"{zh}向我发送本商圈门店的优惠。我可以随时关闭。"),
    )
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

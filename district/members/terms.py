"""The terms of the free Wi-Fi: every version that was ever in force, so that it can be shown what somebody agreed to.

A changed word is a new version, put before the others. Its name stands in the words beside the button, so that these
are new words, too: everybody is asked again at the next login, and no device is let in silently before.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Terms:
    """One version; paragraphs by language."""

    version: str
    paragraphs: Mapping[str, tuple[str, ...]]

    def text(self, language: str) -> str:
        """The whole, as it is hashed."""
        return "\n\n".join(self.paragraphs["zh" if language.startswith("zh") else "en"])

    def hash(self, language: str) -> bytes:
        """SHA-256 of the whole in a language."""
        return hashlib.sha256(self.text(language).encode()).digest()


VERSIONS: tuple[Terms, ...] = (
    Terms(
        version="2026-11",
        paragraphs={
            "en": (
                "The Wi-Fi is free of charge and offered as it is: it may be slow, end or be switched off at any time.",
                "Do not use it for anything that the law forbids, to disturb others, or to hide who you are from "
                "whom the law lets ask. Who does is sent off line and may be kept out.",
                "What others can read on an open network is up to your own protection: use sites and apps that "
                "encrypt.",
                "We keep a log of who was on line, when, with which device and at which access point, because the law "
                "asks for it; in a place where it asks for names, also the number, address or account that you "
                "signed in with, and network addresses. It is kept apart from everything else, read by the operator "
                "alone, who leaves a trace, and deleted when its time is over, even when you close your account "
                "before.",
                "Offers, and choosing them by where you walk, need an agreement of their own. You can take each back "
                "at any time on your page, and the Wi-Fi stays the same.",
                "On your page you can also see and download what is kept of you, choose offers that do not look at "
                "you, and close your account.",
            ),
            "zh": (
                "本 Wi-Fi 免费提供，按现状供您使用：速度可能较慢，也可能随时中断或关闭。",
                "请勿用于法律禁止的活动，不得干扰他人，也不得向依法有权查询的机关隐瞒身份。违者将被断开连接，并可能被禁止使用。",
                "在开放网络中他人能看到什么，取决于您自己的防护：请使用加密的网站和应用。",
                "依照法律要求，我们记录何人、何时、用何设备、在哪个接入点上网；依法需要实名的场所，还会记录您登录所用的号码、"
                "邮箱或账号以及网络地址。该日志与其他数据分开保存，仅运营方可以查阅，每次查阅均留有记录；到期删除，您提前注销账号也不例外。",
                "接收优惠以及根据您的位置挑选优惠，均需您另行单独同意。您可以随时在个人页面逐项撤回，Wi-Fi 的使用不受影响。",
                "在个人页面，您还可以查看和下载我们保存的您的数据、选择不针对您个人的优惠，以及注销账号。",
            ),
        },
    ),
)
"""The newest first. What stands here is never changed, only added to."""

CURRENT = VERSIONS[0]


def find(version: str) -> Terms | None:
    """A version by its name."""
    return next((terms for terms in VERSIONS if terms.version == version), None)


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Whom data go to, what for, and what makes that lawful; in both languages."""

    name: Mapping[str, str]
    data: Mapping[str, str]
    why: Mapping[str, str]


RECIPIENTS: tuple[Recipient, ...] = (
    Recipient(
        name={"en": "The district's operator", "zh": "商圈运营方"},
        data={
            "en": "Your membership, consents, Wi-Fi sessions and the access log",
            "zh": "您的会员信息、同意记录、上网会话和上网日志",
        },
        why={
            "en": "To run the Wi-Fi, and because the law asks for the log",
            "zh": "用于提供 Wi-Fi 服务，以及依法留存日志",
        },
    ),
    Recipient(
        name={"en": "The shops of the district", "zh": "商圈内的商户"},
        data={
            "en": "That a coupon of theirs was used, never by whom; counts of at least ten people",
            "zh": "其优惠券已被使用（不含使用者身份）；不少于十人的统计数字",
        },
        why={"en": "To settle their own offers", "zh": "用于核销其自己的优惠"},
    ),
    Recipient(
        name={"en": "Whoever carries a code or message to you", "zh": "为您递送验证码或消息的服务商"},
        data={
            "en": "The number or address that you gave, and the text",
            "zh": "您填写的号码或邮箱，以及消息内容",
        },
        why={
            "en": "Only when you ask for a code, or agreed to messages",
            "zh": "仅在您索取验证码或同意接收消息时",
        },
    ),
    Recipient(
        name={"en": "Authorities that the law names", "zh": "法律规定的机关"},
        data={"en": "Lines of the access log", "zh": "上网日志中的相关记录"},
        why={
            "en": "Only on a lawful order; each reading leaves a trace",
            "zh": "仅凭合法文书；每次查阅均留有记录",
        },
    ),
)

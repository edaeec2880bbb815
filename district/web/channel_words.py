"""What channels are called on pages."""

from district.web.language import gettext as _


def channel_word(channel: str) -> str:
    """A channel in the language being spoken; one without a word as it is written."""
    words = {
        "inbox": _("inbox"),
        "web_push": _("browser notification"),
        "app": _("app"),
        "wechat": _("WeChat account"),
        "mini_program": _("mini-program"),
        "wecom": _("WeCom"),
        "alipay": _("Alipay"),
        "sms": _("text message"),
        "email": _("e-mail"),
        "webhook": _("webhook"),
        "screen": _("screen in shops"),
        "wallet": _("wallet of telephones"),
    }
    return words.get(channel, str(channel))


def dns_words() -> dict[str, str]:
    """What a record of the DNS is for."""
    return {
        "spf": _("Which servers may send for your domain (SPF)"),
        "dkim": _("The key that messages are signed by (DKIM)"),
        "dmarc": _("What receivers do with the rest, and where they report it (DMARC)"),
        "returns": _("Which server receives messages that come back"),
    }

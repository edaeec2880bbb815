"""What channels are called on pages."""

from district.web.language import gettext as _
from push.channels.sms_codes import NumberState, state_of
from push.consent import Channel


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


def why_returned(channel: str, code: str) -> str:
    """What a carrier's code of a text that came back means; empty where the code says no more."""
    words = {
        NumberState.GONE: _("The carrier does not know this number"),
        NumberState.UNREACHED: _("Switched off, out of service or out of reach"),
    }
    return words.get(state_of(code), "") if channel == Channel.SMS else ""


def dns_words() -> dict[str, str]:
    """What a record of the DNS is for."""
    return {
        "spf": _("Which servers may send for your domain (SPF)"),
        "dkim": _("The key that messages are signed by (DKIM)"),
        "dmarc": _("What receivers do with the rest, and where they report it (DMARC)"),
        "returns": _("Which server receives messages that come back"),
    }

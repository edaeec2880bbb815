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
    }
    return words.get(channel, str(channel))

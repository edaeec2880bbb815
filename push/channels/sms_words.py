"""The words of a text message: whose it is, what it offers, where it leads, and how to refuse further ones."""

from typing import Final

from push.channels.sms_parts import composed
from push.message import Message, MessagePurpose
from push.template import Placeholder
from push.wording import Language

_ENDS: Final = (".", "!", "?", "…", "。", "！", "？")


def whole_text(message: Message, signature: str = "") -> str:
    """All that the telephone shows of a message."""
    is_offer = message.purpose is MessagePurpose.MARKETING
    store = message.facts.get(Placeholder.STORE.value, "")
    return composed(
        headed(message.body, title=message.title, store=store, language=message.language)
        if is_offer
        else message.body,
        language=message.language,
        signature=signature,
        link=message.link,
        can_refuse=is_offer,
    )


def headed(body: str, *, title: str, store: str, language: Language) -> str:
    """What an offer says. A text has no title: it begins with the shop and the title, unless its words name them.

    Words that begin with a signature of their own, such as 【Zio】, are a whole text already.
    """
    if body.startswith("【"):
        return body
    colon, stop, blank = ("：", "。", "") if language is Language.ZH else (": ", ".", " ")
    said = body
    if title and title not in body:
        said = f"{title}{'' if title.endswith(_ENDS) else stop}{blank}{body}"
    return f"{store}{colon}{said}" if store and store not in said else said

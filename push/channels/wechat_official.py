"""Template messages of an official account (service account).

They are for what a reader awaits, never for advertising: a message without a template that was filed for its purpose is
not sent. Source: developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from push.channels import wechat_templates
from push.channels.wechat_api import Refused, TokenApi, text_of
from push.channels.wechat_templates import Template, Unfit
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

PATH: Final = "/cgi-bin/message/template/send"
LONGEST_ID: Final = 32
_K = FailureKind
_KNOWN: Final[Mapping[int, FailureKind]] = {
    43019: _K.ADDRESS_GONE,
    # So many to one reader without an answer of his: others are not concerned.
    45047: _K.MESSAGE_REFUSED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialAccountSender:
    """Sends by one account. mini_app_id: the mini-program that a template's page belongs to."""

    api: TokenApi
    templates: Sequence[Template]
    district: str
    zone: tzinfo
    mini_app_id: str = ""

    async def send(self, message: Message) -> Outcome:
        """Post once; the delivery's id keeps WeChat from sending it twice within ten minutes."""
        found = wechat_templates.fitting(self.templates, message)
        if not found:
            use = wechat_templates.use_of(message)
            return Failure(kind=_K.MESSAGE_REFUSED, detail=f"no template is filed for: {use}")
        words = wechat_templates.words_of(message, district=self.district, zone=self.zone)
        try:
            fields = wechat_templates.filled(found[0], words)
        except Unfit as unfit:
            return Failure(kind=_K.MESSAGE_REFUSED, detail=str(unfit)[:100])
        answer = await self.api.call(PATH, self._document(message, found[0], fields))
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Refused):
            return answer.failure(_KNOWN)
        return Receipt(provider_id=text_of(answer, "msgid"))

    def _document(self, message: Message, template: Template, fields: Mapping[str, str]) -> dict[str, Any]:
        document: dict[str, Any] = {
            "touser": message.address,
            "template_id": template.id,
            "data": {name: {"value": value} for name, value in fields.items()},
            "client_msg_id": message.id.hex[:LONGEST_ID],
        }
        if message.link:
            document["url"] = message.link
        if self.mini_app_id and template.page:
            page = wechat_templates.page_of(template, message)
            document["miniprogram"] = {"appid": self.mini_app_id, "pagepath": page}
        return document

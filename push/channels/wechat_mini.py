"""Subscribe messages of a mini-program: one message for each time that a member allowed one.

Source: developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, Literal, Protocol, TypeAlias

from push.channels import wechat_templates
from push.channels.wechat_api import Refused, TokenApi, text_of
from push.channels.wechat_templates import Template, Unfit
from push.channels.wechat_tokens import ShelfAway
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.suppression import Suppression
from push.wording import Language

PATH: Final = "/cgi-bin/message/subscribe/send"
NO_LEAVE: Final = 43101
"""The member has refused, or has used up what he allowed."""
SAID_BEFORE: Final = 40241
"""The same to the same reader within a minute: the first one is on its way."""
Version: TypeAlias = Literal["formal", "trial", "developer"]
_K = FailureKind
_MAY_HAVE_LEFT: Final = frozenset({_K.UNKNOWN})
_LANGUAGES: Final[Mapping[Language, str]] = {Language.ZH: "zh_CN", Language.EN: "en_US"}


class GrantShelf(Protocol):
    """Members' leave to send, one message each. Every method may raise ShelfAway."""

    async def take(
        self, member_id: uuid.UUID, template_ids: Sequence[str], delivery_id: uuid.UUID
    ) -> str | None:
        """Use one up for this delivery, of the first template that has one; again for the same delivery is the same."""
        ...

    async def give_back(self, delivery_id: uuid.UUID) -> None:
        """What this delivery used up was not used."""
        ...

    async def clear(self, member_id: uuid.UUID, template_id: str) -> None:
        """Nothing is left, whatever was counted."""
        ...


class WechatCounts:
    """Where nothing is kept, WeChat alone knows what is left."""

    async def take(
        self,
        member_id: uuid.UUID,  # noqa: ARG002 the protocol's
        template_ids: Sequence[str],
        delivery_id: uuid.UUID,  # noqa: ARG002
    ) -> str | None:
        return template_ids[0] if template_ids else None

    async def give_back(self, delivery_id: uuid.UUID) -> None:
        """Nothing was counted."""

    async def clear(self, member_id: uuid.UUID, template_id: str) -> None:
        """Nothing was counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MiniProgramSender:
    """Sends by one mini-program."""

    api: TokenApi
    templates: Sequence[Template]
    grants: GrantShelf
    district: str
    zone: tzinfo
    version: Version = "formal"

    async def send(self, message: Message) -> Outcome:
        """Use up one leave of the member's and post once; without one he is not reachable here."""
        found = wechat_templates.fitting(self.templates, message)
        if not found:
            return Failure(kind=_K.MESSAGE_REFUSED, detail="no filed template for such a message")
        words = wechat_templates.words_of(message, district=self.district, zone=self.zone)
        try:
            fields = {one.id: (one, wechat_templates.filled(one, words)) for one in found}
        except Unfit as unfit:
            return Failure(kind=_K.MESSAGE_REFUSED, detail=str(unfit)[:100])
        try:
            template_id = await self._take(message, list(fields))
        except ShelfAway:
            return Failure(kind=_K.TRANSIENT, detail="members' leave out of reach")
        if template_id is None:
            return Failure(kind=_K.MESSAGE_REFUSED, detail=Suppression.NO_ENDPOINT)
        return await self._sent(message, *fields[template_id])

    async def _take(self, message: Message, template_ids: Sequence[str]) -> str | None:
        if message.member_id is None:  # a trial: WeChat itself knows
            return template_ids[0]
        return await self.grants.take(message.member_id, template_ids, message.id)

    async def _sent(self, message: Message, template: Template, fields: Mapping[str, str]) -> Outcome:
        answer = await self.api.call(PATH, self._document(message, template, fields))
        outcome = _outcome(answer, message)
        try:
            await self._settle(message, template, answer, outcome)
        except ShelfAway:
            # What was used up stays so: a second try of this delivery finds it again.
            return outcome
        return outcome

    async def _settle(self, message: Message, template: Template, answer: object, outcome: Outcome) -> None:
        if message.member_id is None or not isinstance(outcome, Failure):
            return
        if isinstance(answer, Refused) and answer.code == NO_LEAVE:
            await self.grants.clear(message.member_id, template.id)
        elif outcome.kind not in _MAY_HAVE_LEFT:
            await self.grants.give_back(message.id)

    def _document(self, message: Message, template: Template, fields: Mapping[str, str]) -> dict[str, Any]:
        page = wechat_templates.page_of(template, message)
        return {
            "touser": message.address,
            "template_id": template.id,
            **({"page": page} if page else {}),
            "data": {name: {"value": value} for name, value in fields.items()},
            "miniprogram_state": self.version,
            "lang": _LANGUAGES[message.language],
        }


def _outcome(answer: dict[str, Any] | Refused | Failure, message: Message) -> Outcome:
    if isinstance(answer, Failure):
        return answer
    if isinstance(answer, Refused):
        if answer.code == SAID_BEFORE:
            return Receipt(provider_id=str(message.id))
        if answer.code == NO_LEAVE:
            return Failure(kind=_K.MESSAGE_REFUSED, detail=Suppression.NO_ENDPOINT)
        return answer.failure()
    return Receipt(provider_id=text_of(answer, "msgid") or str(message.id))

"""Text messages by Kannel, the free gateway: one post to its smsbox each. Source: Kannel 1.4.5 user's guide, chapter 6."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from push.channels import sms_parts
from push.channels.outbound import Answer, NotDelivered, Outbound, TargetRefused
from push.channels.sms_parts import Alphabet
from push.channels.sms_words import whole_text
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

MOST_ANSWER: Final = 2_048
REPORTED: Final = 1 | 2 | 16
"""What it is to tell: arrived, did not arrive, refused by the message centre."""
_CODING: Final[Mapping[Alphabet, int]] = {Alphabet.GSM: 0, Alphabet.UCS2: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class KannelSender:
    """Posts the text, and everything else in headers, so that no log of addresses holds it.

    told_at says where the gateway tells what became of a message: an address in which %d becomes the kind of report, and
    %A what the message centre said; empty when nothing is to be told. Kannel knows no number of ours, so that a repeat
    would be another message.
    """

    outbound: Outbound
    base_url: str
    username: str
    password: str = field(repr=False)
    source: str
    signature: str
    told_at: Callable[[Message], str]
    now: Callable[[], datetime]

    async def send(self, message: Message) -> Outcome:
        """Post once."""
        text = whole_text(message, self.signature)
        if sms_parts.split(text).count > sms_parts.MOST_PARTS:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=f"more than {sms_parts.MOST_PARTS} parts")
        try:
            answer = await self.outbound.post(
                f"{self.base_url}/cgi-bin/sendsms",
                body=text.encode(),
                headers=self._headers(message, text),
                read_bytes=MOST_ANSWER,
            )
        except TargetRefused as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            kind = FailureKind.UNKNOWN if failed.was_sent else FailureKind.TRANSIENT
            return Failure(kind=kind, detail=str(failed))
        return classify(answer)

    def _headers(self, message: Message, text: str) -> dict[str, str]:
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": self.username,
            "X-Kannel-Password": self.password,
            "X-Kannel-To": message.address,
            "X-Kannel-From": self.source,
            "X-Kannel-Coding": str(_CODING[sms_parts.split(text).alphabet]),
        }
        if message.expires_at is not None:
            left = math.ceil((message.expires_at - self.now()).total_seconds() / 60)
            headers["X-Kannel-Validity"] = str(max(1, left))
        if told_at := self.told_at(message):
            headers |= {"X-Kannel-DLR-Mask": str(REPORTED), "X-Kannel-DLR-Url": told_at}
        return headers


def classify(answer: Answer) -> Outcome:
    """What its answer means; "3: Queued for later delivery" is taken, too: the gateway sends it when it can."""
    said = answer.body.decode("utf-8", "replace").strip()[:100]
    if 200 <= answer.status < 300:
        return Receipt()
    if answer.status == 503 or said.startswith("Temporal failure"):
        return Failure(kind=FailureKind.TRANSIENT, detail=said)
    if answer.status >= 500:
        return Failure(kind=FailureKind.UNKNOWN, detail=f"status {answer.status}")
    return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=said or f"status {answer.status}")

"""What a channel says of one attempt to send: a receipt, or a failure of a known kind."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias


class FailureKind(StrEnum):
    """What a failed attempt means for this message and for the next ones.

    address_gone: this address will never work again. message_refused: this message never will.
    throttled: nothing was taken, the provider wants us to wait. transient: certainly not taken, may work
    later. unknown: it may have been taken.
    """

    ADDRESS_GONE = "address_gone"
    MESSAGE_REFUSED = "message_refused"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The provider took the message; its own name for it, if it gave one.

    via is which of our providers it was, where a channel has several.
    """

    provider_id: str = ""
    via: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The attempt failed. detail is for operators: a status or a class of error, never personal data.

    via is which of our providers was tried last.
    """

    kind: FailureKind
    detail: str = ""
    retry_after: timedelta | None = None
    via: str = ""


Outcome: TypeAlias = Receipt | Failure

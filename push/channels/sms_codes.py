"""What gateways' codes of receipts say of the number that a text went to, as their documents have it; most say several things.

Sources: cloud.tencent.com, SMS, "status codes of receipts" (carriers' codes, one table a carrier; MK:0012 and MI:0013 stand
there twice, once as a number that does not exist) and tencentcloud.com/document/product/382/35462; help.aliyun.com/zh/sms,
"error codes of receipts"; twilio.com/docs/api/errors (30003, 30005, 30006).
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class NumberState(StrEnum):
    """What a code says of a number. of_no_number: what went wrong has nothing to do with it."""

    OF_NO_NUMBER = "of_no_number"
    UNREACHED = "unreached"
    """Switched off, out of service, out of reach, or no number: nobody can tell which from this code alone."""
    GONE = "gone"
    """The carrier does not know it."""
    REFUSES = "refuses"
    """Its owner told the carrier that he wants no such texts."""


_GONE: Final = frozenset(
    {
        *("MK:0000", "MK:0001", "MK00001", "XL:169", "TA:169"),  # China Mobile
        *("1", "61", "67", "95", "101"),  # China Unicom
        *("30005", "30006"),  # Twilio: unknown, and a line that takes no texts
    }
)
_REFUSES: Final = frozenset({"USER_REJECT"})
_UNREACHED: Final = frozenset(
    {
        *("MOBILE_NOT_ON_SERVICE", "MOBILE_ACCOUNT_ABNORMAL", "INVALID_NUMBER"),  # Alibaba Cloud
        *("ERR_NUM", "DELETED"),
        *(
            "4",
            "5",
            "10",
            "12",
            "15",
            "20",
            "24",
            "36",
            "45",
            "50",
            "51",
            "53",
            "54",
            "55",
            "56",
            "64",
            "70",
            "86",
        ),
        *("88", "89", "93", "98", "99", "105", "124", "182", "213", "219"),  # China Unicom
        "30003",  # Twilio
    }
)
_ENDED: Final = frozenset({"UNDELIV", "REJECTD", "EXPIRED", "DELETED"})
_UNREACHED_STARTS: Final = ("MK:", "MN:", "MI:", "UNDELIV", "EXPIRED")
"""China Mobile's codes of telephones, and China Telecom's."""


UNKNOWN_SUBSCRIBER: Final = 1
"""3GPP TS 29.002 §17.6.6: the network's register of numbers does not have it."""
INVALID_DESTINATION: Final = 0x0B
"""SMPP v3.4 §5.1.3: the message centre takes nothing for such a number."""


def state_of_receipt(
    state: str, error: str, *, gone_errors: Collection[str], gsm_error: int | None = None
) -> NumberState:
    """What an SMPP receipt says of the number. gone_errors are the gateway's own for a number that nobody has.

    Gateways number their errors each in its own way: only the network's own code means the same by all of them.
    """
    is_named = bool(error) and _bare(error) in {_bare(one) for one in gone_errors}
    if state in _ENDED and (is_named or gsm_error == UNKNOWN_SUBSCRIBER):
        return NumberState.GONE
    return NumberState.UNREACHED if state in {"UNDELIV", "EXPIRED"} else NumberState.OF_NO_NUMBER


def _bare(error: str) -> str:
    """Gateways write one number as 1 and as 001."""
    return error.lower().lstrip("0") or "0"


def state_of(code: str) -> NumberState:
    """What a code says of the number; a code that nobody knows says nothing of it."""
    if code in _GONE:
        return NumberState.GONE
    if code in _REFUSES:
        return NumberState.REFUSES
    is_unreached = code in _UNREACHED or code.startswith(_UNREACHED_STARTS)
    return NumberState.UNREACHED if is_unreached else NumberState.OF_NO_NUMBER

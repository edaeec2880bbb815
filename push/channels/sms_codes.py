"""What gateways' codes of receipts say of the number that a text went to, as their documents have it; most say several things.

Sources: cloud.tencent.com, SMS, "status codes of receipts" (carriers' codes, one table a carrier; MK:0012 and MI:0013 stand
there twice, once as a number that does not exist) and tencentcloud.com/document/product/382/35462; help.aliyun.com/zh/sms,
"error codes of receipts"; twilio.com/docs/api/errors (30003, 30005, 30006).
"""

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
_UNREACHED_STARTS: Final = ("MK:", "MN:", "MI:", "UNDELIV", "EXPIRED")
"""China Mobile's codes of telephones, and China Telecom's."""


def state_of(code: str) -> NumberState:
    """What a code says of the number; a code that nobody knows says nothing of it."""
    if code in _GONE:
        return NumberState.GONE
    if code in _REFUSES:
        return NumberState.REFUSES
    is_unreached = code in _UNREACHED or code.startswith(_UNREACHED_STARTS)
    return NumberState.UNREACHED if is_unreached else NumberState.OF_NO_NUMBER

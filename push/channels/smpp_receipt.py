"""What a delivery receipt of an SMPP gateway says. Source: SMPP v3.4, Appendix B; every gateway has its own dialect."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from push.channels.smpp_pdu import Delivered, Tag

_FIELD: Final = re.compile(r"\b(id|stat|err)\s*:\s*(\S{1,65})", re.IGNORECASE)
MOST_TEXT: Final = 400
_GSM: Final = 3


class IdForm(StrEnum):
    """How a gateway writes a message's number in its answer, and in the receipt."""

    SAME = "same"
    HEX_THEN_DECIMAL = "hex_then_decimal"
    DECIMAL_THEN_HEX = "decimal_then_hex"


class Arrival(StrEnum):
    """How far a message came."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNDERWAY = "underway"


_STATES: Final[Mapping[str, Arrival]] = MappingProxyType(
    {
        "DELIVRD": Arrival.DELIVERED,
        "EXPIRED": Arrival.FAILED,
        "DELETED": Arrival.FAILED,
        "UNDELIV": Arrival.FAILED,
        "REJECTD": Arrival.FAILED,
    }
)
_NUMBERED: Final[Mapping[int, str]] = MappingProxyType(
    {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SmppReceipt:
    """One part's receipt; message_id as the answer to its submission had it.

    number is the telephone's, as the gateway writes it; gsm_error what the carrier's network said, None where it is not
    told, or of another kind of network.
    """

    message_id: str
    arrival: Arrival
    state: str
    error: str = ""
    number: str = field(default="", repr=False)
    gsm_error: int | None = None


def receipt_of(told: Delivered, form: IdForm) -> SmppReceipt | None:
    """The receipt in a deliver_sm; None when it names no message."""
    said = {name.lower(): value for name, value in _FIELD.findall(told.raw[:MOST_TEXT].decode("latin-1"))}
    named = told.options.get(Tag.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1")[:65]
    state = said.get("stat", "").upper()[:7] or _NUMBERED.get(_number(told), "")
    # The parameter repeats the answer as it was; the text is where gateways change the number's form.
    message_id = named or canonical(said.get("id", ""), form)
    if not message_id:
        return None
    return SmppReceipt(
        message_id=message_id,
        arrival=_STATES.get(state, Arrival.UNDERWAY),
        state=state,
        error=said.get("err", "")[:10],
        number=told.source,
        gsm_error=_gsm_error(told),
    )


def said_of(text: str) -> tuple[str, str]:
    """State and error in a receipt's text, as a gateway between hands it on; empty where it names none."""
    said = {name.lower(): value for name, value in _FIELD.findall(text[:MOST_TEXT])}
    return said.get("stat", "").upper()[:7], said.get("err", "")[:10]


def canonical(receipt_id: str, form: IdForm) -> str:
    """A receipt's number in the form of the answer to the submission."""
    try:
        match form:
            case IdForm.HEX_THEN_DECIMAL:
                return f"{int(receipt_id):x}"
            case IdForm.DECIMAL_THEN_HEX:
                return str(int(receipt_id, 16))
    except ValueError:
        return receipt_id
    return receipt_id


def plain(message_id: str, form: IdForm) -> str:
    """The number of an answer without leading zeros and in lower case, where it is one."""
    if form is IdForm.SAME:
        return message_id
    return message_id.lower().lstrip("0") or message_id


def _gsm_error(told: Delivered) -> int | None:
    """Of the parameter's three octets the first is the kind of network (§5.3.2.31)."""
    raw = told.options.get(Tag.NETWORK_ERROR_CODE, b"")
    return int.from_bytes(raw[1:3]) if len(raw) == 3 and raw[0] == _GSM else None


def _number(told: Delivered) -> int:
    raw = told.options.get(Tag.MESSAGE_STATE, b"")
    return raw[0] if raw else 0

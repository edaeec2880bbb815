"""What receipts of message centres say of a number, and which codes of theirs mean the same everywhere."""

from collections.abc import Sequence

import pytest

from push.channels.smpp_pdu import Delivered, Tag
from push.channels.smpp_receipt import IdForm, receipt_of, said_of
from push.channels.sms_codes import NumberState, state_of_receipt

TEXT = b"id:m-1 sub:001 dlvrd:000 submit date:2611220900 done date:2611220901 stat:UNDELIV err:001 text:"


def handed_on(network_error: bytes | None) -> Delivered:
    """A receipt, with the optional parameter of the network's own error."""
    options = {} if network_error is None else {int(Tag.NETWORK_ERROR_CODE): network_error}
    return Delivered(
        source="358401230001", destination="17123", esm_class=4, data_coding=0, raw=TEXT, options=options
    )


@pytest.mark.parametrize(
    ("state", "error", "gone_errors", "wanted"),
    [
        ("UNDELIV", "001", [], NumberState.UNREACHED),
        ("UNDELIV", "001", ["1"], NumberState.GONE),
        ("UNDELIV", "1", ["001"], NumberState.GONE),
        ("UNDELIV", "11", ["1"], NumberState.UNREACHED),
        ("REJECTD", "0A", ["0a"], NumberState.GONE),
        ("REJECTD", "001", [], NumberState.OF_NO_NUMBER),
        ("EXPIRED", "027", ["1"], NumberState.UNREACHED),
        ("DELETED", "", ["1"], NumberState.OF_NO_NUMBER),
        ("UNDELIV", "", ["0"], NumberState.UNREACHED),
        ("DELIVRD", "001", ["1"], NumberState.OF_NO_NUMBER),
        ("", "001", ["1"], NumberState.OF_NO_NUMBER),
    ],
)
def test_only_the_gateways_own_codes_say_that_nobody_has_the_number(
    state: str, error: str, gone_errors: Sequence[str], wanted: NumberState
) -> None:
    assert state_of_receipt(state, error, gone_errors=gone_errors) is wanted


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x03\x00\x01", 1),
        (b"\x03\x01\x00", 256),
        (b"\x01\x00\x01", None),
        (b"\x03\x01", None),
        (b"", None),
        (None, None),
    ],
    ids=["gsm", "gsm-two-octets", "other-network", "short", "empty", "none"],
)
def test_the_networks_own_error_is_read_where_it_is_a_gsm_network(
    raw: bytes | None, code: int | None
) -> None:
    receipt = receipt_of(handed_on(raw), IdForm.SAME)
    assert receipt is not None
    assert (receipt.gsm_error, receipt.number, receipt.error) == (code, "358401230001", "001")


def test_the_network_knows_whether_somebody_has_the_number() -> None:
    assert state_of_receipt("UNDELIV", "", gone_errors=(), gsm_error=1) is NumberState.GONE
    assert state_of_receipt("UNDELIV", "", gone_errors=(), gsm_error=27) is NumberState.UNREACHED
    assert state_of_receipt("ACCEPTD", "", gone_errors=(), gsm_error=1) is NumberState.OF_NO_NUMBER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT.decode(), ("UNDELIV", "001")),
        ("stat: undeliv err: 1", ("UNDELIV", "1")),
        ("NACK/0x0000000b/Invalid Destination Address", ("", "")),
        ("stat:" + "X" * 5_000, ("X" * 7, "")),
        ("", ("", "")),
    ],
    ids=["whole", "spaces", "refused", "long", "nothing"],
)
def test_a_receipt_that_was_handed_on_is_read(text: str, said: tuple[str, str]) -> None:
    assert said_of(text) == said

"""What codes of receipts say of a number."""

import pytest

from push.channels.sms_codes import NumberState, state_of


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("MK:0001", NumberState.GONE),
        ("95", NumberState.GONE),
        ("30005", NumberState.GONE),
        ("MK:0012", NumberState.UNREACHED),
        ("MI:0013", NumberState.UNREACHED),
        ("MN:0054", NumberState.UNREACHED),
        ("UNDELIV_701", NumberState.UNREACHED),
        ("EXPIRED", NumberState.UNREACHED),
        ("MOBILE_NOT_ON_SERVICE", NumberState.UNREACHED),
        ("12", NumberState.UNREACHED),
        ("USER_REJECT", NumberState.REFUSES),
        ("CONTENT_KEYWORD", NumberState.OF_NO_NUMBER),
        ("MB:1077", NumberState.OF_NO_NUMBER),
        ("TC:0007", NumberState.OF_NO_NUMBER),
        ("30007", NumberState.OF_NO_NUMBER),
        ("REJECTD", NumberState.OF_NO_NUMBER),
        ("0", NumberState.OF_NO_NUMBER),
        ("", NumberState.OF_NO_NUMBER),
    ],
)
def test_only_what_a_document_says_of_the_number_is_held_against_it(code: str, state: NumberState) -> None:
    assert state_of(code) is state

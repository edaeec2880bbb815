"""Our PDUs as another implementation reads them, and what is broken."""

from datetime import timedelta

import pytest
from aiosmpplib.protocol import SmppMessage, SubmitSm  # type: ignore[import-untyped]

from push.channels import smpp_pdu
from push.channels.smpp_pdu import Broken, Submit


def test_another_implementation_reads_our_submission() -> None:
    part = Submit(
        source="17123",
        source_ton=0,
        source_npi=1,
        destination="+358401234567",
        data_coding=8,
        raw="午餐八折🍜".encode("utf-16-be"),
        validity=timedelta(days=1, hours=2, minutes=3, seconds=4),
    )
    raw = smpp_pdu.submit(part, sequence=7).packed()
    read = SubmitSm.from_pdu(raw, SmppMessage.parse_header(raw))
    assert isinstance(read, SubmitSm)
    assert (read.short_message, read.destination.number, read.source.number) == (
        "午餐八折🍜",
        "358401234567",
        "17123",
    )
    assert (read.sequence_num, read.registered_delivery) == (7, 1)
    assert read.validity_period == part.validity


@pytest.mark.parametrize("body", [b"", b"\0" * 5, b"\0\1\1" + b"9" * 40, b"\xff" * 300])
def test_a_delivery_that_is_cut_is_broken(body: bytes) -> None:
    with pytest.raises(Broken):
        smpp_pdu.delivered(smpp_pdu.Pdu(command=5, sequence=1, body=body))


@pytest.mark.parametrize("size", [0, 15, 8_193, 2**32 - 1])
def test_a_length_that_cannot_be_is_broken(size: int) -> None:
    with pytest.raises(Broken):
        smpp_pdu.size_of(smpp_pdu.HEADER.pack(size, 5, 0, 1))

"""What FreeRADIUS tells, made plain."""

from datetime import UTC, datetime

import pytest

from district.bodies import BodyUnreadable
from district.radius.packets import Status, accounting_request, document_of, instant_of, station_of, text_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("AA-BB-CC-DD-EE-FF:Free Wi-Fi", ("aabbccddeeff", "Free Wi-Fi")),
        ("aa:bb:cc:dd:ee:ff:a:b", ("aabbccddeeff", "a:b")),
        ("aabbccddeeff", ("aabbccddeeff", "")),
        ("aabb.ccdd.eeff", ("aabbccddeeff", "")),
        ("AA-BB-CC-DD-EE-FF", ("aabbccddeeff", "")),
        ("lobby", ("", "")),
        ("", ("", "")),
        ("AA-BB-CC-DD-EE-FFFF", ("", "")),
    ],
)
def test_a_station_is_its_address_and_its_network(text: str, found: tuple[str, str]) -> None:
    assert station_of(text) == found


def test_octets_beyond_32_bits_are_told_in_two_numbers() -> None:
    packet = accounting_request(
        {
            "Acct-Status-Type": {"type": "string", "value": ["Interim-Update"]},
            "Acct-Input-Octets": {"value": [4_294_967_295]},
            "Acct-Input-Gigawords": {"value": [2]},
            "Acct-Output-Octets": {"value": ["17"]},
        }
    )
    assert packet is not None
    assert packet.status is Status.INTERIM
    assert (packet.up_octets, packet.down_octets) == (3 * (1 << 32) - 1, 17)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ChilliSpot-Acct-View-Point", 2),
        ("CoovaChilli-Acct-View-Point", "2"),
        ("Attr-26.14559.10", "0x00000002"),
    ],
)
def test_a_client_that_counts_from_its_own_side_is_turned_round(name: str, value: object) -> None:
    packet = accounting_request(
        {
            "Acct-Status-Type": "Stop",
            "Acct-Input-Octets": 5,
            "Acct-Output-Octets": 7,
            name: {"value": [value]},
        }
    )
    assert packet is not None
    assert (packet.up_octets, packet.down_octets, packet.view) == (7, 5, 2)


def test_empty_numbers_of_a_start_are_nothing() -> None:
    packet = accounting_request(
        {"Acct-Status-Type": "Start", "Acct-Session-Time": "", "Acct-Input-Octets": ""}
    )
    assert packet is not None
    assert (packet.session_s, packet.up_octets) == (0, 0)


@pytest.mark.parametrize("status", ["Tunnel-Start", "", "9", "Failed"])
def test_a_packet_that_tells_nothing_of_a_session_is_left(status: str) -> None:
    assert accounting_request({"Acct-Status-Type": status}) is None


@pytest.mark.parametrize(
    "text", ["Nov 21 2026 19:36:46 UTC", "1795289806", "2026-11-21T19:36:46+00:00", "2026-11-21 19:36:46"]
)
def test_an_instant_is_read_as_freeradius_writes_it(text: str) -> None:
    assert instant_of(text) == datetime(2026, 11, 21, 19, 36, 46, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "9" * 30, "Nov 31 2026 19:36:46 UTC", ""])
def test_what_is_no_instant_is_none(text: str) -> None:
    assert instant_of(text) is None


def test_a_network_name_that_is_not_utf8_spoils_nothing() -> None:
    found = document_of(
        b'{"Called-Station-Id":{"value":["AA-BB-CC-DD-EE-FF:' + "免费".encode("gbk") + b'"]}}'
    )
    assert text_of(found, "Called-Station-Id").startswith("AA-BB-CC-DD-EE-FF:")


def test_control_characters_and_halves_of_characters_are_left_out() -> None:
    found = document_of(b'{"User-Name":"a\\u0000b\\ud800c\\n"}')
    assert text_of(found, "User-Name") == "abc"


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BodyUnreadable):
        document_of(body)

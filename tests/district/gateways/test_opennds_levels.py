"""openNDS's levels 2 to 4: the encrypted redirect, its forgeries, the queued line and the configuration."""

import base64
import uuid
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from district.gateways.dialect import BadRedirect, GatewayInfo, GatewayNotice, Go, Login, PlanInfo, Queue
from district.gateways.redirects import Standing
from district.gateways.vendors.opennds import OpenNds, router_of, token

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
KEY, IV = "1234567890", "53978b7292abd7be"
RECORDED = (
    "b0g2VUFFSG56T0Jnc3ZKcGFDYmt5b0RkOWRzOWVxRXlTdGJkV2ZnQy8wakNIUjZERHl4U0NaNGRCRDZCT2VwNVFuOHI0RTBOMThv"
    "SGp6ZXVSVTFNaUE5N254aU5ucG91cXJ1ZS9FT2pLTE5yQUFoYlFWcitEYTc0SlpIVnR0WThhc2lSVlo5aGxKeXh5a1VIMnFrWTNF"
    "d2l1b1pwaFBYR0o5VFA5eTRLRmxya3VPbEtLRnI5amJOeUFSRGMra0ZuSmZXblpVd2VzZTlrY1Rsc1lKVUZpTWV4aWNmT1BVK0JK"
    "MXRjQ2VuaEh5ZWFBTXdoWW42ZWlyVHMxMWxrZ05UdHNpMlB5WXc1WXloVDhaZ3hQNlMvTWJpSi9RK0F0T0g1Uk1ObDdFeXI3c0pz"
    "TzhGYmkyM21NWHZieVh1dG04bDFoZVpJcWVKelY5Wnp5anNwKzZ6S3BCVmtTZ01MWnUyM2xCbGhCZEZod21VdklGMWx3blRnUG5n"
    "M3FXcGl2YUlSR3c4em1hYkNKVXVHOThteXRwSFQ3LzQvY2ZiUVpPMWw0ampQMXpsdGRNWWV4YnlEeXdCdHNXTittM09PTzdYS1hY"
    "OGpWU09BTHAvaWhtanJVdXRINkJtWTNjUG5OWW1HM3VnOWtpRmJ6QkpOeHE3WmFaZGlQZFFURnQ1VTdaaXBKTUJSdTl6c2tGRktp"
    "WG42Qnd3Tjh1REVWRTFRdDU5L0FpQXBPT2JsLzFYamJ2QUJxN0N5bkNzY0JuYTVRcFNUU2Zsa0l3YnpuU01RY0QxQVNSK2ZCZz09"
)
"""As Debian's openNDS 9.10 sent it at level 2."""
HID = "d79f14f1345056b8dfbc6f022f2487fc8833b2939d99951df3b8374918fcb4ef"
PLAIN = (
    f"hid={HID}, clientip=10.2.0.182, clientmac=02:aa:22:33:44:66, client_type=cpd_can, "
    "gatewayname=Shangquan%20West%20Node%3a029922334401%20, gatewayurl=http%3a%2f%2fstatus.client, version=9.10.0, "
    "gatewayaddress=10.2.0.1:2050, gatewaymac=029922334401, authdir=opennds_auth, "
    "originurl=http%3a%2f%2f203.0.113.10%2fx%3fa%3db, clientif=lan0, themespec=(null), (null)(null)(null)(null)"
)
LOGIN = Login(
    session_id=uuid.UUID("0198f3c4-7a2b-7c3d-8e9f-0a1b2c3d4e5f"),
    username="",
    password="",
    plan=PlanInfo(session_s=5401, up_kbps=2000, down_kbps=8000, volume_kib=500_000),
    landing_url="https://wifi.example/",
)


def gateway(level: int, **values: object) -> GatewayInfo:
    given: dict[str, object] = {"slug": "west", "vendor": "opennds", "secret": KEY, "public_url": ""}
    return GatewayInfo(**(given | {"options": {"level": level}} | values))  # type: ignore[arg-type]


def sealed(text: str, *, key: str = KEY, iv: str = IV) -> bytes:
    """What openNDS makes of a text."""
    padder = PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    sealing = Cipher(algorithms.AES(key.encode()[:32].ljust(32, b"\0")), modes.CBC(iv.encode())).encryptor()
    return sealing.update(padded) + sealing.finalize()


def query(raw: bytes, *, iv: str = IV) -> bytes:
    return b"fas=" + base64.b64encode(base64.b64encode(raw)) + b"&iv=" + iv.encode()


@pytest.mark.parametrize("level", [2, 3])
def test_a_recorded_redirect_is_read(level: int) -> None:
    arrival = OpenNds().identify(gateway(level), f"fas={RECORDED}&iv={IV}".encode(), machine_now=NOW)
    assert (arrival.mac, arrival.inner_address) == ("02aa22334466", "10.2.0.182")
    assert arrival.access_point_mac == "029922334401"
    assert arrival.wanted_url.startswith("http://203.0.113.10/x?a=b")
    assert not arrival.is_signed


def test_level_2_is_granted_by_the_browser_and_level_3_by_the_gateway_s_own_fetching() -> None:
    raw = query(sealed(PLAIN))
    by_browser = OpenNds().grant(
        gateway(2), OpenNds().identify(gateway(2), raw, machine_now=NOW), LOGIN, machine_now=NOW
    )
    assert isinstance(by_browser, Go)
    assert by_browser.url.startswith(f"http://10.2.0.1:2050/opennds_auth/?tok={token(HID, KEY)}&redir=")
    fetched = OpenNds().grant(
        gateway(3), OpenNds().identify(gateway(3), raw, machine_now=NOW), LOGIN, machine_now=NOW
    )
    word = base64.b64encode(LOGIN.session_id.hex.encode()).decode()
    assert fetched == Queue(
        token=token(HID, KEY),
        entry=f"{token(HID, KEY)} 91 2000 8000 500000 500000 {word}",
        router=router_of("Shangquan%20West%20Node%3a029922334401%20"),
    )


def test_the_hash_of_the_gateway_s_name_is_the_gateway_s_own() -> None:
    assert router_of("Shangquan%20West%20Node%3a029922334401%20") == (
        "cdff39336a5ba13dd156ddf076e5be143a032691cc31517b69cee8ed819f785d"
    )


def test_a_redirect_counts_once_in_either_language_and_each_new_one_anew() -> None:
    raw = query(sealed(PLAIN))
    first = OpenNds().identify(gateway(2), raw, machine_now=NOW).fingerprint
    assert OpenNds().identify(gateway(2), raw + b"&lang=zh", machine_now=NOW).fingerprint == first
    later = query(sealed(PLAIN, iv="0" * 16), iv="0" * 16)
    assert OpenNds().identify(gateway(2), later, machine_now=NOW).fingerprint != first


def refusal(raw: bytes) -> str:
    with pytest.raises(BadRedirect) as refused:
        OpenNds().identify(gateway(3), raw, machine_now=NOW)
    return refused.value.detail


def test_whatever_is_wrong_with_an_encrypted_redirect_is_said_in_the_same_words() -> None:
    good = sealed(PLAIN)
    said = {
        refusal(query(sealed(PLAIN, key="another"))),
        refusal(query(good[:-1] + bytes([good[-1] ^ 1]))),
        refusal(query(good[:-16])),
        refusal(query(good[:-3])),
        refusal(query(b"")),
        refusal(query(sealed("no fields at all"))),
        refusal(query(sealed(PLAIN.replace(", authdir=", ", \x01=")))),
        refusal(query(sealed(PLAIN + ", clientmac=02:aa:22:33:44:67"))),
        refusal(query(sealed("clientmac=02:aa:22:33:44:67, " + PLAIN))),
        refusal(query(good, iv="short")),
        refusal(b"fas=%%%&iv=" + IV.encode()),
    }
    assert len(said) == 1
    assert "faskey" in said.pop()


@given(block=st.integers(1, 27), flipped=st.integers(1, 255), at=st.integers(0, 15))
def test_a_bit_flipped_in_the_cipher_never_names_another_device(block: int, flipped: int, at: int) -> None:
    forged = bytearray(sealed(PLAIN))
    forged[min((block - 1) * 16 + at, len(forged) - 1)] ^= flipped
    try:
        arrival = OpenNds().identify(gateway(3), query(bytes(forged)), machine_now=NOW)
    except BadRedirect:
        return
    assert (arrival.mac, arrival.grant["hid"]) == ("02aa22334466", HID)


@given(st.binary(max_size=300))
def test_noise_is_refused_and_breaks_nothing(noise: bytes) -> None:
    for raw in (noise, b"fas=" + noise + b"&iv=" + IV.encode(), query(noise)):
        for level in (1, 2, 3, 4):
            with pytest.raises(BadRedirect):
                OpenNds().identify(gateway(level), raw, machine_now=NOW)


def test_level_4_is_clear_and_fetched() -> None:
    raw = b"fas=" + base64.b64encode(PLAIN.replace("authdir=opennds_auth, ", "").encode())
    arrival = OpenNds().identify(gateway(4), raw, machine_now=NOW)
    assert isinstance(OpenNds().grant(gateway(4), arrival, LOGIN, machine_now=NOW), Queue)
    assert arrival.grant_origins == ()


def test_who_is_on_line_already_is_told_so() -> None:
    with pytest.raises(GatewayNotice) as told:
        OpenNds().identify(gateway(1), b"fas=x&status=authenticated", machine_now=NOW)
    assert told.value.standing is Standing.ON_LINE


def test_a_plan_without_limits_leaves_them_to_the_gateway() -> None:
    arrival = OpenNds().identify(gateway(3), query(sealed(PLAIN)), machine_now=NOW)
    free = Login(
        session_id=LOGIN.session_id, username="", password="", plan=PlanInfo(), landing_url="http://x/"
    )
    step = OpenNds().grant(gateway(3), arrival, free, machine_now=NOW)
    assert isinstance(step, Queue)
    assert step.entry.split(" ")[1:6] == ["0"] * 5


def configured(level: int, portal_url: str, **values: object) -> str:
    return OpenNds().configuration(gateway(level, **values), portal_url=portal_url)


def test_a_configuration_names_what_is_missing() -> None:
    text = configured(3, "http://wifi.example/portal/west", secret="it's $a key")
    assert "portal on https" in text
    assert "fasremoteip ADDRESS" in text
    assert "letters, digits" in text


def test_a_configuration_for_debian_and_for_openwrt() -> None:
    debian = configured(1, "http://198.51.100.5:8000/portal/west")
    assert "fasport 8000\nfasremoteip 198.51.100.5\nfaspath /portal/west\nfas_secure_enabled 1\n" in debian
    assert "fasremotefqdn" not in debian
    openwrt = configured(
        4, "https://wifi.example/portal/west", options={"level": 4, "portal_ip": "198.51.100.5"}
    )
    assert "uci set opennds.@opennds[0].fasport='443'\n" in openwrt
    assert "uci set opennds.@opennds[0].fasremotefqdn='wifi.example'\n" in openwrt
    assert "uci commit opennds\n" in openwrt

"""CoovaChilli against values recorded from a running chilli 1.9, and against an independent account of what it checks."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.gateways.dialect import (
    Again,
    Arrival,
    BadRedirect,
    GatewayInfo,
    GatewayNotice,
    Go,
    Login,
    PlanInfo,
)
from district.gateways.redirects import Standing
from district.gateways.vendors.coovachilli import CoovaChilli, chap_response, pap_password

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
PORTAL = "http://10.99.0.2:8000/portal/uam"
SECRET = "uamsecret"
RESPONSES = (
    (
        "00112233445566778899aabbccddeeff",
        "secret",
        "ff8df4f5586f0edf19506aeaa2c02cef",
        "224695b08d96",
    ),
    (
        "97519994bfee43062a85e6505321fca3",
        "tok-alice",
        "212b5ccc55f933d523870f7512d4bd6e",
        "00560646a47cdbc629",
    ),
    (
        "00112233445566778899aabbccddeeff",
        "correct-horse-battery-staple",
        "34b9e2835f0571cad2fd7a0efc1274cc",
        "324c84b08d81851f040fcef7dee1791e255793b091cf82460d10d0e1",
    ),
)
"""challenge, password, CHAP response, PAP password: as chilli's own binary makes them."""
NOT_YET = (
    "http://10.99.0.2:8000/portal/uam?res=notyet&uamip=10.1.0.1&uamport=3990"
    "&challenge=97519994bfee43062a85e6505321fca3&called=AA-BB-CC-DD-EE-FF&mac=02-11-22-33-44-55&ip=10.1.0.2"
    "&ssid=Shangquan&nasid=ap-0042&sessionid=179528992800000001"
    "&userurl=http%3a%2f%2f203.0.113.10%2fgenerate_204%3fx%3d1%26y%3da%2520b&md=6F9DEB35D43C072555D39E8835D9720E"
)
SUCCESS = (
    "http://10.99.0.2:8000/portal/uam?res=success&uamip=10.1.0.1&uamport=3990&called=AA-BB-CC-DD-EE-FF&uid=alice"
    "&timeleft=3600&mac=02-11-22-33-44-55&ip=10.1.0.2&reply=welcome&ssid=Shangquan&nasid=ap-0042"
    "&sessionid=179529003200000001&userurl=http%3a%2f%2f203.0.113.10%2fgenerate_204%3fx%3d1%26y%3da%20b"
    "&md=DF11ACBC819ACBF7188D1302D14C581E"
)


def gateway(**values: Any) -> GatewayInfo:
    given: dict[str, Any] = {
        "slug": "uam",
        "vendor": "coovachilli",
        "secret": SECRET,
        "public_url": "",
        "portal_url": PORTAL,
    }
    return GatewayInfo(**(given | values))


def login(*, username: str = "w1", password: str = "tok-alice") -> Login:
    return Login(
        session_id=uuid.UUID(int=1),
        username=username,
        password=password,
        plan=PlanInfo(),
        landing_url="http://10.99.0.2:8000/portal/uam/welcome",
    )


def query_of(address: str) -> bytes:
    return address.partition("?")[2].encode()


def signed(fields: Mapping[str, str], *, base: str = PORTAL, secret: str = SECRET) -> bytes:
    """A redirect as chilli makes one: lower-case percent-encoding, then md over the whole address."""
    body = "&".join(f"{name}={_as_chilli(value)}" for name, value in fields.items())
    md = hashlib.md5(f"{base}?{body}{secret}".encode()).hexdigest().upper()
    return f"{body}&md={md}".encode()


def _as_chilli(value: str) -> str:
    return "".join(part if not part.startswith("%") else part.lower() for part in _quoted(value))


def _quoted(value: str) -> list[str]:
    text, parts, at = quote(value, safe=""), [], 0
    while at < len(text):
        step = 3 if text[at] == "%" else 1
        parts.append(text[at : at + step])
        at += step
    return parts


FIELDS = {
    "res": "notyet",
    "uamip": "10.1.0.1",
    "uamport": "3990",
    "challenge": "97519994bfee43062a85e6505321fca3",
    "called": "AA-BB-CC-DD-EE-FF",
    "mac": "02-11-22-33-44-55",
    "ip": "10.1.0.2",
    "userurl": "http://203.0.113.10/generate_204?x=1",
}


def arrive(raw: bytes, info: GatewayInfo | None = None) -> Arrival:
    return CoovaChilli().identify(info or gateway(), raw, machine_now=NOW)


def told(raw: bytes) -> GatewayNotice:
    with pytest.raises(GatewayNotice) as caught:
        arrive(raw)
    return caught.value


def test_a_recorded_redirect_says_who_comes_from_where() -> None:
    arrival = arrive(query_of(NOT_YET))
    assert (arrival.mac, arrival.access_point_mac) == ("021122334455", "aabbccddeeff")
    assert (arrival.ssid, arrival.inner_address) == ("Shangquan", "10.1.0.2")
    assert arrival.wanted_url == "http://203.0.113.10/generate_204?x=1&y=a%20b"
    assert arrival.grant["challenge"] == "97519994bfee43062a85e6505321fca3"
    assert arrival.grant["address"] == "10.1.0.1:3990"
    assert arrival.is_signed


def test_a_recorded_success_is_no_sign_in() -> None:
    notice = told(query_of(SUCCESS))
    assert (notice.standing, notice.said) == (Standing.ON_LINE, "welcome")
    assert notice.wanted_url == "http://203.0.113.10/generate_204?x=1&y=a b"
    assert notice.access_point_mac == "aabbccddeeff"


@pytest.mark.parametrize(("challenge", "password", "chap", "pap"), RESPONSES)
def test_answers_are_those_of_chilli_s_own_binary(challenge: str, password: str, chap: str, pap: str) -> None:
    assert chap_response(challenge, SECRET, password) == chap
    assert pap_password(challenge, SECRET, password) == pap


def test_the_recorded_challenge_is_answered_at_chilli_s_own_address() -> None:
    step = CoovaChilli().grant(gateway(), arrive(query_of(NOT_YET)), login(), machine_now=NOW)
    assert step == Go(url="http://10.1.0.1:3990/logon?username=w1&response=212b5ccc55f933d523870f7512d4bd6e")
    info = gateway(options={"response": "pap"})
    step = CoovaChilli().grant(info, arrive(query_of(NOT_YET), info), login(), machine_now=NOW)
    assert step == Go(url="http://10.1.0.1:3990/logon?username=w1&password=00560646a47cdbc629")


passwords = st.text(st.characters(codec="utf-8"), min_size=0, max_size=300)
secrets_ = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)
challenges = st.binary(min_size=16, max_size=16)


@given(challenges, secrets_, passwords)
def test_chilli_finds_the_password_again_whatever_it_is(challenge: bytes, secret: str, password: str) -> None:
    """chilli's side of PAP: byte by byte, the shared challenge over and over."""
    hidden = bytes.fromhex(pap_password(challenge.hex(), secret, password))
    shared = hashlib.md5(challenge + secret.encode()).digest()
    found = bytearray()
    for position, letter in enumerate(hidden):
        found.append(letter ^ shared[position % 16])
    assert found.decode() == password
    assert len(hidden) == len(password.encode())


@given(challenges, secrets_, passwords)
def test_radius_finds_the_chap_answer_right(challenge: bytes, secret: str, password: str) -> None:
    """chilli hands the shared challenge on as CHAP-Challenge, with identifier 0 (RFC 2865 §5.3)."""
    shared = hashlib.md5(challenge + secret.encode()).digest()
    expected = hashlib.md5(bytes(1) + password.encode() + shared).hexdigest()
    assert chap_response(challenge.hex(), secret, password) == expected


@given(passwords.filter(bool), passwords.filter(bool))
def test_names_and_answers_survive_the_address(username: str, password: str) -> None:
    step = CoovaChilli().grant(
        gateway(), arrive(signed(FIELDS)), login(username=username, password=password), machine_now=NOW
    )
    assert isinstance(step, Go)
    asked = parse_qs(urlsplit(step.url).query, strict_parsing=True)
    assert asked["username"] == [username]
    assert asked["response"] == [chap_response(FIELDS["challenge"], SECRET, password)]


@pytest.mark.parametrize("position", range(len(query_of(NOT_YET))))
def test_no_byte_of_a_redirect_can_be_changed(position: int) -> None:
    raw = bytearray(query_of(NOT_YET))
    raw[position] ^= 1
    with pytest.raises(BadRedirect):
        arrive(bytes(raw))


@given(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.text(max_size=40).filter(lambda text: "\ud800" not in text),
)
def test_what_chilli_signs_is_read_whatever_the_names_are(ssid: str, wanted: str) -> None:
    try:
        raw = signed(FIELDS | {"ssid": ssid, "userurl": f"http://example.com/{wanted}"})
    except UnicodeEncodeError:
        return
    arrival = arrive(raw)
    assert arrival.mac == "021122334455"
    assert arrival.ssid.isprintable()


def test_a_name_that_is_no_utf_8_is_read_too() -> None:
    body = b"&".join(f"{name}={quote(value, safe='').lower()}".encode() for name, value in FIELDS.items())
    body += b"&ssid=%c9%cc%c8%a6"
    md = hashlib.md5(PORTAL.encode() + b"?" + body + SECRET.encode()).hexdigest().upper().encode()
    assert arrive(body + b"&md=" + md).mac == "021122334455"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        query_of(NOT_YET).rpartition(b"&md=")[0],
        query_of(NOT_YET) + b"&mac=02-11-22-33-44-66",
        query_of(NOT_YET) + b"&x=1",
        b"md=6F9DEB35D43C072555D39E8835D9720E",
        query_of(NOT_YET) + b"&" + b"x" * 9000,
        b"loginurl=",
        b"loginurl=http%3a%2f%2fevil.example%2fportal%2fuam%3fres%3dnotyet",
        b"loginurl=%zz",
        b"loginurl=" + quote(quote(NOT_YET, safe=""), safe="").encode(),
    ],
)
def test_what_is_not_signed_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRedirect):
        arrive(raw)


def test_the_language_switch_of_our_page_keeps_the_signature() -> None:
    first = arrive(query_of(NOT_YET))
    assert arrive(query_of(NOT_YET) + b"&lang=zh") == first


def test_a_redirect_of_another_gateway_with_the_same_secret_is_refused() -> None:
    with pytest.raises(BadRedirect, match="md does not match"):
        arrive(query_of(NOT_YET), gateway(portal_url="http://10.99.0.2:8000/portal/other"))


def test_the_address_that_chilli_was_told_counts_with_its_own_query() -> None:
    body = "x=1&" + query_of(NOT_YET).decode().rpartition("&md=")[0]
    md = hashlib.md5(f"{PORTAL}?{body}{SECRET}".encode()).hexdigest().upper()
    assert arrive(f"{body}&md={md}".encode(), gateway(portal_url=PORTAL + "?x=1")).mac == "021122334455"


def test_a_redirect_inside_loginurl_is_unwrapped_once_and_checked() -> None:
    wrapped = b"loginurl=" + quote(NOT_YET, safe="").encode()
    assert arrive(wrapped) == arrive(query_of(NOT_YET))
    with pytest.raises(BadRedirect, match="md does not match"):
        arrive(wrapped.replace(b"02-11-22", b"02-11-33"))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"res": "already"}, Standing.ON_LINE),
        ({"res": "logoff"}, Standing.LOGGED_OFF),
        ({"res": "failed", "reason": "reject"}, Standing.WRONG_LOGIN),
        ({"res": "failed", "reason": "timeout"}, Standing.TIMED_OUT),
        ({"res": "failed", "reason": "mtu"}, Standing.NOT_LET_IN),
        ({"res": "failed"}, Standing.NOT_LET_IN),
        ({"res": "of-tomorrow"}, Standing.NOT_LET_IN),
        ({"res": ""}, Standing.NOT_LET_IN),
    ],
    ids=str,
)
def test_what_chilli_tells_is_no_sign_in(changed: dict[str, str], expected: Standing) -> None:
    notice = told(signed(FIELDS | changed))
    assert notice.standing is expected
    assert notice.again_url.startswith("http://10.1.0.1:3990/prelogin?userurl=http%3A%2F%2F203.0.113.10%2F")


@pytest.mark.parametrize("res", ["notyet", "challenge", "splash"])
def test_chilli_s_other_first_pages_sign_in_too(res: str) -> None:
    assert arrive(signed(FIELDS | {"res": res})).mac == "021122334455"


@pytest.mark.parametrize(
    "changed",
    [
        {"uamip": "203.0.113.9"},
        {"uamip": "127.0.0.1"},
        {"uamip": "evil.example"},
        {"uamip": "10.1.0.1@evil.example"},
        {"uamip": "10.1.0.1/evil"},
        {"uamip": ""},
        {"uamip": "0x0a010001"},
        {"uamip": "10.1.0.1%25eth0"},
        {"uamport": "0"},
        {"uamport": "99999"},
        {"uamport": "80@evil.example"},
        {"uamport": "３９９０"},
        {"uamport": ""},
        {"challenge": ""},
        {"challenge": "zz" * 16},
        {"challenge": "00" * 17},
        {"mac": ""},
        {"mac": "01-00-5E-00-00-01"},
    ],
    ids=str,
)
def test_what_is_signed_is_still_checked(changed: dict[str, str]) -> None:
    with pytest.raises(BadRedirect):
        arrive(signed(FIELDS | changed))


def test_another_network_is_taken_when_the_operator_allows_it() -> None:
    info = gateway(allow_networks=("203.0.113.0/24", "fd00::/8"))
    raw = signed(FIELDS | {"uamip": "203.0.113.9"})
    assert arrive(raw, info).grant["address"] == "203.0.113.9:3990"
    raw = signed(FIELDS | {"uamip": "fd00::1"})
    assert arrive(raw, info).grant["address"] == "[fd00::1]:3990"


@pytest.mark.parametrize(
    ("age_s", "is_fresh"), [(0, True), (579, True), (580, False), (601, False), (7200, False)]
)
def test_a_challenge_is_answered_only_while_chilli_remembers_it(age_s: int, is_fresh: bool) -> None:
    arrival = replace(arrive(signed(FIELDS)), shown_at=NOW - timedelta(seconds=age_s))
    step = CoovaChilli().grant(gateway(), arrival, login(), machine_now=NOW)
    assert isinstance(step, Go) is is_fresh
    assert isinstance(step, Go | Again)
    assert urlsplit(step.url).path == ("/logon" if is_fresh else "/prelogin")


def test_one_challenge_ages_as_one_whatever_else_the_redirect_says() -> None:
    first, second = arrive(signed(FIELDS)), arrive(signed(FIELDS | {"userurl": "http://example.com/"}))
    other = arrive(signed(FIELDS | {"challenge": "00" * 16}))
    assert first.ages == second.ages != other.ages
    assert first.fingerprint != second.fingerprint


def test_the_operator_gets_lines_for_chilli() -> None:
    lines = CoovaChilli().configuration(gateway(), portal_url="https://wifi.example:8443/portal/uam")
    assert 'uamserver "https://wifi.example:8443/portal/uam"\nuamsecret uamsecret\n' in lines
    assert "uamallowed wifi.example\n" in lines

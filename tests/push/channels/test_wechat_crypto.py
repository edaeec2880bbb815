"""Sealed posts by the vendors' published examples, and what nobody sealed."""

import base64

import pytest

from push.channels import wechat_events
from push.channels.wechat_crypto import Envelope, EnvelopeRefused, check, key_of, signature

# developer.work.weixin.qq.com/document/path/90968
CORP = Envelope(
    token="QDG6eK",
    key=key_of("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"),
    receiver="wx5823bf96d3bd56c7",
)
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
POSTED = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/s"
    "YYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJ"
    "YuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGU"
    "callcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDY"
    "A5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)
# The sample that comes with WeChat's own library for official accounts.
OFFICIAL = Envelope(
    token="pamtest",
    key=key_of("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
    receiver="wxb11529c136998cb6",
)
SAMPLE = "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="


def test_the_published_check_of_an_address_opens() -> None:
    plain = CORP.open(
        ECHO,
        given="5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        timestamp="1409659589",
        nonce="263014780",
    )
    assert plain == b"1616140317555161061"


def test_the_published_post_opens() -> None:
    plain = CORP.open(
        POSTED,
        given="477715d11cdb4164915debcba66cb864d751f3e6",
        timestamp="1409659813",
        nonce="1372623149",
    )
    event = wechat_events.values(plain)
    assert (event["ToUserName"], event["MsgType"]) == ("wx5823bf96d3bd56c7", "text")
    assert (event["Content"], event["CreateTime"]) == ("hello", "1409659813")


def test_the_published_sample_of_official_accounts_opens() -> None:
    given = signature(OFFICIAL.token, "1", "2", SAMPLE)
    assert OFFICIAL.open(SAMPLE, given=given, timestamp="1", nonce="2").decode() == "我是中文abcd123"


def test_what_is_sealed_opens_again() -> None:
    for plain in (b"", b"x" * 15, "商圈".encode() * 40):
        text, given = CORP.seal(plain, timestamp="1", nonce="n")
        assert CORP.open(text, given=given, timestamp="1", nonce="n") == plain


@pytest.mark.parametrize(
    ("given", "timestamp"),
    [("477715d11cdb4164915debcba66cb864d751f3e7", "1409659813"), ("", "1409659813"), ("é", "1409659813")],
    ids=["other", "none", "no-hex"],
)
def test_another_signature_is_refused(given: str, timestamp: str) -> None:
    with pytest.raises(EnvelopeRefused, match="signature"):
        CORP.open(POSTED, given=given, timestamp=timestamp, nonce="1372623149")


def sealed_by(envelope: Envelope) -> tuple[str, str]:
    text, _ = envelope.seal(b"<xml/>", timestamp="1", nonce="n")
    return text, signature(CORP.token, "1", "n", text)


def test_what_is_for_another_account_is_refused() -> None:
    other = Envelope(token=CORP.token, key=CORP.key, receiver="wx0000000000000000")
    text, given = sealed_by(other)
    with pytest.raises(EnvelopeRefused, match="another account"):
        CORP.open(text, given=given, timestamp="1", nonce="n")


@pytest.mark.parametrize(
    "text", ["", "A", "!!!!", base64.b64encode(b"x" * 16).decode(), base64.b64encode(b"x" * 33).decode()]
)
def test_rubbish_with_a_good_signature_is_refused(text: str) -> None:
    with pytest.raises(EnvelopeRefused):
        CORP.open(text, given=signature(CORP.token, "1", "n", text), timestamp="1", nonce="n")


def test_another_key_opens_nothing() -> None:
    text, given = sealed_by(Envelope(token="t", key=b"k" * 32, receiver=CORP.receiver))
    with pytest.raises(EnvelopeRefused):
        CORP.open(text, given=given, timestamp="1", nonce="n")


@pytest.mark.parametrize("text", ["", "short", "a" * 42, "a" * 44, "!" * 43])
def test_a_key_is_43_letters(text: str) -> None:
    with pytest.raises(EnvelopeRefused):
        key_of(text)


def test_the_plain_check_of_an_address_is_the_sorted_sum() -> None:
    check(signature("token", "1409304348", "nonce"), "nonce", "token", "1409304348")
    with pytest.raises(EnvelopeRefused):
        check(signature("token", "1409304348", "nonce"), "token", "1409304349", "nonce")


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><A>&a;</A></xml>',
        b"<xml>" + b"<a>b</a>" * 20_000 + b"</xml>",
        b"<xml><a></xml>",
        b"{}",
        b"",
    ],
    ids=["entities", "long", "broken", "json", "empty"],
)
def test_documents_that_could_hurt_are_not_read(body: bytes) -> None:
    with pytest.raises(EnvelopeRefused):
        wechat_events.values(body)


def test_a_document_of_many_values_is_read_in_part() -> None:
    body = b"<xml>" + b"".join(b"<a%d>b</a%d>" % (one, one) for one in range(2_000)) + b"</xml>"
    assert len(wechat_events.values(body)) == wechat_events.MOST_VALUES

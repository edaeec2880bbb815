"""What an e-mail looks like on the wire: nothing breaks out of its headers, both forms say the same, and it is signed."""

import re
from typing import Any

import pytest

from push.channels import email_dkim, email_message, email_verp
from push.channels.email_address import AddressInvalid, mailbox
from push.channels.email_dkim import DkimKeyInvalid
from push.message import MessagePurpose
from push.wording import Language
from tests.channels.mail.letters import AT, KEY, STOP, is_signed, letter, opened, private_key, sender, words

WANTED = {
    *("DKIM-Signature", "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language"),
    *("MIME-Version", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "CFBL-Address"),
    *("CFBL-Feedback-ID", "Content-Type"),
}
CORPUS = (
    "Sale\r\nBcc: everybody@example.org",
    "Sale\nX-Injected: yes",
    "Sale\rX-Injected: yes",
    "Sale\x00\x0bX-Injected: yes",
    "Sale\u2028X-Injected: yes\u2029",
    "Sale\x85X-Injected: yes",
    "=?utf-8?q?Sale=0D=0AX-Injected:_yes?=",
    "=?utf-8?B?U2FsZQ0KWC1JbmplY3RlZDogeWVz?=",
    "Sale\r\n\r\n<script>alert(1)</script>",
    '"quoted" <offers@evil.example>',
    "a" * 500 + "\r\nX-Injected: yes",
    "咖啡\r\n X-Injected: yes",
    "\u202eelaS\u202c \ufeff\u200b",
    "\ud800lone surrogate",
    "comma, semicolon; colon: <angle> (comment) \\",
)


def made(message: Any = None, writer: Any = None, to: str = "wang@example.org") -> email_message.Envelope:
    given = message or letter(address=to)
    return email_message.compose(given, writer or sender(), mailbox(given.address), now=AT)


@pytest.mark.parametrize("hostile", CORPUS, ids=[f"text{place}" for place in range(len(CORPUS))])
def test_no_word_breaks_out_of_a_header(hostile: str) -> None:
    message = letter(title=hostile, body=hostile, why=hostile, stop_link=STOP)
    content = made(message, sender(name=hostile)).content
    read = opened(content)
    assert set(read.keys()) == WANTED
    assert all(len(read.get_all(name, [])) == 1 for name in WANTED)
    head = content.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert not re.search(rb"[^\r]\n|\r[^\n]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", head)
    assert read["From"].addresses[0].addr_spec == "offers@news.example.com"
    assert len(read["From"].addresses) == len(read["To"].addresses) == 1
    assert "<script>" not in words(content, "html")


@pytest.mark.parametrize(
    "link",
    [
        "https://x.example/>\r\nX-Injected: yes",
        "javascript:alert(1)",
        'https://x.example/" onclick="alert(1)',
        "https://x.example/ y",
        "https://例子.example/",
    ],
    ids=["break", "script", "quote", "blank", "not-ascii"],
)
def test_a_link_that_is_none_is_left_out(link: str) -> None:
    content = made(letter(stop_link=link, link=link)).content
    assert "List-Unsubscribe" not in opened(content)
    assert "x.example" not in words(content, "html") + words(content, "plain")
    assert "javascript" not in words(content, "html")


def test_both_forms_say_the_same_words_and_lead_to_the_same_places() -> None:
    message = letter()
    content = made(message).content
    html = re.sub(r"<head>.*</head>", "", words(content, "html"), flags=re.DOTALL)
    links = re.findall(r'href="([^"]+)"', html)
    shown = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    plain = words(content, "plain")
    for link in links:
        assert link in plain
        plain = plain.replace(f": {link}", "")
    assert " ".join(plain.split()) == shown
    assert links == [message.link, message.stop_link]
    assert opened(content)["Subject"] == message.title


def test_html_fetches_nothing_and_can_be_read_on_dark_ground() -> None:
    html = words(made().content, "html")
    assert not re.search(r"<(img|link|script|iframe|object|video|audio|source|base)|url\(|@import|src=", html)
    assert 'name="color-scheme" content="light dark"' in html
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", html)) == {
        "#1d5fbf",
        "#ffffff",
    }  # the button's own ground and letters
    assert '<html lang="zh-Hans">' in html


def test_the_signature_holds_and_covers_what_ends_messages() -> None:
    envelope = made()
    record = email_dkim.public_record(private_key())
    assert is_signed(envelope.content, record=record)
    covered = opened(envelope.content)["DKIM-Signature"].replace(" ", "").partition("h=")[2].partition(";")[0]
    names = covered.split(":")
    assert names.count("from") == names.count("subject") == 2
    assert {"list-unsubscribe", "list-unsubscribe-post", "message-id", "to"} <= set(names)
    for change in (
        (b"One-Click", b"Two-Click"),
        (b"<offers@", b"<others@"),
        (b"Date: ", b"Subject: Another\r\nDate: "),
    ):
        changed = envelope.content.replace(*change, 1)
        assert changed != envelope.content
        assert not is_signed(changed, record=record)


def test_a_message_names_its_delivery_and_returns_to_an_address_of_its_own() -> None:
    message = letter()
    envelope = made(message)
    assert opened(envelope.content)["Message-ID"] == f"<{message.id}@news.example.com>"
    local, _, domain = envelope.sender.partition("@")
    assert domain == "bounces.example.com"
    assert len(local) == 56
    found = email_verp.read_address(KEY, envelope.sender.upper())
    assert found is not None
    assert found.delivery_id == message.id
    assert found.digest == email_verp.digest_of(message.address)


def test_a_return_address_that_was_changed_says_nothing() -> None:
    token = email_verp.token_of(KEY, letter().id, "wang@example.org")
    assert email_verp.read(KEY, token) is not None
    assert email_verp.read(KEY[::-1], token) is None
    for place in range(email_verp.TOKEN_LETTERS):
        other = "b" if token[place] == "a" else "a"
        assert email_verp.read(KEY, token[:place] + other + token[place + 1 :]) is None
    for junk in ("", token[:-1], token + "a", "0" * 48, "é" * 48, f"bounces+{token}"):
        assert email_verp.read(KEY, junk) is None


def test_codes_and_service_messages_are_no_bulk_mail() -> None:
    message = letter(
        purpose=MessagePurpose.CODE, stop_link="", link="", why="", title="Your sign-in code", body="Your code is 123456.",
        code="123456", language=Language.EN, campaign_id=None,
    )  # fmt: skip
    content = made(message).content
    read = opened(content)
    assert set(read.keys()) == WANTED - {
        *("List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "CFBL-Address", "CFBL-Feedback-ID")
    }
    assert words(content, "plain").count("123456") == 1
    assert ">123456</p>" in words(content, "html")


def test_one_click_is_promised_for_https_only() -> None:
    read = opened(made(letter(stop_link="http://127.0.0.1:8000/s/abc")).content)
    assert read["List-Unsubscribe"] == "<http://127.0.0.1:8000/s/abc>"
    assert "List-Unsubscribe-Post" not in read


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Wang@Example.ORG", "Wang@example.org"),
        ("wang@例子.中国", "wang@xn--fsqu00a.xn--fiqs8s"),
        ("王@例子.中国", "王@xn--fsqu00a.xn--fiqs8s"),
        ("wang@straße.example", "wang@xn--strae-oqa.example"),
    ],
    ids=["case", "domain", "both", "sharp-s"],
)
def test_international_domains_go_in_their_ascii_form(written: str, sent: str) -> None:
    found = mailbox(written)
    assert found.address == sent
    assert found.needs_utf8 is not sent.isascii()


@pytest.mark.parametrize(
    "written",
    [
        *("", "wang", "@example.org", "wang@", "wang@example.org\r\nRCPT TO:<x@y.z>", "wang@example.org>"),
        *(
            '"a b"@example.org',
            "wang@[127.0.0.1]",
            "a" * 65 + "@example.org",
            "wang@@example.org",
            "w\x00@example.org",
        ),
    ],
    ids=lambda written: repr(written)[:30],
)
def test_what_is_no_address_goes_nowhere(written: str) -> None:
    with pytest.raises(AddressInvalid):
        mailbox(written)


def test_a_key_is_taken_as_pem_or_base64_and_nothing_else() -> None:
    pem = private_key()
    body = "".join(line for line in pem.splitlines() if not line.startswith("-"))
    assert email_dkim.private_key_of(body) == pem
    assert email_dkim.private_key_of(f"  {pem}\n") == pem
    for junk in ("", "no key", body[:-40], pem.replace("RSA", "DSA")):
        with pytest.raises(DkimKeyInvalid):
            email_dkim.private_key_of(junk)

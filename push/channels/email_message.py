"""An e-mail as it is sent: headers that nothing can break out of, the same words as text and as HTML.

The message is put together here and not by a general library: its form is fixed, every header is either a token of ours
or an encoded word, and no word of a merchant reaches a header line as it was written.
"""

import base64
import quopri
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from push.channels import email_look, email_verp
from push.channels.email_address import Mailbox
from push.channels.email_dkim import DkimSigner
from push.message import Message, MessagePurpose
from push.wording import clean

MOST_BYTES: Final = 256 * 1024
LONGEST_SUBJECT: Final = 200
_WORD_BYTES: Final = 42
"""Bytes in one encoded word: with base64 and its frame fewer than 75 letters (RFC 2047 §2)."""
_PLAIN_LETTERS: Final = 60
_LINE: Final = b"\r\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who a district's e-mail is from. domain is where answers of servers go; empty: to the sender's own address."""

    mailbox: Mailbox
    name: str
    reply_to: Mailbox | None = None
    bounce_domain: str = ""
    key: bytes
    feedback_of: str = ""
    """The district, as mail providers' reports name it."""
    signer: DkimSigner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A whole message and between whom it travels."""

    sender: str
    recipient: Mailbox
    content: bytes

    @property
    def needs_utf8(self) -> bool:
        return self.recipient.needs_utf8


def compose(message: Message, sender: Sender, recipient: Mailbox, *, now: datetime) -> Envelope:
    """The message, signed where there is a key. now is machine time, for its date."""
    token = email_verp.token_of(sender.key, message.id, message.address)
    headers = headers_of(message, sender, recipient, token=token, now=now)
    boundary = f"={message.id.hex}"
    headers["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    head = b"".join(f"{name}: {value}".encode() + _LINE for name, value in headers.items())
    content = head + _LINE + _alternatives(message, sender, boundary.encode())
    if sender.signer is not None:
        content = sender.signer.signed(content, list(headers), at=now)
    back = sender.mailbox.address
    if sender.bounce_domain:
        back = email_verp.return_path(token, sender.bounce_domain)
    return Envelope(sender=back, recipient=recipient, content=content)


def headers_of(
    message: Message, sender: Sender, recipient: Mailbox, *, token: str, now: datetime
) -> dict[str, str]:
    """Every header but that of the content's type, in their order."""
    found = {
        "From": f"{encoded(sender.name)} <{sender.mailbox.address}>",
        "To": f"<{recipient.address}>",
        "Subject": encoded(clean(message.title)[:LONGEST_SUBJECT]),
        "Date": format_datetime(now),
        "Message-ID": f"<{message.id}@{sender.mailbox.domain}>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": email_look.language_tag(message.language),
        "MIME-Version": "1.0",
    }
    if sender.reply_to is not None:
        found["Reply-To"] = f"<{sender.reply_to.address}>"
    return found | _bulk(message, sender, token)


def _bulk(message: Message, sender: Sender, token: str) -> dict[str, str]:
    """What mail programs and providers know marketing by: how it ends, and how complaints come back."""
    found: dict[str, str] = {}
    if message.purpose is not MessagePurpose.MARKETING:
        return found
    stop_link = email_look.web_link(message.stop_link)
    if stop_link:
        found["List-Unsubscribe"] = f"<{stop_link}>"
    if stop_link.startswith("https://"):
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    campaign = message.campaign_id.hex if message.campaign_id else "none"
    found["Feedback-ID"] = f"{campaign}:{sender.feedback_of}:{message.purpose.value}:shangquan"
    if sender.bounce_domain:
        back = email_verp.return_path(token, sender.bounce_domain)
        found["CFBL-Address"] = f"{back}; report=arf"
        found["CFBL-Feedback-ID"] = token
    return found


def encoded(text: str) -> str:
    """Words in a header (RFC 2047): as they are where they are plain, else in as many encoded words as they take."""
    plain = " ".join(clean(text).split())
    if (
        plain
        and len(plain) <= _PLAIN_LETTERS
        and all(one.isascii() and (one.isalnum() or one == " ") for one in plain)
    ):
        return plain
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(one).decode()}?=" for one in _words(plain))


def _words(text: str) -> list[bytes]:
    """The text in pieces that end between letters."""
    found = [b""]
    for letter in text:
        raw = letter.encode()
        if len(found[-1]) + len(raw) > _WORD_BYTES:
            found.append(b"")
        found[-1] += raw
    return found


def _alternatives(message: Message, sender: Sender, boundary: bytes) -> bytes:
    shown = email_look.pieces(message, sender=sender.name)
    texts: Mapping[str, str] = {
        "plain": email_look.text_of(shown),
        "html": email_look.html_of(shown, language=message.language),
    }
    parts = (b"--" + boundary + _LINE + _part(kind, text) for kind, text in texts.items())
    return b"".join(parts) + b"--" + boundary + b"--" + _LINE


def _part(kind: str, text: str) -> bytes:
    """Mostly ASCII stays readable on the wire; anything else is base64."""
    raw = text.encode()
    is_readable = sum(one < 0x80 for one in raw) * 5 >= len(raw) * 4
    if is_readable:
        body = _LINE.join(quopri.encodestring(raw).splitlines()) + _LINE
    else:
        body = base64.encodebytes(raw.replace(b"\n", _LINE)).replace(b"\n", _LINE)
    how = "quoted-printable" if is_readable else "base64"
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {how}\r\n\r\n"
    return head.encode() + body

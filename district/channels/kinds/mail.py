"""E-mail by a mail server (SMTP), with signatures and return addresses of one's own."""

import base64
import binascii
import hashlib
import secrets
import ssl
from functools import partial
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from district.channels.kinds import mail_reports
from district.channels.kinds.kind import Building, Kind
from district.channels.kinds.mail_records import records
from push.channels import email_dkim
from push.channels.email import EmailSender
from push.channels.email_address import AddressInvalid, Mailbox, mailbox
from push.channels.email_dkim import DkimKeyInvalid, DkimSigner
from push.channels.email_message import Sender
from push.channels.email_session import MailAccount, Tls
from push.consent import Channel
from push.wording import clean

NAME: Final = "smtp"
KEY_BYTES: Final = 32
HOST: Final = r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$"
DOMAIN: Final = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$"
Domain = Annotated[str, StringConstraints(max_length=190, to_lower=True, pattern=DOMAIN)]
MailAddress = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]


class SmtpOptions(BaseModel):
    """A mail server, and who messages are from."""

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(pattern=HOST)] = Field(
        title="Mail server", description="Such as mail.example.com"
    )
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    tls: Tls = Field(
        default=Tls.STARTTLS,
        title="Encryption",
        description="starttls (port 587), implicit (port 465); none only where the way to the server is private",
    )
    user: Annotated[str, Field(max_length=254, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        default="", title="User name", description="Empty: the server asks for no log-in"
    )
    sender: MailAddress = Field(
        title="Sender's address", description="Whom messages are from: news@example.com"
    )
    sender_name: Annotated[str, Field(max_length=80)] = Field(
        default="", title="Sender's name", description="As people see it; empty: the district's name"
    )
    reply_to: Annotated[str, Field(max_length=254)] = Field(
        default="", title="Answers go to", description="Empty: to the sender"
    )
    selector: Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$")] = Field(
        default="shangquan",
        title="Selector of signatures (DKIM)",
        description="Names their key in the DNS; empty: the server signs",
    )
    returns: bool = Field(
        default=True,
        title="A return address of its own for each message",
        description="By it bounces are known. Off where the server insists on the sender's address",
    )
    return_domain: Domain | None = Field(
        default=None,
        title="Domain of return addresses",
        description="Empty: the sender's. Its mail must come in where you pass it on",
    )
    ca_certificate: Annotated[str, Field(max_length=20_000)] = Field(
        default="",
        title="Certificate authority (PEM)",
        description="Only where the server's certificate is not signed by a public authority",
    )

    @field_validator("sender", "reply_to")
    @classmethod
    def _is_an_address(cls, written: str) -> str:
        if not written:
            return written
        try:
            found = mailbox(written)
        except AddressInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
        if found.needs_utf8:
            raise ValueError("Before the @ only ASCII letters are understood by every server.")
        return found.address

    @field_validator("sender_name")
    @classmethod
    def _is_clean(cls, name: str) -> str:
        return clean(name).replace("\n", " ")

    @field_validator("return_domain", mode="before")
    @classmethod
    def _empty_is_none(cls, domain: Any) -> Any:
        return domain or None

    @field_validator("ca_certificate")
    @classmethod
    def _is_a_certificate(cls, pem: str) -> str:
        if pem:
            trust_of(pem)
        return pem

    @model_validator(mode="after")
    def _is_secret(self) -> "SmtpOptions":
        if self.user and self.tls is Tls.NONE:
            raise ValueError("A log-in without TLS would show the password to everybody on the way.")
        return self


class SmtpSecrets(BaseModel):
    """What is left out is made, and stays when the others change."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    dkim_key: Annotated[str, Field(max_length=8_000)] = Field(
        default_factory=email_dkim.new_key,
        title="Key of signatures (PEM)",
        description="A private RSA key; empty: one is made",
    )
    return_key: Annotated[str, Field(max_length=100)] = Field(
        default_factory=lambda: base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        title="Key of return addresses",
        description="32 bytes in base64; empty: made",
    )

    @field_validator("dkim_key")
    @classmethod
    def _is_a_key(cls, key: str) -> str:
        try:
            return email_dkim.private_key_of(key)
        except DkimKeyInvalid as invalid:
            raise ValueError(str(invalid)) from invalid

    @field_validator("return_key")
    @classmethod
    def _is_long_enough(cls, key: str) -> str:
        try:
            raw = base64.b64decode(key, validate=True)
        except (ValueError, binascii.Error):
            raw = b""
        if len(raw) < KEY_BYTES:
            raise ValueError("32 bytes in base64 are wanted.")
        return key


def trust_of(pem: str) -> ssl.SSLContext:
    """Who is believed: the authorities of this certificate alone. Raises: ValueError."""
    try:
        return ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ValueError("This is not a certificate in PEM.") from None


def build(building: Building) -> EmailSender:
    """The sender of one mail server, with connections of its own."""
    options: SmtpOptions = building.options
    password: str = building.secrets.password
    sender = sender_of(building)
    account = MailAccount(
        host=options.host,
        port=options.port,
        tls=options.tls,
        user=options.user,
        password=password,
        greeting=sender.mailbox.domain,
        trust=trust_of(options.ca_certificate) if options.ca_certificate else None,
    )
    return EmailSender(
        account=account,
        sender=sender,
        outbound=building.outbound,
        machine_now=building.now,
        monotonic=building.monotonic,
    )


def sender_of(building: Building) -> Sender:
    """Who messages of a provider are from, and how they are signed."""
    options: SmtpOptions = building.options
    own = mailbox(options.sender)
    return Sender(
        mailbox=own,
        name=options.sender_name or clean(building.district_name),
        reply_to=mailbox(options.reply_to) if options.reply_to else None,
        bounce_domain=(options.return_domain or own.domain) if options.returns else "",
        key=return_key_of(building.secrets),
        feedback_of=building.district_slug,
        signer=_signer(own, options.selector, building.secrets.dkim_key),
    )


def _signer(own: Mailbox, selector: str, key: str) -> DkimSigner | None:
    return DkimSigner(domain=own.domain, selector=selector, key=key) if selector else None


def return_key_of(given: SmtpSecrets) -> bytes:
    """The key of return addresses."""
    return hashlib.sha256(base64.b64decode(given.return_key)).digest()


KINDS: tuple[Kind, ...] = (
    Kind(
        name=NAME,
        channel=Channel.EMAIL,
        title="Mail server (SMTP)",
        options=SmtpOptions,
        secrets=SmtpSecrets,
        build=build,
        receive=partial(mail_reports.receive, key_of=return_key_of),
        records=records,
        made=frozenset({"dkim_key", "return_key"}),
    ),
)

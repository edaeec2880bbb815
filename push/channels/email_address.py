"""E-mail addresses as SMTP takes them: international domains in their ASCII form, and what can be no address refused."""

from dataclasses import dataclass, field
from typing import Final

from email_validator import EmailNotValidError, validate_email

from push.errors import PushError

LONGEST_LOCAL: Final = 64


class AddressInvalid(PushError):
    """What nobody can be reached by."""

    def __init__(self) -> None:
        super().__init__("This is not an e-mail address.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailbox:
    """Where a message goes. The domain is ASCII always, the part before it only if needs_utf8 is false."""

    local: str = field(repr=False)
    domain: str

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def needs_utf8(self) -> bool:
        """Whether a server must know international addresses (RFC 6531) to take it."""
        return not self.local.isascii()


def mailbox(written: str) -> Mailbox:
    """The mailbox of an address as it is kept. Raises: AddressInvalid.

    Only letters that need no quoting are let through, so that nothing of it can be read as a command or a header.
    """
    try:
        found = validate_email(written, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise AddressInvalid from None
    if len(found.local_part.encode()) > LONGEST_LOCAL or not found.ascii_domain:
        raise AddressInvalid
    return Mailbox(local=found.local_part, domain=found.ascii_domain)

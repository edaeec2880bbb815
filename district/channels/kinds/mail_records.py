"""What is to stand in the DNS so that an operator's e-mail is believed: SPF, DKIM, DMARC, and where bounces come in."""

from collections.abc import Sequence
from typing import Any, Final

from district.channels.kinds.kind import DnsRecord
from push.channels import email_dkim
from push.channels.email_address import mailbox

_IN_ONE_TEXT: Final = 255
"""A TXT record is made of strings so long at most (RFC 1035 §3.3.14)."""


def records(options: Any, secrets: Any) -> Sequence[DnsRecord]:
    """The records of a mail server's provider, in the order in which they are entered."""
    domain = mailbox(options.sender).domain
    found = [_spf(domain, options.host)]
    if options.selector:
        name = f"{options.selector}._domainkey.{domain}"
        value = email_dkim.public_record(secrets.dkim_key)
        found.append(DnsRecord(name=name, type="TXT", value=_in_strings(value), about="dkim"))
    found.append(
        DnsRecord(
            name=f"_dmarc.{domain}",
            type="TXT",
            value=f'"v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}"',
            about="dmarc",
        )
    )
    if options.returns:
        back = options.return_domain or domain
        if back != domain:
            found.append(_spf(back, options.host))
        found.append(DnsRecord(name=back, type="MX", value=f"10 {options.host}.", about="returns"))
    return found


def _spf(domain: str, host: str) -> DnsRecord:
    """The server may send for the domain; what its own name does not cover, its operator says."""
    return DnsRecord(name=domain, type="TXT", value=f'"v=spf1 a:{host} mx ~all"', about="spf")


def _in_strings(value: str) -> str:
    """As a zone file has it: strings in quotes, one after the other."""
    pieces = [value[start : start + _IN_ONE_TEXT] for start in range(0, len(value), _IN_ONE_TEXT)]
    return " ".join(f'"{one}"' for one in pieces)

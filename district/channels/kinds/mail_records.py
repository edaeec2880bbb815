"""What is to stand in the DNS so that an operator's e-mail is believed: SPF, DKIM, DMARC, and where bounces come in."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from district.channels.kinds.kind import DnsRecord
from push.channels import email_dkim
from push.channels.email_address import mailbox


def records(options: Any, secrets: Any) -> Sequence[DnsRecord]:
    """The records of a mail server's provider, in the order in which they are entered."""
    domain = mailbox(options.sender).domain
    found = [_spf(domain, options.host)]
    if options.selector:
        name, key = f"{options.selector}._domainkey.{domain}", email_dkim.public_record(secrets.dkim_key)
        found.append(DnsRecord(name=name, type="TXT", value=key, about="dkim"))
    policy = f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}"
    found.append(DnsRecord(name=f"_dmarc.{domain}", type="TXT", value=policy, about="dmarc"))
    if options.returns:
        back = options.return_domain or domain
        found += [_spf(back, options.host)] if back != domain else []
        receives = f"mx.{back}" if _is_number(options.host) else options.host
        found.append(DnsRecord(name=back, type="MX", value=f"10 {receives}.", about="returns"))
    return found


def _spf(domain: str, host: str) -> DnsRecord:
    """The server may send for the domain; what its own name does not cover, its operator says (RFC 7208 §5)."""
    named = f"a:{host}"
    if _is_number(host):
        named = f"ip{ipaddress.ip_address(host).version}:{host}"
    return DnsRecord(name=domain, type="TXT", value=f"v=spf1 {named} mx ~all", about="spf")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

"""Bounces and complaints, posted as the mail server got them; the signed return address says which message they are of."""

from collections.abc import Callable
from typing import Any, Final

from district.channels.kinds.kind import (
    Building,
    Incoming,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from push.channels import email_report, email_verp
from push.channels.email_report import Finding, Reported
from push.channels.email_verp import Returned

MOST_ADDRESS: Final = 320
_KINDS: Final = {
    Finding.DELIVERED: ReceiptKind.DELIVERED,
    Finding.GONE: ReceiptKind.ADDRESS_GONE,
    Finding.FAILED: ReceiptKind.FAILED,
    Finding.COMPLAINED: ReceiptKind.COMPLAINED,
}


def receive(building: Building, incoming: Incoming, *, key_of: Callable[[Any], bytes]) -> Reply:
    """A message/rfc822 body; ``to`` is the address that the server took it for. Raises: ReceiptRefused.

    The signature is in the address: nobody else can write one. A complaint that came to another address of the
    operator's is known by the signed name that it repeats.
    """
    if incoming.method != "POST":
        raise ReceiptRefused("Post the message as it came, with ?to= its recipient.")
    key = key_of(building.secrets)
    returned = email_verp.read_address(key, incoming.query.get("to", "")[:MOST_ADDRESS])
    reported = email_report.read(incoming.body)
    if returned is None and reported is not None and reported.finding is Finding.COMPLAINED:
        returned = _complained_of(key, reported)
    if returned is None:
        raise ReceiptRefused("The recipient is no return address of ours.")
    if reported is None:
        return Reply()  # somebody is on holiday, or writes to the return address: nothing is told
    return Reply(events=[_event(returned, reported)])


def _complained_of(key: bytes, reported: Reported) -> Returned | None:
    for name in reported.names:
        found = email_verp.read(key, name) or email_verp.read_address(key, name)
        if found is not None:
            return found
    return None


def _event(returned: Returned, reported: Reported) -> ReceiptEvent:
    kind = _KINDS[reported.finding]
    return ReceiptEvent(
        key=f"{returned.delivery_id}:{kind}:{reported.status}",
        message_id=str(returned.delivery_id),
        kind=kind,
        detail=reported.status,
        address_hash=returned.digest,
    )

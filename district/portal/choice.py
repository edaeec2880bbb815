"""What a person said on the sign-in page, and what came of it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from district.auth.service import IssuedToken
from district.gateways.models import WifiSession
from district.members.contacts import Contact
from district.members.models import Member
from push.consent import Purpose


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whom a provider named."""

    provider_id: uuid.UUID
    provider_slug: str
    subject: str
    contact: Contact | None = None
    """One that the provider says it has verified itself."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the person said on the sign-in page."""

    language: str
    consents: Mapping[Purpose, bool]
    """Empty when the page did not ask, because an earlier answer stands."""
    contact: Contact | None = None
    """Verified by a code."""
    code_id: uuid.UUID | None = None
    """The compared code, used up in the one commit that lets the person in."""
    join_id: uuid.UUID | None = None
    """The text message that proved the contact, used up in that commit."""
    voucher: str = ""
    """An access code, used in the same commit."""
    identity: Identity | None = None
    form_hash: bytes | None = None
    """Which form was sent (``hash_of_form``); None when the sender did not say."""
    known: uuid.UUID | None = None
    """The member of the browser's session."""
    is_of_age: bool | None = None
    """None: not asked."""
    network: str = ""
    address: str = ""
    """The browser's own, for the proof of what it agreed to and the access log of real names."""
    agent: str = ""
    sec_gpc: bool = False
    """The browser said that nothing of its user may be shared."""
    is_demo: bool = False

    @property
    def method(self) -> str:
        """How the person said who he is."""
        if self.join_id is not None:
            return "sms"
        if self.contact is not None:
            return str(self.contact.kind)
        if self.identity is not None:
            return f"oidc:{self.identity.provider_slug}"
        return "voucher" if self.voucher else "click"

    @property
    def proven_contact(self) -> Contact | None:
        """The contact that this very sign-in proves."""
        return self.contact or (self.identity.contact if self.identity else None)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A login that was granted."""

    member: Member
    is_new: bool
    token: IssuedToken | None
    """None when only a device was recognised: it opens the Wi-Fi, not the member's page."""
    wifi_session: WifiSession | None = None

"""A number or e-mail address that somebody has just proved works, whatever was kept of it."""

import hashlib
import uuid

from sqlalchemy import delete
from sqlalchemy.orm import Session

from district.channels.models import MemberEndpoint
from push.consent import Channel


def revive(session: Session, district_id: uuid.UUID, channel: Channel, address: str) -> None:
    """Forget that an address was gone: a code that was sent there has just come back."""
    session.execute(
        delete(MemberEndpoint).where(
            MemberEndpoint.district_id == district_id,
            MemberEndpoint.channel == channel.value,
            MemberEndpoint.address_hash == hashlib.sha256(address.encode()).digest(),
        )
    )

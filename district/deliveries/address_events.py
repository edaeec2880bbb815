"""What a provider tells of an address, and of no message: its reader has left the account."""

import hashlib

from sqlalchemy import update
from sqlalchemy.orm import Session

from district.channels.kinds.kind import ReceiptEvent, ReceiptKind
from district.channels.models import ChannelProvider, EndpointState, MemberEndpoint
from district.database import notify
from district.districts.service import DistrictInfo
from district.members import consents


def carry_out(
    session: Session, district: DistrictInfo, provider: ChannelProvider, event: ReceiptEvent
) -> None:
    """An address that is gone gets nothing more until its member binds it anew."""
    if event.kind is not ReceiptKind.ADDRESS_GONE:
        return
    gone = (
        update(MemberEndpoint)
        .where(
            MemberEndpoint.district_id == district.id,
            MemberEndpoint.channel == provider.channel,
            MemberEndpoint.provider_id == provider.id,
            MemberEndpoint.address_hash == hashlib.sha256(event.address.encode()).digest(),
        )
        .values(state=EndpointState.GONE)
        .returning(MemberEndpoint.member_id)
    )
    for member_id in session.scalars(gone):
        notify(session, consents.CHANNEL, f"{district.id}:{member_id}")

"""A sign-in as something that campaigns wait for."""

from sqlalchemy.orm import Session

from district.campaigns.triggers import Happening, NewTrigger, enqueue
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways.models import WifiSession
from district.members.service import Recognition


def tell(
    session: Session, district: DistrictInfo, found: Recognition, row: WifiSession, *, clock: Clock
) -> None:
    """The member has joined the Wi-Fi: for the first time, or again, and at which access point."""
    trigger = NewTrigger(
        kind=Happening.WIFI_JOIN,
        member_id=found.member.id,
        occurrence_key=str(row.id),
        at=clock.now(),
        facts={"joins": 1 if found.is_new else 2, "access_point": row.access_point_mac},
    )
    enqueue(session, district.id, trigger)

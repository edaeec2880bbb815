"""Devices of members: pseudonyms of addresses that rotate, each of one member at a time."""

import hmac
from datetime import timedelta

from sqlalchemy import case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import notify
from district.districts.service import DistrictInfo
from district.members.consents import CHANNEL
from district.members.models import DeviceAlias, Member, OptOut

OPT_OUT_CHANNEL = "opt_out_changed"
ALIAS_BYTES = 16
REMEMBERED_FOR = timedelta(days=14)
"""How long a device alone says who comes; its address may be somebody else's afterwards."""


def alias_of(district: DistrictInfo, mac: str) -> bytes:
    """The only form in which a MAC address (twelve lower-case hex digits) is kept: HMAC-SHA256, 16 bytes."""
    return hmac.digest(district.alias_key, bytes.fromhex(mac), "sha256")[:ALIAS_BYTES]


def is_randomised(mac: str) -> bool:
    """Whether the address is locally administered, as rotating addresses are."""
    first = int(mac[:2], 16)
    return bool(first & 2) and not first & 1


def see_device(
    session: Session,
    district: DistrictInfo,
    member: Member,
    *,
    mac: str,
    clock: Clock,
    is_vouched: bool = True,
) -> bytes:
    """Remember that a member uses a device; an address that somebody else used before is his from now on.

    When no gateway vouches for the address it is a claim: it never takes a device from a member who used it lately,
    for its position would be told to whoever claims it.
    """
    alias = alias_of(district, mac)
    now = clock.now()
    statement = insert(DeviceAlias).values(
        district_id=district.id,
        alias=alias,
        member_id=member.id,
        randomised=is_randomised(mac),
        first_seen_at=now,
        last_seen_at=now,
    )
    is_free = (DeviceAlias.member_id == member.id) | (DeviceAlias.last_seen_at <= now - REMEMBERED_FOR)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["district_id", "alias"],
            set_={
                "member_id": member.id,
                "last_seen_at": now,
                "first_seen_at": case(
                    (DeviceAlias.member_id == member.id, DeviceAlias.first_seen_at), else_=now
                ),
            },
            where=None if is_vouched else is_free,
        )
    )
    notify(session, CHANNEL, f"{district.id}:{member.id}")
    return alias


def count_device_again(session: Session, district: DistrictInfo, alias: bytes) -> None:
    """Take back that a device is not to be counted: its owner has agreed to be located since."""
    session.query(OptOut).filter_by(district_id=district.id, alias=alias).delete()
    notify(session, OPT_OUT_CHANNEL)

"""Clocks of NAS: what they say is believed within two minutes of ours, and a wrong one is counted and sounds an alarm."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.members import alarms
from district.members.alarms import AlarmKind
from district.radius.accounting import SKEW_ALLOWED, Told
from district.radius.queries import NOTE_CLOCK_SQL

MOST_NAMED = 120


def note(session: Session, district: DistrictInfo, packets: Sequence[Told], *, clock: Clock) -> None:
    """Remember how each NAS's clock stood in its newest packet, and how many were not believed."""
    by_nas: dict[str, list[Told]] = {}
    for packet in packets:
        if packet.ahead_s is not None:
            by_nas.setdefault(_name(packet), []).append(packet)
    for nas, told in sorted(by_nas.items()):
        last = max(told, key=lambda packet: packet.received_at)
        wrong = [packet for packet in told if is_wrong(packet)]
        values = {
            "district_id": district.id,
            "nas": nas,
            "ahead_s": last.ahead_s,
            "packets": len(wrong),
            "heard_at": last.received_at,
        }
        session.connection().exec_driver_sql(NOTE_CLOCK_SQL, values)
        if is_wrong(last):
            alarms.sound(
                session,
                district.id,
                kind=AlarmKind.NAS_CLOCK,
                subject=nas,
                detail={"nas": nas, "ahead_s": last.ahead_s},
                at=clock.now(),
            )


def is_wrong(packet: Told) -> bool:
    """Whether the NAS said a time that was not believed."""
    return packet.ahead_s is not None and abs(packet.ahead_s) > SKEW_ALLOWED.total_seconds()


def _name(packet: Told) -> str:
    return " ".join(part for part in (packet.nas_address, packet.nas_identifier[:MOST_NAMED]) if part)

"""Who comes back to the Wi-Fi without a sign-in page, by 802.1X or because his device is known: campaigns may wait for it.

One visit is one joining. Devices roam, sleep and log in again; what follows on what was heard of the same member, be it
of another device of his, is the same visit. Who signed in at a page was told by that.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from district.campaigns.triggers import FRESH_FOR, Happening, NewTrigger, enqueue
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.radius.accounting import Told
from district.radius.packets import Status

AWAY_FOR: Final = timedelta(minutes=30)
"""Who was not heard of for so long comes anew."""
JUST_SIGNED_IN: Final = timedelta(minutes=1)
"""A sign-in may be stamped a little after the session that it opened."""

# Two devices of one person that start at once, told by two workers, must find each other: the later waits for the lock.
LOCK_MEMBERS_SQL = """
SELECT id FROM member
WHERE district_id = %(district_id)s AND state = 'active' AND id IN (
    SELECT member_id FROM radius_session
    WHERE district_id = %(district_id)s AND unique_id = ANY(%(started)s) AND member_id IS NOT NULL
)
ORDER BY id FOR NO KEY UPDATE
"""

RETURNED_SQL = """
SELECT DISTINCT ON (s.member_id) s.member_id, s.unique_id, s.started_at, s.access_point_mac
FROM radius_session AS s
WHERE s.district_id = %(district_id)s AND s.unique_id = ANY(%(started)s) AND s.member_id = ANY(%(members)s)
  AND NOT EXISTS (
      SELECT FROM radius_session AS before
      WHERE before.district_id = s.district_id AND before.member_id = s.member_id
        AND (before.started_at, before.unique_id) < (s.started_at, s.unique_id)
        AND coalesce(before.stopped_at, before.started_at + make_interval(secs => before.session_s))
            > s.started_at - %(away_for)s
  )
  AND NOT EXISTS (
      SELECT FROM wifi_session AS page
      WHERE page.district_id = s.district_id AND page.member_id = s.member_id
        AND page.method NOT IN ('mac', '802.1x')
        AND page.granted_at > s.started_at - %(away_for)s AND page.granted_at <= s.started_at + %(just)s
  )
ORDER BY s.member_id, s.started_at, s.unique_id
"""


def tell(session: Session, district: DistrictInfo, packets: Sequence[Told], *, clock: Clock) -> None:
    """Queue the joinings that these packets begin, when the session commits; told again, they change nothing."""
    oldest = clock.now() - FRESH_FOR
    started = sorted({one.unique_id for one in packets if one.status == Status.START and one.at > oldest})
    if not started:
        return
    session.flush()
    connection = session.connection()
    values = {
        "district_id": district.id,
        "started": started,
        "away_for": AWAY_FOR,
        "just": JUST_SIGNED_IN,
    }
    members = [row[0] for row in connection.exec_driver_sql(LOCK_MEMBERS_SQL, values)]
    if not members:
        return
    found = connection.exec_driver_sql(RETURNED_SQL, values | {"members": members}).all()
    for member_id, unique_id, at, access_point_mac in found:
        trigger = NewTrigger(
            kind=Happening.WIFI_JOIN,
            member_id=member_id,
            occurrence_key=f"radius:{unique_id}"[:200],
            at=at,
            facts={"joins": 2, "access_point": access_point_mac},
        )
        enqueue(session, district.id, trigger)

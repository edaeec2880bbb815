"""Points of memberships that become one, and two again."""

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.database import new_id

PARTED: Final = "parted"
"""The movement that makes a member's list come to his balance when a merge is undone."""
_OWED: Final = "SELECT debt FROM points_wallet WHERE district_id = :d AND member_id = :source FOR UPDATE"
_MOVE_DEBT: Final = (
    "UPDATE points_wallet SET debt = debt - :debt WHERE district_id = :d AND member_id = :source",
    """INSERT INTO points_wallet (district_id, member_id, debt) VALUES (:d, :target, :debt)
    ON CONFLICT (district_id, member_id) DO UPDATE SET debt = points_wallet.debt + EXCLUDED.debt""",
)
_BALANCE: Final = """
SELECT coalesce(sum(remaining), 0) - held.debt AS standing,
       coalesce(sum(remaining) FILTER (WHERE expires_at > :at), 0) - held.debt AS usable,
       (SELECT coalesce(sum(points), 0) FROM points_movement WHERE district_id = :d AND member_id = :member) AS moved
FROM (
    SELECT coalesce((SELECT debt FROM points_wallet WHERE district_id = :d AND member_id = :member), 0) AS debt
) AS held
LEFT JOIN points_lot ON points_lot.district_id = :d AND points_lot.member_id = :member
GROUP BY held.debt
"""
_ADD_MOVEMENT: Final = """
INSERT INTO points_movement (district_id, id, member_id, kind, subject_id, points, balance, at)
VALUES (:d, :id, :member, :kind, :id, :points, :balance, :at)
"""


def give_debt(
    session: Session, district_id: uuid.UUID, source: uuid.UUID, target: uuid.UUID, *, most: int | None = None
) -> int:
    """Make what one member owes of points the other's to pay, or so much of it as is still owed; how much it was."""
    values = {"d": district_id, "source": source, "target": target}
    owed = session.scalar(text(_OWED), values) or 0
    debt = owed if most is None else min(owed, most)
    if debt:
        for statement in _MOVE_DEBT:
            session.execute(text(statement), values | {"debt": debt})
    return int(debt)


def even(session: Session, district_id: uuid.UUID, member_id: uuid.UUID, *, at: datetime) -> None:
    """Note what one has spent of the other's points while they were one: his list comes to his balance again.

    Of the two members of a merge one gains what the other loses: the district owes as much as before.
    """
    values = {"d": district_id, "member": member_id, "at": at}
    standing, usable, moved = session.execute(text(_BALANCE), values).one()
    if standing != moved:
        row = values | {"id": new_id(), "kind": PARTED, "points": standing - moved, "balance": usable}
        session.execute(text(_ADD_MOVEMENT), row)

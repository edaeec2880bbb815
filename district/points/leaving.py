"""What becomes of points when their member leaves."""

import uuid
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.database import new_id
from district.ledger import service as ledger
from district.ledger.models import PostingKind
from district.ledger.service import Posting, Transfer
from district.points.posting import LIABILITY, PLATFORM

_STANDING_SQL = """
SELECT coalesce((SELECT sum(remaining) FROM points_lot WHERE district_id = :district_id AND member_id = :member_id), 0)
     - coalesce((SELECT debt FROM points_wallet WHERE district_id = :district_id AND member_id = :member_id), 0),
       (SELECT value_minor FROM points_rule WHERE district_id = :district_id)
"""

_FORGET = (
    "DELETE FROM points_lot WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM points_movement WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM points_wallet WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM member_pass WHERE district_id = :district_id AND member_id = :member_id",
    "UPDATE points_spend SET member_id = NULL WHERE district_id = :district_id AND member_id = :member_id",
)


def forfeit(session: Session, district_id: uuid.UUID, member_id: uuid.UUID, *, now: datetime) -> None:
    """End a member's points and forget them; what they were worth goes back to the platform, a debt is its loss.

    The caller has locked the member. What tills were paid stays booked, with nobody's name.
    """
    values = {"district_id": district_id, "member_id": member_id}
    balance, value_minor = session.execute(text(_STANDING_SQL), values).one()
    if balance and value_minor:
        source, target = (LIABILITY, PLATFORM) if balance > 0 else (PLATFORM, LIABILITY)
        posting = Posting(
            kind=PostingKind.POINTS_EXPIRED,
            subject_id=new_id(),
            at=now,
            transfers=[Transfer(source=source, target=target, amount_minor=abs(int(balance)) * value_minor)],
        )
        ledger.post_in(session, district_id, posting)
    for statement in _FORGET:
        session.execute(text(statement), values)

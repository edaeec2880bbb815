"""Things that an operator should look at: one open alarm for one trouble, however often it comes."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.database import new_id
from district.members.models import Alarm


def sound(
    session: Session,
    district_id: uuid.UUID,
    *,
    kind: str,
    subject: str,
    detail: Mapping[str, Any],
    at: datetime,
) -> None:
    """Open an alarm, or count once more the one that is open for the same subject."""
    statement = insert(Alarm).values(
        district_id=district_id,
        id=new_id(),
        kind=kind,
        subject=subject,
        detail=dict(detail),
        at=at,
        last_at=at,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["district_id", "kind", "subject"],
            index_where=Alarm.seen_at.is_(None),
            set_={
                "times": Alarm.times + 1,
                "detail": statement.excluded.detail,
                "last_at": func.greatest(Alarm.last_at, statement.excluded.last_at),
            },
        )
    )

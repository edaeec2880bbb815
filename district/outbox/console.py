"""One-time codes for the operator's page, where no telephone and no mail server is there to carry them."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.outbox.jobs import CODE_LIFE
from district.outbox.queries import CONSOLE_CODES_SQL


@dataclass(frozen=True, kw_only=True)
class ConsoleCode:
    """A code that was sent to the console."""

    id: uuid.UUID
    channel: str
    to: str = field(repr=False)
    code: str = field(repr=False)
    sent_at: datetime
    """Machine time."""


def recent_codes(session: Session, district_id: uuid.UUID, *, machine_now: datetime) -> list[ConsoleCode]:
    """The codes of the last ten minutes, the newest first. Show them only when the settings say so."""
    rows = session.execute(
        text(CONSOLE_CODES_SQL), {"district_id": district_id, "since": machine_now - CODE_LIFE}
    )
    return [ConsoleCode(id=row[0], channel=row[1], to=row[2], code=row[3], sent_at=row[4]) for row in rows]

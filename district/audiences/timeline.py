"""What members did, kept of those who agreed to it: recorded, shown to them, and counted where nothing was found."""

import unicodedata
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from district.database import new_id
from push.audience_terms import EventKind
from push.wording import clean

AGAIN_AFTER = timedelta(minutes=10)
"""Looking at the same again within this time is the same event."""
WORDS_MOST = 100
K: Final = 10
"""Fewer members than this are never told of."""
UNFOUND_MOST = 200

# Kept of active members who take personal offers and whose newest word on marketing, for any channel, is a yes.
_AGREES: Final = """
EXISTS (
    SELECT FROM member
    WHERE member.district_id = {district} AND member.id = {member} AND member.state = 'active'
      AND member.is_personalised
      AND EXISTS (
          SELECT FROM (
              SELECT DISTINCT ON (channel) granted FROM consent
              WHERE consent.district_id = member.district_id AND consent.member_id = member.id
                AND consent.purpose = 'marketing'
              ORDER BY channel, id DESC
          ) AS newest WHERE newest.granted
      )
)
"""
_INSERT: Final = """
INSERT INTO member_event (district_id, id, member_id, kind, at, store_id, subject_id, words, found)
SELECT {district_id}, {id}, {member_id}, {kind}, {at}, {store_id}, {subject_id}, {words}, {found}
WHERE {agrees} AND NOT EXISTS (
    SELECT FROM member_event AS before
    WHERE before.district_id = {district_id} AND before.member_id = {member_id} AND before.at > {again_since}
      AND before.at <= {at} AND before.kind = {kind} AND before.store_id IS NOT DISTINCT FROM {store_id}
      AND before.subject_id IS NOT DISTINCT FROM {subject_id} AND before.words = {words}
)
"""
_TYPES: Final = {
    "district_id": "uuid",
    "id": "uuid",
    "member_id": "uuid",
    "kind": "text",
    "at": "timestamptz",
    "store_id": "uuid",
    "subject_id": "uuid",
    "words": "text",
    "found": "int",
    "again_since": "timestamptz",
}


_STORE_OF_OFFER: Final = """(
    SELECT campaign_store.store_id FROM offer
    JOIN campaign_store ON campaign_store.district_id = offer.district_id
                       AND campaign_store.campaign_id = offer.campaign_id
    WHERE offer.district_id = {district_id} AND offer.id = {subject_id}
    ORDER BY campaign_store.store_id LIMIT 1
)"""


def _statement(mark: str, *, is_of_offer: bool = False) -> str:
    marks = {name: f"CAST({mark.format(name)} AS {kind})" for name, kind in _TYPES.items()}
    if is_of_offer:
        marks["store_id"] = _STORE_OF_OFFER.format(**marks)
    agrees = _AGREES.format(district=marks["district_id"], member=marks["member_id"])
    return _INSERT.format(agrees=agrees, **marks)


RECORD_SQL: Final = _statement("%({})s")
RECORD_OF_OFFER_SQL: Final = _statement("%({})s", is_of_offer=True)
_RECORD_TEXT: Final = text(_statement(":{}"))
_IS_KEPT_TEXT: Final = text("SELECT " + _AGREES.format(district=":district_id", member=":member_id"))
_PAGE_SQL: Final = text(
    """
SELECT id, kind, at, store_id, subject_id, words, found FROM member_event
WHERE district_id = :district_id AND member_id = :member_id
  AND (CAST(:before AS uuid) IS NULL OR (at, id) < (
      SELECT at, id FROM member_event WHERE district_id = :district_id AND member_id = :member_id AND id = :before))
ORDER BY at DESC, id DESC LIMIT :limit
"""
)
_UNFOUND_SQL: Final = text(
    """
SELECT words, count(DISTINCT member_id) AS members, count(*) AS searches, max(at) AS last_at FROM member_event
WHERE district_id = :district_id AND kind = 'search' AND found = 0 AND at >= :since
GROUP BY words HAVING count(DISTINCT member_id) >= :k
ORDER BY members DESC, words LIMIT :limit
"""
)


def record(
    session: Session,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    kind: EventKind,
    *,
    at: datetime,
    store_id: uuid.UUID | None = None,
    subject_id: uuid.UUID | None = None,
    words: str = "",
    found: int | None = None,
) -> None:
    """Keep what a member did, if he agrees to it. ``at`` is business time; ``subject_id`` an offer or purchase."""
    session.execute(
        _RECORD_TEXT,
        _values(
            district_id,
            member_id,
            kind,
            at=at,
            store_id=store_id,
            subject_id=subject_id,
            words=words,
            found=found,
        ),
    )


async def record_async(
    connection: AsyncConnection[TupleRow],
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    kind: EventKind,
    *,
    at: datetime,
    store_id: uuid.UUID | None = None,
    subject_id: uuid.UUID | None = None,
    words: str = "",
    found: int | None = None,
) -> None:
    """The same on a hot path."""
    await connection.execute(
        RECORD_SQL,
        _values(
            district_id,
            member_id,
            kind,
            at=at,
            store_id=store_id,
            subject_id=subject_id,
            words=words,
            found=found,
        ),
    )


async def record_offer(
    connection: AsyncConnection[TupleRow],
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    kind: EventKind,
    offer_id: uuid.UUID,
    *,
    at: datetime,
) -> None:
    """Keep what a member did with an offer, if he agrees to it; it counts at the first of the offer's stores."""
    values = _values(district_id, member_id, kind, at=at, subject_id=offer_id, words="", found=None)
    await connection.execute(RECORD_OF_OFFER_SQL, values)


def _values(
    district_id: uuid.UUID, member_id: uuid.UUID, kind: EventKind, *, at: datetime, words: str, **given: Any
) -> dict[str, Any]:
    return {
        "district_id": district_id,
        "id": new_id(),
        "member_id": member_id,
        "kind": kind.value,
        "at": at,
        "words": normal(words),
        "again_since": at - AGAIN_AFTER,
        **given,
    }


def normal(words: str) -> str:
    """What was typed in one form, so that equal searches are equal: NFKC, one case, single blanks, cut."""
    return clean(unicodedata.normalize("NFKC", words[: 4 * WORDS_MOST])).casefold()[:WORDS_MOST].strip()


def is_kept(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> bool:
    """Whether what the member does is recorded now."""
    found: bool = session.execute(
        _IS_KEPT_TEXT, {"district_id": district_id, "member_id": member_id}
    ).scalar_one()
    return found


def page(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, *, before: uuid.UUID | None, limit: int
) -> Sequence[RowMapping]:
    """Events of a member, the newest first."""
    values = {"district_id": district_id, "member_id": member_id, "before": before, "limit": limit}
    return session.execute(_PAGE_SQL, values).mappings().all()


def unfound(session: Session, district_id: uuid.UUID, *, since: datetime) -> Sequence[RowMapping]:
    """Words that at least ten members searched for in vain since then."""
    values = {"district_id": district_id, "since": since, "k": K, "limit": UNFOUND_MOST}
    return session.execute(_UNFOUND_SQL, values).mappings().all()

"""Rows that follow a person into another membership, and back."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.members.models import MemberMerge

# A slot goes where its offer went, and counts there beside those that the other has taken: under a number that is not in
# use, beyond the cap's own where there are so many. What is remembered is its own number.
_MOVE_SLOTS: Final = """
WITH before AS (
    SELECT scope, offer_id, slot FROM cap_slot WHERE district_id = :d AND member_id = :source
), moved AS (
    UPDATE cap_slot AS t SET member_id = :target, slot = t.slot + coalesce((
        SELECT max(o.slot) + 1 FROM cap_slot AS o
        WHERE o.district_id = :d AND o.member_id = :target AND o.scope = t.scope
    ), 0)
    WHERE t.district_id = :d AND t.member_id = :source AND NOT EXISTS (
        SELECT FROM offer WHERE offer.district_id = :d AND offer.id = t.offer_id AND offer.member_id = :source
    )
    RETURNING t.scope, t.offer_id
)
SELECT scope, offer_id::text, slot::text FROM moved JOIN before USING (scope, offer_id)"""
_SLOTS_BACK: Final = """
UPDATE cap_slot AS t SET member_id = :merged, slot = was.slot
FROM (
    SELECT k ->> 0 AS scope, CAST(k ->> 1 AS uuid) AS offer_id, CAST(k ->> 2 AS smallint) AS slot
    FROM jsonb_array_elements(CAST(:keys AS jsonb)) AS k
) AS was
WHERE t.district_id = :d AND t.member_id = :kept AND t.scope = was.scope AND t.offer_id = was.offer_id"""


@dataclass(frozen=True, kw_only=True)
class Movable:
    """A table whose rows follow the person: what names a row, and what there may be only one of per member."""

    table: str
    key: tuple[str, ...]
    once_per: tuple[str, ...] = ()
    move: str = ""
    back: str = ""
    """How they move and come back, where it is not as all others do."""


# Consents stay with the membership that gave them, as do rows that only count or that live for minutes.
MOVED: Final = (
    Movable(table="device_alias", key=("alias",)),
    Movable(table="member_identity", key=("provider_id", "subject")),
    Movable(table="radius_credential", key=("username",)),
    Movable(table="ban", key=("id",)),
    Movable(table="wifi_session", key=("id",)),
    Movable(table="radius_session", key=("unique_id",)),
    Movable(table="voucher_use", key=("code",), once_per=("code",)),
    Movable(table="join_reward", key=("incentive_id",), once_per=("incentive_id",)),
    Movable(table="offer", key=("id",), once_per=("campaign_id", "occurrence_key")),
    Movable(table="inbox_item", key=("id",)),
    Movable(table="cap_slot", key=("scope", "slot"), move=_MOVE_SLOTS, back=_SLOTS_BACK),
    Movable(
        table="exposure",
        key=("campaign_id", "occurrence_key"),
        once_per=("campaign_id", "occurrence_key"),
    ),
    Movable(table="drop_ticket", key=("campaign_id",), once_per=("campaign_id",)),
    Movable(table="visit", key=("trading_day", "id")),
    Movable(table="points_lot", key=("id",)),
    Movable(table="points_movement", key=("id",)),
    Movable(table="points_spend", key=("id",)),
    Movable(table="purchase", key=("id",)),
    Movable(table="purchase_link", key=("source_id", "payer_hash")),
    Movable(table="member_endpoint", key=("id",)),
    Movable(table="wechat_grant", key=("id",)),
    Movable(table="wallet_pass", key=("id",)),
    Movable(table="member_mute", key=("merchant_id",), once_per=("merchant_id",)),
    Movable(table="follow", key=("store_id",), once_per=("store_id",)),
    Movable(table="member_tag", key=("tag_id",), once_per=("tag_id",)),
    Movable(table="segment_member", key=("segment_id",), once_per=("segment_id",)),
    Movable(table="member_event", key=("id",)),
)


def move(
    session: Session, district_id: uuid.UUID, what: Movable, source: uuid.UUID, target: uuid.UUID
) -> list[list[str]]:
    """Give the rows of one member to another, but for what he has himself; their keys as text."""
    keys = ", ".join(f"t.{name}::text" for name in what.key)
    own = " AND ".join(f"o.{name} = t.{name}" for name in what.once_per)
    beside = (
        f"AND NOT EXISTS (SELECT FROM {what.table} o WHERE o.district_id = :d AND o.member_id = :target AND {own})"
        if own
        else ""
    )
    statement = f"""UPDATE {what.table} t SET member_id = :target
        WHERE t.district_id = :d AND t.member_id = :source {beside} RETURNING {keys}"""
    statement = what.move or statement
    rows = session.execute(text(statement), {"d": district_id, "source": source, "target": target})
    return [list(row) for row in rows]


def move_back(
    session: Session, district_id: uuid.UUID, what: Movable, keys: Sequence[Sequence[str]], merge: MemberMerge
) -> None:
    """Give back what was moved and is still there."""
    names = ", ".join(f"t.{name}::text" for name in what.key)
    wanted = ", ".join(f"k ->> {place}" for place in range(len(what.key)))
    statement = f"""UPDATE {what.table} t SET member_id = :merged
        WHERE t.district_id = :d AND t.member_id = :kept
            AND ({names}) IN (SELECT {wanted} FROM jsonb_array_elements(CAST(:keys AS jsonb)) AS k)"""
    if what.back and all(
        len(key) > len(what.key) for key in keys
    ):  # merges of before kept no more than the key
        statement = what.back
    values = {"d": district_id, "kept": merge.kept_id, "merged": merge.merged_id, "keys": json.dumps(keys)}
    session.execute(text(statement), values)

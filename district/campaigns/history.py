"""Who did what to a campaign, when and why: only ever added to."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Account, Role
from district.auth.service import Principal
from district.campaigns.models import Campaign, CampaignEvent
from district.campaigns.schemas import EventOut, HistoryPage
from district.clock import Clock
from district.database import new_id
from push.campaign_life import CampaignAction, CampaignState

CLOCK: Final = "clock"
"""The role of what nobody did: its time had come, or its stock was gone."""
MAX_PAGE = 200


class Change(StrEnum):
    """What is done to a campaign besides the steps of its life."""

    CREATE = "create"
    EDIT = "edit"
    STOCK = "stock"
    ENROL = "enrol"
    LEAVE = "leave"


What = CampaignAction | Change


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an event says besides who, what and when."""

    before: CampaignState | None = None
    version: int | None = None
    """Of the content that it is about; None: the one in force."""
    reason: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


def note(
    session: Session, row: Campaign, principal: Principal | None, what: What, told: Told, *, clock: Clock
) -> None:
    """Keep what was done; ``principal`` None: the clock did it."""
    session.add(
        CampaignEvent(
            district_id=row.district_id,
            id=new_id(),
            campaign_id=row.id,
            at=clock.now(),
            what=what,
            from_state=told.before,
            to_state=row.state,
            version=row.content_version if told.version is None else told.version,
            role=CLOCK if principal is None else principal.role,
            account_id=None if principal is None else principal.subject_id,
            reason=dict(told.reason),
            detail=dict(told.detail),
        )
    )


def said(text: str) -> dict[str, str]:
    """A reason that somebody typed: in one language, shown to readers of both."""
    return {"zh": text, "en": text} if text else {}


def page(
    session: Session,
    principal: Principal,
    row: Campaign,
    *,
    after_id: uuid.UUID | None = None,
    limit: int = 50,
) -> HistoryPage:
    """What was done to a campaign, the oldest first, and the key of the next page."""
    wanted = (
        select(CampaignEvent)
        .where(CampaignEvent.district_id == row.district_id, CampaignEvent.campaign_id == row.id)
        .order_by(CampaignEvent.id)
    )
    if after_id is not None:
        wanted = wanted.where(CampaignEvent.id > after_id)
    most = min(limit, MAX_PAGE)
    found = list(session.scalars(wanted.limit(most + 1)))
    return HistoryPage(
        items=shown(session, principal, found[:most]), next=found[most - 1].id if len(found) > most else None
    )


def newest(session: Session, principal: Principal, row: Campaign, *, most: int) -> list[EventOut]:
    """The last things that were done, the newest first."""
    found = session.scalars(
        select(CampaignEvent)
        .where(CampaignEvent.district_id == row.district_id, CampaignEvent.campaign_id == row.id)
        .order_by(CampaignEvent.id.desc())
        .limit(most)
    )
    return shown(session, principal, list(found))


def shown(session: Session, principal: Principal, rows: Sequence[CampaignEvent]) -> list[EventOut]:
    """Events with the names of who did them; log-in names are for the operator alone."""
    accounts = {row.account_id for row in rows if row.account_id is not None}
    is_operator = principal.role is Role.OPERATOR
    names = {
        account.id: account.display_name or (account.username if is_operator else "")
        for account in session.scalars(select(Account).where(Account.id.in_(accounts)))
    }
    return [_shown(row, names.get(row.account_id, "") if row.account_id else "") for row in rows]


def _shown(row: CampaignEvent, who: str) -> EventOut:
    return EventOut(
        id=row.id,
        at=row.at,
        what=row.what,
        from_state=CampaignState(row.from_state) if row.from_state else None,
        to_state=CampaignState(row.to_state),
        version=row.version,
        role=row.role,
        account_id=row.account_id,
        who=who,
        reason=row.reason,
        detail=row.detail,
    )

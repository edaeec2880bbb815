"""Addresses for posters: who has scanned one may claim its campaign's offer."""

import secrets
import uuid
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.campaigns import finding
from district.offers.claim_models import ClaimLink
from district.problems import Conflict, NotFound

TOKEN_BYTES = 16
MOST_LINKS = 100


def create(
    session: Session, district_id: uuid.UUID, principal: Principal, campaign_id: uuid.UUID, *, now: datetime
) -> str:
    """The token of a new address. Raises: NotFound for another's campaign, Conflict when it has enough."""
    finding.find(session, district_id, principal, campaign_id, lock=True)
    count = session.scalar(
        select(func.count()).where(ClaimLink.district_id == district_id, ClaimLink.campaign_id == campaign_id)
    )
    if (count or 0) >= MOST_LINKS:
        raise Conflict(
            f"A campaign has at most {MOST_LINKS} addresses; print one of them again.",
            detail_zh=f"每个活动最多 {MOST_LINKS} 个领取码，请重复打印已有的。",
        )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(ClaimLink(district_id=district_id, token=token, campaign_id=campaign_id, created_at=now))
    session.flush()
    return token


def tokens(
    session: Session, district_id: uuid.UUID, principal: Principal, campaign_id: uuid.UUID
) -> list[str]:
    """The tokens that open the campaign's offer, the oldest first. Raises: NotFound."""
    finding.find(session, district_id, principal, campaign_id)
    statement = select(ClaimLink.token).where(
        ClaimLink.district_id == district_id,
        ClaimLink.campaign_id == campaign_id,
        ClaimLink.revoked_at.is_(None),
    )
    return list(session.scalars(statement.order_by(ClaimLink.created_at, ClaimLink.token)))


def revoke(
    session: Session,
    district_id: uuid.UUID,
    principal: Principal,
    campaign_id: uuid.UUID,
    *,
    token: str,
    now: datetime,
) -> None:
    """Withdraw an address. Raises: NotFound."""
    finding.find(session, district_id, principal, campaign_id)
    link = _found(session, district_id, campaign_id, token)
    link.revoked_at = link.revoked_at or now
    session.flush()


def restore(
    session: Session, district_id: uuid.UUID, principal: Principal, campaign_id: uuid.UUID, *, token: str
) -> None:
    """Take a withdrawal back. Raises: NotFound."""
    finding.find(session, district_id, principal, campaign_id)
    _found(session, district_id, campaign_id, token).revoked_at = None
    session.flush()


def _found(session: Session, district_id: uuid.UUID, campaign_id: uuid.UUID, token: str) -> ClaimLink:
    link = session.get(ClaimLink, (district_id, token), with_for_update=True)
    if link is None or link.campaign_id != campaign_id:
        raise NotFound("No such address.")
    return link

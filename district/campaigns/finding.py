"""Which campaigns a caller sees, and which of them he may change."""

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import owners
from district.campaigns.answers import shown
from district.campaigns.models import Campaign
from district.campaigns.schemas import CampaignOut
from district.problems import NotAllowed, NotFound
from push.campaign_life import CampaignState

MAX_PAGE = 200


def find(
    session: Session,
    district_id: uuid.UUID,
    principal: Principal,
    campaign_id: uuid.UUID,
    *,
    lock: bool = False,
) -> Campaign:
    """A campaign that the caller sees. Raises: NotFound, also for another's."""
    wanted = select(Campaign).where(
        Campaign.district_id == district_id, Campaign.id == campaign_id, owners.seen_by(principal)
    )
    if lock:
        # Offers that are being issued hold their campaign's key: this lock lets them.
        wanted = wanted.with_for_update(key_share=True, of=Campaign)
    row = session.scalar(wanted.execution_options(populate_existing=lock))
    if row is None:
        raise NotFound("No such campaign.")
    return row


def find_own(
    session: Session, district_id: uuid.UUID, principal: Principal, campaign_id: uuid.UUID
) -> Campaign:
    """A campaign that the caller may change, locked. Raises: NotFound, NotAllowed for a tenant's."""
    row = find(session, district_id, principal, campaign_id, lock=True)
    if not owners.may_change(principal, row):
        raise NotAllowed("This campaign is a tenant's: its merchant or the operator changes it.")
    return row


def page(
    session: Session,
    district_id: uuid.UUID,
    principal: Principal,
    *,
    after_id: uuid.UUID | None = None,
    state: CampaignState | None = None,
    merchant_id: uuid.UUID | None = None,
    limit: int = 50,
) -> tuple[list[CampaignOut], uuid.UUID | None]:
    """The campaigns that the caller sees by id, and the key of the next page."""
    statement = (
        select(Campaign)
        .where(Campaign.district_id == district_id, owners.seen_by(principal))
        .order_by(Campaign.id)
    )
    if merchant_id is not None and principal.role is not Role.MERCHANT:
        statement = statement.where(Campaign.merchant_id == merchant_id)
    if after_id is not None:
        statement = statement.where(Campaign.id > after_id)
    if state is not None:
        statement = statement.where(Campaign.state == state)
    rows = list(session.scalars(statement.limit(min(limit, MAX_PAGE) + 1)))
    shown_rows = rows[: min(limit, MAX_PAGE)]
    following = shown_rows[-1].id if len(rows) > len(shown_rows) else None
    return shown(session, principal, shown_rows), following


def count_by_state(session: Session, district_id: uuid.UUID, merchant_id: uuid.UUID | None) -> dict[str, int]:
    """How many campaigns a merchant, or the district, has in each state."""
    statement = select(Campaign.state, func.count()).where(Campaign.district_id == district_id)
    if merchant_id is not None:
        statement = statement.where(Campaign.merchant_id == merchant_id)
    return {state: count for state, count in session.execute(statement.group_by(Campaign.state))}  # noqa: C416 rows are no pairs to dict()

"""One step of a campaign's life: by a person, or by the clock and the stock. The caller holds the row's lock."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.campaigns import checks, contents, history
from district.campaigns.history import Told, said
from district.campaigns.models import Campaign
from district.campaigns.queries import IS_EXHAUSTED_SQL
from district.clock import Clock
from push.campaign_life import CampaignAction, CampaignState, Standing, TransitionRefused, after, all_due
from push.wording import Localised, clean

STOPPED_BY: Final = "stopped_by"
"""In an event's detail: why the campaign ended by itself."""
SUBMITTED: Final = frozenset({CampaignAction.SUBMIT, CampaignAction.APPROVE})


def step(
    session: Session,
    row: Campaign,
    principal: Principal | None,
    action: CampaignAction,
    *,
    clock: Clock,
    reason: str = "",
    words: dict[str, str] | None = None,
) -> None:
    """What somebody does; ``words`` is a reason of the product's own, in both languages.

    Raises: TransitionRefused.
    """
    before = CampaignState(row.state)
    row.state = after(before, action)
    told = words or said(clean(reason))
    if action is CampaignAction.SUBMIT:
        row.reject_reason, row.content_version = "", row.version + 1
    if action in SUBMITTED:
        content = contents.in_force(session, row)
        contents.keep(session, row, row.content_version, content, principal, clock=clock)
    if action is CampaignAction.REJECT:
        row.reject_reason = clean(reason)
    if action in {CampaignAction.PAUSE, CampaignAction.RESUME}:
        row.pause_reason = (told or None) if action is CampaignAction.PAUSE else None
    history.note(session, row, principal, action, Told(before=before, reason=told), clock=clock)


def step_of_pending(
    session: Session,
    row: Campaign,
    principal: Principal,
    action: CampaignAction,
    *,
    clock: Clock,
    reason: str = "",
) -> None:
    """A step of review that is about the version that waits, while the approved one goes on.

    Submitting what waits already changes nothing. Raises: TransitionRefused when nothing waits.
    """
    version = row.pending_version
    if version is None:
        raise TransitionRefused(CampaignState(row.state), action)
    if action is CampaignAction.SUBMIT:
        return
    if action is CampaignAction.APPROVE:
        contents.put_in_force(session, row, version, contents.of_version(session, row, version))
    if action is CampaignAction.REJECT:
        row.reject_reason = clean(reason)
    row.pending_version = None
    told = Told(before=CampaignState(row.state), version=version, reason=said(clean(reason)))
    history.note(session, row, principal, action, told, clock=clock)


def settle(session: Session, row: Campaign, *, clock: Clock) -> None:
    """Take every step that the clock and the stock take now."""
    session.flush()
    for action, state in all_due(standing_of(session, row), clock.now()):
        before = CampaignState(row.state)
        row.state = state
        history.note(session, row, None, action, Told(before=before), clock=clock)


def stop(session: Session, row: Campaign, by: str, why: Localised, *, clock: Clock) -> None:
    """End a campaign by itself, for a reason that its history keeps. Raises: TransitionRefused."""
    before = CampaignState(row.state)
    row.state, row.changed_at = after(before, CampaignAction.END), clock.now()
    reason = {"zh": why.zh or "", "en": why.en or ""}
    told = Told(before=before, reason=reason, detail={STOPPED_BY: by})
    history.note(session, row, None, CampaignAction.END, told, clock=clock)
    session.flush()


def standing_of(session: Session, row: Campaign) -> Standing:
    """What decides whether the campaign goes on by itself."""
    values = {"district_id": row.district_id, "campaign_id": row.id}
    is_joint = row.holds_until is not None
    starts_at, ends_at = checks.window(row.starts_at, row.ends_at, row.rule)
    return Standing(
        state=CampaignState(row.state),
        starts_at=starts_at,
        ends_at=ends_at,
        holds_until=row.holds_until,
        is_exhausted=bool(session.scalar(text(IS_EXHAUSTED_SQL), values)),
        has_stores=not is_joint or bool(contents.stores_of(session, row)),
    )

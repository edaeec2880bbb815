"""The states that a campaign goes through, what people may do in each, and what the clock does by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from push.errors import PushError


class CampaignState(StrEnum):
    """Where a campaign stands. Exhausted: its stock is gone; it goes on by itself when there is more."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"
    EXHAUSTED = "exhausted"
    ENDED = "ended"
    CANCELLED = "cancelled"


class CampaignAction(StrEnum):
    """What may be done to a campaign; those of BY_CLOCK are done by the clock and the stock, the rest by people."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REJECT = "reject"
    SCHEDULE = "schedule"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    EXHAUST = "exhaust"
    REPLENISH = "replenish"
    END = "end"


_S, _A = CampaignState, CampaignAction

TRANSITIONS: Mapping[tuple[CampaignState, CampaignAction], CampaignState] = MappingProxyType(
    {
        (_S.DRAFT, _A.SUBMIT): _S.IN_REVIEW,
        (_S.DRAFT, _A.END): _S.CANCELLED,
        (_S.IN_REVIEW, _A.WITHDRAW): _S.DRAFT,
        (_S.IN_REVIEW, _A.APPROVE): _S.APPROVED,
        (_S.IN_REVIEW, _A.REJECT): _S.DRAFT,
        (_S.IN_REVIEW, _A.END): _S.CANCELLED,
        (_S.APPROVED, _A.SCHEDULE): _S.SCHEDULED,
        (_S.APPROVED, _A.START): _S.LIVE,
        (_S.APPROVED, _A.PAUSE): _S.PAUSED,
        (_S.APPROVED, _A.END): _S.CANCELLED,
        (_S.SCHEDULED, _A.START): _S.LIVE,
        (_S.SCHEDULED, _A.PAUSE): _S.PAUSED,
        (_S.SCHEDULED, _A.END): _S.CANCELLED,
        (_S.LIVE, _A.SCHEDULE): _S.SCHEDULED,
        (_S.LIVE, _A.PAUSE): _S.PAUSED,
        (_S.LIVE, _A.EXHAUST): _S.EXHAUSTED,
        (_S.LIVE, _A.END): _S.ENDED,
        (_S.PAUSED, _A.RESUME): _S.LIVE,
        (_S.PAUSED, _A.END): _S.ENDED,
        (_S.EXHAUSTED, _A.REPLENISH): _S.LIVE,
        (_S.EXHAUSTED, _A.PAUSE): _S.PAUSED,
        (_S.EXHAUSTED, _A.END): _S.ENDED,
    }
)

BY_CLOCK = frozenset({_A.SCHEDULE, _A.START, _A.EXHAUST, _A.REPLENISH})
EDITABLE = frozenset({_S.DRAFT})
FINAL = frozenset({_S.ENDED, _S.CANCELLED})
IN_FORCE = frozenset({_S.LIVE, _S.EXHAUSTED})
"""States in which the campaign is under way, whether or not there is something left to give."""
RELEASED = frozenset({_S.APPROVED, _S.SCHEDULED, _S.LIVE, _S.PAUSED, _S.EXHAUSTED})
"""States in which an approved version goes on while a change of it waits for approval."""


class TransitionRefused(PushError):
    """An action that the campaign's state does not allow."""

    def __init__(self, state: CampaignState, action: CampaignAction) -> None:
        self.state, self.action = state, action
        allowed = ", ".join(sorted(actions(state) - BY_CLOCK)) or "nothing"
        super().__init__(f"A campaign that is {state} cannot {action}; it allows {allowed}.")


def actions(state: CampaignState) -> frozenset[CampaignAction]:
    """What may be done in this state."""
    return frozenset(action for before, action in TRANSITIONS if before is state)


def after(state: CampaignState, action: CampaignAction) -> CampaignState:
    """The state that the action leads to.

    Raises: TransitionRefused.
    """
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        raise TransitionRefused(state, action) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What decides whether a campaign goes on by itself.

    holds_until keeps an approved one from being scheduled: a joint event whose stores still enrol.
    has_stores is False for one that no store stands behind: it never starts.
    """

    state: CampaignState
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    holds_until: datetime | None = None
    is_exhausted: bool = False
    has_stores: bool = True


def due(standing: Standing, now: datetime) -> CampaignAction | None:
    """What the clock does to the campaign next; None when nothing is due. Dates are half open: [start, end)."""
    state = standing.state
    if state in RELEASED and standing.ends_at is not None and standing.ends_at <= now:
        return _A.END
    has_begun = standing.starts_at is None or standing.starts_at <= now
    match state:
        case _S.APPROVED | _S.SCHEDULED:
            return _due_before_start(standing, now, has_begun=has_begun)
        case _S.LIVE if not has_begun:
            return _A.SCHEDULE
        case _S.LIVE if standing.is_exhausted:
            return _A.EXHAUST
        case _S.EXHAUSTED if not standing.is_exhausted:
            return _A.REPLENISH
        case _:
            return None


def _due_before_start(standing: Standing, now: datetime, *, has_begun: bool) -> CampaignAction | None:
    if standing.holds_until is not None and now < standing.holds_until:
        return None
    if not has_begun:
        return _A.SCHEDULE if standing.state is _S.APPROVED else None
    return _A.START if standing.has_stores else _A.END


def all_due(standing: Standing, now: datetime) -> Iterator[tuple[CampaignAction, CampaignState]]:
    """Every step that the clock takes now, each with the state it leads to."""
    while (action := due(standing, now)) is not None:
        standing = replace(standing, state=after(standing.state, action))
        yield action, standing.state

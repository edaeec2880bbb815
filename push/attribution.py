"""Which offer gets the credit for what a member did: a rule for settling accounts, not for knowing effects.

What an offer caused is told by the difference to the control (push.lift); attribution only shares out what happened.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from push.identifiers import CampaignId, MemberId


@dataclass(frozen=True, kw_only=True, slots=True)
class Touch:
    """An offer that reached a member."""

    campaign_id: CampaignId
    member_id: MemberId
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """Something that a member did; campaign_id names the campaign whose coupon he used, if he used one."""

    member_id: MemberId
    at: datetime
    campaign_id: CampaignId | None = None


def credited(act: Act, touches: Iterable[Touch], *, within: timedelta) -> Touch | None:
    """The last touch before the act, no longer ago than within; None when there was none.

    A used coupon credits its own campaign alone. Of two touches at one moment the smaller campaign id has it.
    """
    fitting = (
        one
        for one in touches
        if one.member_id == act.member_id
        and timedelta(0) <= act.at - one.at <= within
        and act.campaign_id in {None, one.campaign_id}
    )
    return min(fitting, key=lambda one: (act.at - one.at, one.campaign_id), default=None)

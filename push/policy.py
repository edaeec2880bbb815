"""What a district sets for all its campaigns."""

from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from push import ranking
from push.arbitration import Market
from push.campaign import Campaign
from push.limits import CapRule, CapScope, QuietHours, TradingDay
from push.redeem_model import RedeemModel
from push.rule import Priority

DEFAULT_HOLDOUT_PERCENT = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionPolicy:
    """What holds at one moment. control_buckets of 10,000 members get no marketing at all; holdout_percent of the
    members are a campaign's control when its rule names no share. point_minor: what one point pays. gap: how long after any offer there is no other.
    """

    day: TradingDay
    quiet: QuietHours = field(default_factory=QuietHours)
    fresh_for: timedelta = timedelta(minutes=3)
    control_buckets: int = 0
    holdout_percent: float = DEFAULT_HOLDOUT_PERCENT
    typical_spend_minor: int = ranking.TYPICAL_SPEND_MINOR
    point_minor: int = 1
    shared_caps: tuple[tuple[CapScope, CapRule], ...] = ()
    gap: timedelta | None = None
    model: RedeemModel = field(default_factory=RedeemModel)
    market: Market = field(default_factory=Market)

    @property
    def zone(self) -> ZoneInfo:
        return self.day.zone

    def holdout_of(self, campaign: Campaign) -> tuple[float, str]:
        """How many percent of the members the campaign leaves out, and under which salt they are drawn.

        Service is for everybody unless its own rule says otherwise.
        """
        rule, own_salt = campaign.rule, str(campaign.id)
        if rule.holdout is not None:
            return rule.holdout.percent, rule.holdout.salt or own_salt
        return (0.0 if rule.priority is Priority.SERVICE else self.holdout_percent), own_salt

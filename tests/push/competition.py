"""Generated competition: many moments at which several merchants want one member's attention.

400 merchants. Each has an appeal (the chance that his offer is redeemed, beta-distributed with mean 0.08), a worth
(log-normal about 3 of a bill of 20) and a place that is more or less busy (shares fall with the 0.7th power of the
rank). At each of 10,000 moments a member who likes offers more or less (log-normal) meets 8 merchants, drawn without
replacement by how busy their places are; how he likes each of the offers varies once more. So some merchants are better
than all their neighbours, most are not, and greed leaves a quarter of them without a single offer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import numpy as np
import numpy.typing as npt

from push.arbitration import Fairness, Market, Outcome, after
from push.campaign import Campaign
from push.decision import Ask, DecisionPolicy, OfferDraft, choose, decide_batch
from push.identifiers import CampaignId, MemberId, MerchantId, VisitId
from push.limits import TradingDay
from tests.push.makers import FRIDAY_NOON, HELSINKI, campaign, crossing, member

MERCHANTS: Final = 400
MOMENTS: Final = 10_000
RIVALS: Final = 8
TOGETHER: Final = 50
"""Moments that are decided before prices follow, as a commit of the engine holds some."""
_FIRST_MERCHANT: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Competition:
    """(moments, rivals) arrays: which merchants meet, the chance and the expected worth of each one's offer."""

    merchants: npt.NDArray[np.int64]
    chances: npt.NDArray[np.float64]
    values_minor: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a way to choose came to."""

    value_minor: float
    shut_out: int
    top_share: float


def generate(seed: int, *, moments: int = MOMENTS) -> Competition:
    """The same for the same seed."""
    random = np.random.default_rng(seed)
    appeal = random.beta(1.2, 14, MERCHANTS)
    worth = random.lognormal(np.log(300), 0.6, MERCHANTS)
    busy = 1 / np.arange(1, MERCHANTS + 1) ** 0.7
    random.shuffle(busy)
    busy /= busy.sum()
    merchants = np.array(
        [random.choice(MERCHANTS, RIVALS, replace=False, p=busy) for _ in range(moments)], np.int64
    )
    liking = random.lognormal(0, 0.5, (moments, 1)) * random.lognormal(0, 0.6, (moments, RIVALS))
    chances = np.clip(appeal[merchants] * liking, 0.0005, 0.9)
    return Competition(merchants=merchants, chances=chances, values_minor=chances * worth[merchants])


def arbitrate(competition: Competition, fairness: Fairness) -> Result:
    """Choose at every moment as the product does, and let prices follow."""
    campaigns = [
        campaign(
            {"when": None, "holdout": {"pct": 0}},
            id=CampaignId(UUID(int=1_000 + number)),
            merchant_id=MerchantId(UUID(int=_FIRST_MERCHANT + number)),
        )
        for number in range(MERCHANTS)
    ]
    policy = DecisionPolicy(day=TradingDay(zone=HELSINKI), market=Market(fairness=fairness, seed="s"))
    sent = np.zeros(MERCHANTS, np.int64)
    value_minor = 0.0
    moments = len(competition.merchants)
    for start in range(0, moments, TOGETHER):
        outcomes = []
        for moment in range(start, min(start + TOGETHER, moments)):
            drafts = _drafts(competition, moment, campaigns, policy)
            winner = next(one for one in choose(drafts) if isinstance(one, OfferDraft))
            place = next(number for number, one in enumerate(drafts) if one.campaign_id == winner.campaign_id)
            value_minor += float(competition.values_minor[moment, place])
            sent[winner.merchant_id.int - _FIRST_MERCHANT] += 1
            outcomes.append(Outcome(merchants=winner.rivals, winner=winner.merchant_id))
        policy = replace(policy, market=after(policy.market, outcomes))
    return _result(competition, sent, value_minor)


def greedily(competition: Competition) -> Result:
    """What the highest expected worth at every moment comes to."""
    places = competition.values_minor.argmax(axis=1)
    rows = np.arange(len(places))
    sent = np.bincount(competition.merchants[rows, places], minlength=MERCHANTS)
    return _result(competition, sent, float(competition.values_minor[rows, places].sum()))


def _result(competition: Competition, sent: npt.NDArray[np.int64], value_minor: float) -> Result:
    """Shut out is who competed and never won."""
    seen = np.bincount(competition.merchants.ravel(), minlength=MERCHANTS) > 0
    return Result(
        value_minor=value_minor,
        shut_out=int((seen & (sent == 0)).sum()),
        top_share=float(sent.max() / len(competition.merchants)),
    )


def _drafts(
    competition: Competition, moment: int, campaigns: Sequence[Campaign], policy: DecisionPolicy
) -> list[OfferDraft]:
    """What decide() says of every rival, with the generated chance and worth in place of the model's."""
    now = FRIDAY_NOON + timedelta(seconds=moment)
    who = member(member_id=MemberId(UUID(int=1_000_000 + moment)))
    asks = []
    for number in competition.merchants[moment].tolist():
        wanted = campaigns[number]
        at = crossing(campaign_id=wanted.id, visit_id=VisitId(UUID(int=moment)), at=now, received_at=now)
        asks.append(Ask(at, wanted, who, now))
    found = []
    for place, one in enumerate(decide_batch(asks, policy=policy)):
        assert isinstance(one, OfferDraft)
        chance = float(competition.chances[moment, place])
        appeal = replace(
            one.appeal, chance=chance, worth_minor=float(competition.values_minor[moment, place]) / chance
        )
        found.append(replace(one, appeal=appeal, score=appeal.score_minor))
    return found

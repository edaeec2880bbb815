"""The marketing policy of a demo district."""

from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.offers import policy_service
from district.offers.policies import DEFAULT

OFFERS_PER_DAY = 6


def load(session: Session, district: DistrictInfo, *, clock: Clock) -> None:
    """Visitors look around for some minutes only: they may be told more, and sooner, than is good for a member."""
    wanted = DEFAULT.changed({"offers_per_day": OFFERS_PER_DAY, "gap_min": 0})
    policy_service.put(session, district.id, wanted, clock=clock)

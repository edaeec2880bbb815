"""How far a campaign is that ends by itself, for its report."""

import uuid

from sqlalchemy.orm import Session

from district.campaigns.models import Campaign, CampaignLook
from district.reports.schemas import EarlyStopOut
from district.reports.words import told
from push import early_stop
from push.campaign_document import parse_rule
from push.early_stop import PROVEN_P, StoppedBy
from push.wording import Language

_NOT_YET = CampaignLook(redemptions=None)


def of_campaign(
    session: Session, district_id: uuid.UUID, row: Campaign, language: Language
) -> EarlyStopOut | None:
    """What its rule asks for and what the last look saw; None when it asks for nothing."""
    wanted = parse_rule(row.rule).stop_when if "stop_when" in row.rule else None
    if wanted is None:
        return None
    seen = session.get(CampaignLook, (district_id, row.id)) or _NOT_YET
    by = None if seen.stopped_by is None else StoppedBy(seen.stopped_by)
    return EarlyStopOut(
        redemptions_wanted=wanted.redemptions,
        new_customers_wanted=wanted.new_customers,
        is_harm_watched=wanted.is_harm_watched,
        opt_out_pct=None if wanted.opt_out_share is None else round(wanted.opt_out_share * 100, 6),
        looked_at=seen.looked_at,
        redemptions=seen.redemptions if seen.looked_at else None,
        new_customers=seen.new_customers,
        opt_outs=seen.opt_outs,
        visits_p=seen.visits_p,
        opt_outs_p=seen.opt_outs_p,
        ends_at_p=PROVEN_P,
        stopped_by=by,
        stopped_text=None if by is None else told(early_stop.words(by, wanted), language),
    )

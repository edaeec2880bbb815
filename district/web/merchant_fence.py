"""What a fence is like before a campaign is saved: how large, how narrow, which shops are in it."""

from dataclasses import dataclass
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.campaigns import fence as fences
from district.districts.service import DistrictInfo
from district.problems import Invalid
from district.stores.schemas import StoreView
from district.web.explained import by_pointer, explained
from district.web.language import Language, Tongue, speaking
from district.web.merchant_form import Builder, CampaignForm
from district.web.merchant_queries import SHOPS_INSIDE_SQL
from geo import geojson
from push.campaign_document import parse_rule
from push.problems import DocumentRefused
from push.wording import Language as Spoken

POSITION_ERROR_M = 8.0
"""How far a Wi-Fi position typically is from where the phone is."""


@dataclass(frozen=True, kw_only=True)
class FenceFacts:
    """A fence in numbers that a merchant can judge."""

    area_m2: float
    width_m: float
    shops: int

    @property
    def is_small(self) -> bool:
        """Narrower than two typical errors: people inside would often be seen outside."""
        return self.width_m < 2 * POSITION_ERROR_M


def judged(
    session: Session, district: DistrictInfo, form: CampaignForm, owned: list[StoreView], language: Language
) -> tuple[FenceFacts | None, str]:
    """The fence's facts, or what is wrong with it."""
    with speaking(Tongue(language=language, zone=district.zone, currency=district.currency)):
        builder = Builder(form=form, district=district, stores=owned)
        within = builder.within()
        if builder.errors or not within:
            return None, next(iter(builder.errors.values()), "")
    rule: dict[str, Any] = {"v": 1, "trigger": {"any": [{"on": "fence.enter"}]}, "where": {"within": within}}
    try:
        area = fences.resolve(session, district, parse_rule(rule), [one.id for one in owned]).area
    except DocumentRefused as refused:
        return None, refused.problems[0].detail.read(Spoken(language.value))[1]
    except Invalid as error:
        return None, next(iter(by_pointer(error, language).values()), explained(error, language))
    in_metres = geojson.in_metres(area, geojson.plane_around(area))
    values = {"district_id": district.id, "area": shapely.to_wkb(area)}
    return (
        FenceFacts(
            area_m2=in_metres.area,
            width_m=4 * in_metres.area / in_metres.length,
            shops=session.execute(text(SHOPS_INSIDE_SQL), values).scalar_one(),
        ),
        "",
    )

"""What a ground is like before a campaign is saved: how large, how narrow, which shops are in it."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import mapping
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.campaigns import fence as fences
from district.districts.service import DistrictInfo
from district.problems import Invalid
from district.web.explained import by_pointer, explained
from district.web.language import Language
from district.web.merchant_queries import SHOPS_INSIDE_SQL
from geo import geojson
from push.campaign_document import parse_rule
from push.problems import DocumentRefused
from push.wording import Language as Spoken

POSITION_ERROR_M = 8.0
"""How far a Wi-Fi position typically is from where the phone is."""


@dataclass(frozen=True, kw_only=True)
class FenceFacts:
    """A ground in numbers that a merchant can judge, and its outline (GeoJSON, WGS-84)."""

    area_m2: float
    width_m: float
    shops: int
    outline: Mapping[str, Any]

    @property
    def is_small(self) -> bool:
        """Narrower than two typical errors: people inside would often be seen outside."""
        return self.width_m < 2 * POSITION_ERROR_M


def judged(
    session: Session,
    district: DistrictInfo,
    where: Mapping[str, Any],
    store_ids: Collection[uuid.UUID],
    language: Language,
) -> tuple[FenceFacts | None, str]:
    """The ground's facts, or what is wrong with it; neither where there is none."""
    ground = {name: part for name, part in where.items() if name != "or_visited"}
    if not {"within", "near_my_stores_m"} & set(ground):
        return None, ""
    rule: dict[str, Any] = {"v": 1, "trigger": {"any": [{"on": "fence.enter"}]}, "where": ground}
    try:
        area = fences.resolve(session, district, parse_rule(rule), store_ids).area
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
            outline=mapping(area),
        ),
        "",
    )

"""Up to three of today's offers on the sign-in page: read twice a minute, not for each shopper."""

import uuid
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy import text

from district.clock import Clock, monotonic
from district.districts.service import DistrictInfo
from district.portal.queries import OFFERS_TODAY_SQL
from district.web.language import Language, negotiate
from push.wording import Language as Spoken
from push.wording import Localised

READ_EVERY_S = 30.0
MAX_WORDS = 60


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a shop offers today."""

    title: str
    shop: str


def offers_today(request: Request, district: DistrictInfo, clock: Clock) -> tuple[Offer, ...]:
    """The newest offers that are not sold out, in the reader's language."""
    language = negotiate(request)
    return tuple(_shown(row, language) for row in _rows(request, district, clock))


def _rows(request: Request, district: DistrictInfo, clock: Clock) -> list[dict[str, Any]]:
    state = request.app.state
    if not hasattr(state, "offers_today"):
        state.offers_today = {}
    kept: dict[uuid.UUID, tuple[float, list[dict[str, Any]]]] = state.offers_today
    read_at_s, rows = kept.get(district.id, (float("-inf"), []))
    if monotonic() - read_at_s < READ_EVERY_S:
        return rows
    values = {"district_id": district.id, "now": clock.now()}
    with state.sessions() as session:
        rows = [dict(row) for row in session.execute(text(OFFERS_TODAY_SQL), values).mappings()]
    kept[district.id] = (monotonic(), rows)
    return rows


def _shown(row: dict[str, Any], language: Language) -> Offer:
    title = row["title"] or {}
    words = Localised(zh=title.get("zh"), en=title.get("en")) if title.get("zh") or title.get("en") else None
    shop = row["name_zh"] if language is Language.ZH and row["name_zh"] else row["name"]
    return Offer(
        title=(words.read(Spoken(language.value))[1] if words else "")[:MAX_WORDS], shop=shop[:MAX_WORDS]
    )

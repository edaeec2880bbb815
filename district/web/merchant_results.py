"""What a merchant's campaigns brought: own acts exact, people that were only observed never below ten."""

import csv
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.districts.service import DistrictInfo
from district.web.formats import SMALLEST_PUBLISHED
from district.web.merchant_queries import DAYS_SQL, REFUSALS_SQL, RESULTS_SQL

PERIOD = timedelta(days=28)
STEPS = ("issued", "delivered", "opened", "redeemed")


@dataclass(frozen=True, kw_only=True)
class CampaignResult:
    """One campaign's way from issued to redeemed."""

    id: uuid.UUID
    name: str
    state: str
    ends_at: datetime | None
    left: int | None
    """What is left of the stock; None when it has no limit."""
    issued: int
    delivered: int
    opened: int
    redeemed: int

    @property
    def redeemed_share(self) -> float | None:
        """Redeemed of issued; None when nothing was issued."""
        return self.redeemed / self.issued if self.issued else None


@dataclass(frozen=True, kw_only=True)
class DayResult:
    """One trading day's offers."""

    day: date
    issued: int
    opened: int
    redeemed: int


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why triggered members got nothing; people is None when they are fewer than ten."""

    reason: str
    people: int | None


@dataclass(frozen=True, kw_only=True)
class Results:
    """A merchant's campaigns, or one of them, over the last four weeks."""

    campaigns: Sequence[CampaignResult]
    days: Sequence[DayResult]
    refusals: Sequence[Refused]

    def total(self, step: str) -> int:
        """The sum of a step over the campaigns."""
        return sum(getattr(one, step) for one in self.campaigns)

    @property
    def most_a_day(self) -> int:
        """The most offers issued on a day, at least one."""
        return max((one.issued for one in self.days), default=1) or 1


def results_of(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    *,
    now: datetime,
    campaign_id: uuid.UUID | None = None,
) -> Results:
    """The merchant's results; of one campaign when it is named."""
    first_day = district.trading_day(now - PERIOD)
    values: dict[str, Any] = {
        "district_id": district.id,
        "merchant_id": principal.merchant_id,
        "campaign_id": campaign_id,
        "since": district.day_starts_at(first_day),
        "first_day": first_day,
        "zone": district.zone.key,
        "day_start": f"{district.day_start.hour}:{district.day_start.minute:02d}",
    }

    def rows(statement: str) -> list[Any]:
        return list(session.execute(text(statement), values).mappings())

    return Results(
        campaigns=[CampaignResult(**row) for row in rows(RESULTS_SQL)],
        days=[DayResult(**row) for row in rows(DAYS_SQL)],
        refusals=[
            Refused(
                reason=row["reason"],
                people=row["people"] if row["people"] >= SMALLEST_PUBLISHED else None,
            )
            for row in rows(REFUSALS_SQL)
        ],
    )


def as_csv(results: Results) -> str:
    """The campaigns' rows as the page shows them. A text that a spreadsheet could run is quoted."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["campaign_id", "campaign", "state", *STEPS])
    for one in results.campaigns:
        name = f"'{one.name}" if one.name.startswith(("=", "+", "-", "@", "\t", "\r")) else one.name
        writer.writerow([one.id, name, one.state, *(getattr(one, step) for step in STEPS)])
    return file.getvalue()

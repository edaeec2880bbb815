"""What one-time codes may cost a district in a day, and to which countries they are sent."""

from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.auth.models import CodePolicy
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.problems import Invalid

MOST_COUNTRIES = 250
_REGIONS: Collection[str] = phonenumbers.SUPPORTED_REGIONS


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A district's own, or the default."""

    countries: tuple[str, ...] = ()
    """ISO 3166, besides the district's own. A district without a country sends to all."""
    sms_cost: int = 5
    """Of one message, in minor units of the district's currency."""
    daily_budget: int = 50_000
    """Minor units that messages may cost in a day of machine time (UTC)."""

    def allows(self, district: DistrictInfo, region: str | None) -> bool:
        """Whether codes go to numbers of a region."""
        return not district.country or region in {district.country, *self.countries}


DEFAULT = Policy()


def of(session: Session, district: DistrictInfo) -> Policy:
    """What holds in a district."""
    row = session.get(CodePolicy, (district.id,))
    if row is None:
        return DEFAULT
    return Policy(countries=tuple(row.countries), sms_cost=row.sms_cost, daily_budget=row.daily_budget)


def put(session: Session, district: DistrictInfo, policy: Policy, *, clock: Clock) -> None:
    """Replace a district's policy. Raises: Invalid for a country that has no telephone numbers."""
    unknown = [country for country in policy.countries if country not in _REGIONS]
    if unknown:
        detail = f"{unknown[0]!r} is not a country code of ISO 3166 such as CN."
        raise Invalid("See errors.", errors=[{"pointer": "/countries", "detail": detail}])
    values = {
        "countries": list(policy.countries),
        "sms_cost": policy.sms_cost,
        "daily_budget": policy.daily_budget,
        "changed_at": clock.machine_now(),
    }
    statement = insert(CodePolicy).values(district_id=district.id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["district_id"], set_=values))


def check_country(district: DistrictInfo, policy: Policy, number: str) -> None:
    """Raises: Invalid for a number (E.164) of a country that the district sends no codes to."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    if not policy.allows(district, region):
        raise Invalid(
            "Codes are not sent to numbers of this country here. Choose another number or way to sign in.",
            detail_zh="这里不向该国家或地区的号码发送验证码，请换一个号码或登录方式。",
        )

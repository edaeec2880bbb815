"""Points that are out: what members hold, when it ends, and what is owed for it."""

import uuid

from sqlalchemy.orm import Session

from district.districts.service import DistrictInfo
from district.points import queries
from district.points.models import PointsRule
from district.points.schemas import EndingMonth, OutstandingOut, RuleBody


def of(session: Session, district: DistrictInfo) -> OutstandingOut:
    """All members together, by the month in which their points end."""
    row = session.get(PointsRule, (district.id,))
    value_minor = RuleBody().value_minor if row is None else row.value_minor
    values = {"district_id": district.id, "zone": district.zone.key}
    rows = session.connection().exec_driver_sql(queries.ENDING_BY_MONTH_SQL, values).all()
    months = [
        EndingMonth(month=month, points=points, worth_minor=points * value_minor) for month, points in rows
    ]
    points, debt = sum(one.points for one in months), debts(session, district.id)
    return OutstandingOut(
        points=points,
        debt=debt,
        value_minor=value_minor,
        owed_minor=(points - debt) * value_minor,
        months=months,
    )


def debts(session: Session, district_id: uuid.UUID) -> int:
    """Points that were taken back after they had been spent, of all members."""
    found = session.connection().exec_driver_sql(queries.DEBTS_SQL, {"district_id": district_id})
    return int(found.scalar_one())

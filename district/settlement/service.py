"""Reading statements: closed ones as they were written, the open one as it stands."""

import csv
import io
import uuid
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.districts.service import DistrictInfo
from district.ledger.models import Account
from district.problems import Invalid, NotFound
from district.settlement import queries
from district.settlement.days import bounds
from district.settlement.models import Party, Statement
from district.settlement.schemas import Acts, BudgetOut, Figures, LineOut, MerchantActs, OpenOut, TotalsOut

MOST_LINES = 200_000
PAGE_OF_LINES = 5_000
MOST_DAYS = 366
ACCOUNTS: Mapping[Party, tuple[Account, ...]] = {
    Party.MERCHANT: (Account.MERCHANT_PAYABLE, Account.MERCHANT_SHARE),
    Party.PROPERTY: (Account.PROPERTY_SHARE,),
    Party.PLATFORM: (Account.PLATFORM_SUBSIDY,),
    Party.SPONSOR: (Account.SPONSOR_SHARE,),
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
COLUMNS = tuple(LineOut.model_fields)


def own_party(caller: Principal) -> tuple[Party, uuid.UUID] | None:
    """The party that a caller is; None for who sees all."""
    if caller.role is Role.OPERATOR:
        return None
    party = Party.PROPERTY if caller.role is Role.PROPERTY else Party.MERCHANT
    scope = caller.scope_id or caller.merchant_id
    if scope is None:
        raise NotFound("No such statement.")
    return party, scope


def seen_by(caller: Principal, district: DistrictInfo) -> Select[Statement]:
    """The statements that a caller may see: its own, or the district's."""
    statement = select(Statement).where(Statement.district_id == district.id)
    party = own_party(caller)
    if party is None:
        return statement
    return statement.where(Statement.party == party[0], Statement.party_id == party[1])


def found(session: Session, caller: Principal, district: DistrictInfo, statement_id: uuid.UUID) -> Statement:
    """Raises: NotFound, for another party's too."""
    row = session.scalar(seen_by(caller, district).where(Statement.id == statement_id))
    if row is None:
        raise NotFound("No such statement.")
    return row


def open_figures(session: Session, caller: Principal, district: DistrictInfo, *, now: datetime) -> OpenOut:
    """What no statement counts yet, up to now, as the day's closing would put it."""
    day = district.trading_day(now)
    party = own_party(caller)
    values = bounds(district, day) | {"until": now + timedelta(microseconds=1)}
    sql = queries.OPEN_SQL
    if party is not None:
        sql = queries.OPEN_OF_PARTY_SQL
        accounts = [account.value for account in ACCOUNTS[party[0]]]
        values |= {"party_id": party[1], "accounts": accounts}
    rows = session.connection().exec_driver_sql(sql, values)
    names = tuple(Figures.model_fields)
    items = [Figures.model_validate(dict(zip(names, row, strict=True))) for row in rows]
    return OpenOut(trading_day=day, currency=district.currency, items=items)


def lines(
    session: Session, row: Statement, *, after: uuid.UUID | None = None, limit: int = PAGE_OF_LINES
) -> list[LineOut]:
    """A page of what a statement was made of, in the order of booking."""
    values = {
        "district_id": row.district_id,
        "day": row.trading_day,
        "party_id": row.party_id,
        "accounts": [account.value for account in ACCOUNTS[Party(row.party)]],
        "after": after,
        "limit": limit,
    }
    return [
        LineOut(
            id=line[0],
            kind=line[1],
            is_correction=line[2],
            at=line[3],
            store_id=line[4],
            campaign_id=line[5],
            amount_minor=line[6] or 0,
            borne_minor=line[7] or 0,
            till=line[8],
            request_no=line[9],
        )
        for line in session.connection().exec_driver_sql(queries.LINES_SQL, values)
    ]


def all_lines(session: Session, row: Statement) -> Iterator[LineOut]:
    """Every line. Raises: Invalid for more than can be read at once."""
    after, count = None, 0
    while page := lines(session, row, after=after):
        count += len(page)
        if count > MOST_LINES:
            raise Invalid(f"The statement has more than {MOST_LINES} lines: read it page by page.")
        yield from page
        after = page[-1].id


def as_csv(session: Session, row: Statement) -> str:
    """Every line as CSV; nothing in it is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in all_lines(session, row):
        told = line.model_dump(mode="json")
        writer.writerow([_cell(told[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int):
        return str(value).lower()
    return f"'{value}" if str(value).startswith(FORMULA_STARTS) else str(value)


def totals(session: Session, district: DistrictInfo, start: date, end: date) -> TotalsOut:
    """The district's acts from ``start`` to before ``end``, beside the sum of its merchants'. Raises: Invalid."""
    if not start < end <= start + timedelta(days=MOST_DAYS):
        raise Invalid(f"Ask for 1 to {MOST_DAYS} trading days: from is before to.")
    values = {
        "district_id": district.id,
        "since": district.day_starts_at(start),
        "until": district.day_starts_at(end),
    }
    connection = session.connection()
    used = connection.exec_driver_sql(queries.DISTRICT_TOTALS_SQL, values).one()
    back = connection.exec_driver_sql(queries.REVERSED_TOTALS_SQL, values).one()
    items = [
        MerchantActs(
            merchant_id=row[0],
            redemptions=row[1],
            redeemed_minor=row[2],
            reversals=row[3],
            reversed_minor=row[4],
        )
        for row in connection.exec_driver_sql(queries.MERCHANT_TOTALS_SQL, values)
    ]
    whole = Acts(redemptions=used[0], redeemed_minor=used[1], reversals=back[0], reversed_minor=back[1])
    summed = Acts(**{name: sum(getattr(item, name) for item in items) for name in Acts.model_fields})
    return TotalsOut(
        start=start,
        end=end,
        currency=district.currency,
        district=whole,
        merchants=summed,
        agrees=whole == summed,
        items=items,
    )


def budget(session: Session, caller: Principal, district: DistrictInfo, campaign_id: uuid.UUID) -> BudgetOut:
    """What a campaign may cost, holds and has cost. Raises: NotFound, for another merchant's too."""
    values = {"district_id": district.id, "campaign_id": campaign_id}
    row = session.connection().exec_driver_sql(queries.BUDGET_SQL, values).one_or_none()
    if row is None or (caller.merchant_id is not None and row[0] != caller.merchant_id):
        raise NotFound("No such campaign.")
    _, total, taken, held, spent = row
    if total is None:
        return BudgetOut(
            total_minor=None,
            reserved_minor=0,
            spent_minor=spent,
            free_minor=None,
            currency=district.currency,
            agrees=True,
        )
    return BudgetOut(
        total_minor=total,
        reserved_minor=taken - spent,
        spent_minor=spent,
        free_minor=total - taken,
        currency=district.currency,
        agrees=taken == held and spent <= taken <= total,
    )

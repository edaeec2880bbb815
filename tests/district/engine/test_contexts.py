"""What the engine knows of a member: of who wants no personal offers, nothing that he did before."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from district.database import new_id
from district.engine import contexts
from district.visits.models import Visit
from push.audience import Audience, Familiarity, VisitScope, matches
from tests.conftest import dsn
from tests.factories import Makers
from tests.push.makers import campaign


@pytest.mark.parametrize("familiarity", ["new", "returning"])
@pytest.mark.parametrize(("is_personalised", "came_before"), [(True, True), (False, True), (False, False)])
async def test_who_wants_no_personal_offers_is_neither_new_nor_returning(
    database_url: str, committed: Makers, familiarity: str, *, is_personalised: bool, came_before: bool
) -> None:
    district = committed.district()
    member = committed.member(district, is_personalised=is_personalised)
    now = committed.clock.now()
    if came_before:
        started_at = now - timedelta(days=3)
        visit = Visit(
            district_id=district.id,
            trading_day=started_at.date(),
            id=new_id(),
            place_kind="district",
            member_id=member.id,
            started_at=started_at,
            ended_at=started_at + timedelta(hours=1),
            fixes=9,
        )
        committed.session.add(visit)
        committed.done()
    made = campaign()
    audience = Audience(familiarity=Familiarity(familiarity), scope=VisitScope.DISTRICT)
    wanted = replace(made, rule=replace(made.rule, audience=audience))
    async with await psycopg.AsyncConnection.connect(dsn(database_url)) as connection:
        known = (await contexts.load(connection, district.id, [member.id], now=now))[member.id]
    is_in = matches(wanted.rule.audience, known.for_campaign(wanted), now=now)
    assert is_in == (is_personalised and familiarity == "returning")

"""What the engine knows of a member: of who wants no personal offers, nothing that he did before."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from district.audiences.contexts import asked_by, load
from district.database import new_id
from district.members.models import Consent
from district.visits.models import Visit
from push.audience import VisitScope, matches, new_to, returning_to
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
    located = Consent(
        district_id=district.id,
        id=new_id(),
        member_id=member.id,
        purpose="location",
        granted=True,
        action="box",
        at=now,
    )
    committed.session.add(located)
    committed.done()
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
    audience = (new_to if familiarity == "new" else returning_to)(VisitScope.DISTRICT)
    wanted = replace(made, rule=replace(made.rule, audience=audience))
    async with await psycopg.AsyncConnection.connect(dsn(database_url)) as connection:
        known = (
            await load(connection, committed.info(district), [member.id], wanted=asked_by(wanted), now=now)
        )[member.id]
    is_in = matches(wanted.rule.audience, known.for_campaign(wanted), now=now)
    assert is_in == (is_personalised and familiarity == "returning")

"""What a sign-in leaves as proof of what was agreed to."""

import pytest

from district.members import ledger
from district.members.models import Consent
from tests.district.portal.ways import Open, Rows


@pytest.mark.parametrize("says", ["1", "0", ""])
async def test_a_consent_holds_the_access_point_the_version_and_what_the_browser_says(
    opened: Open, rows: Rows, says: str
) -> None:
    portal = await opened()
    done = await portal.browser().post(
        portal.address(),
        data={"method": "click", "marketing": "yes"},
        headers={"sec-gpc": says, "user-agent": "Own/1"},
    )
    assert done.status_code == 303
    found = rows(Consent)
    assert {row.purpose for row in found} == {"access", "marketing", "location"}
    for row in found:
        assert (row.access_point_mac, row.portal_version) == ("00180a13ddb0", ledger.PORTAL_VERSION)
        assert (row.sec_gpc, row.agent, row.address) == (says == "1", "Own/1", "127.0.0.1")
    assert ledger.check(sorted(found, key=lambda row: row.id)).faulty == ()

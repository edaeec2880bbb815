"""The demo's Helsinki is real data, loaded through the services that everybody uses."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.demo import helsinki, loading
from district.stores.models import Store
from district.zones.models import MapFeature


def test_helsinki_loads_whole(session: Session, clock: FixedClock) -> None:
    world = helsinki.world()
    loaded = loading.load(session, world, clock=clock)
    district_id = session.scalar(select(Store.district_id).limit(1))
    stores = session.scalar(select(func.count()).select_from(Store).where(Store.district_id == district_id))
    buildings = session.scalar(
        select(func.count()).select_from(MapFeature).where(MapFeature.layer == "buildings")
    )
    rows = session.execute(select(Campaign.state, func.count()).group_by(Campaign.state))
    states = {row[0]: row[1] for row in rows}
    assert stores is not None
    assert stores > 900
    assert buildings is not None
    assert buildings > 400
    assert states == {"live": loading.LIVE_CAMPAIGNS, "in_review": loading.WAITING_CAMPAIGNS}
    assert {user["role"] for user in loaded.users} == {
        "operator",
        "merchant",
        "property",
        "observer",
        "shopper",
    }
    assert {gateway["vendor"] for gateway in loaded.gateways} == {"click", "opennds"}

"""What a worker does again and again, in several districts."""

from district.clock import FixedClock
from district.districts.service import DistrictInfo
from district.roles import RoleContext, connected
from district.settings import Settings
from district.ticks import JOBS, in_each_district
from tests.factories import Makers


async def test_one_districts_trouble_does_not_keep_a_tick_from_the_others(
    settings: Settings, clock: FixedClock, committed: Makers
) -> None:
    wanted = {committed.district().slug for _ in range(3)}
    committed.done()
    done: set[str] = set()

    @in_each_district
    async def work(_context: RoleContext, district: DistrictInfo) -> None:
        done.add(district.slug)
        raise RuntimeError("a district whose rows are not as they should be")

    async with connected(settings, clock, name="test-ticks") as context:
        await work(context)
    assert wanted <= done


def test_each_job_has_a_name_of_its_own() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)

"""A till that is locked because it sent too many unknown codes."""

from district.auth.models import RateCount
from district.districts.models import District
from district.redemptions import guesses, locks
from district.redemptions.lock_schemas import LockKind
from district.stores.models import Till
from tests.factories import Makers


def locked(makers: Makers, district: District, till: Till) -> str:
    """Count as many unknown codes as lock it; the lock's id."""
    subject = locks.Subject(kind=LockKind.TILL, id=till.id)
    count = RateCount(
        district_id=district.id,
        subject=subject.counted,
        period_start=guesses.period_start(makers.clock.machine_now()),
        count=subject.most,
    )
    makers.session.add(count)
    makers.session.flush()
    return subject.lock_id

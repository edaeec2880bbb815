"""Points that are out, and a till, a coupon and a key that are locked."""

from datetime import timedelta

from district.auth.models import ApiKey, RateCount, Role
from district.database import new_id
from district.districts.models import District
from district.members.models import Member
from district.offers.models import Offer
from district.points.models import PointsLot, PointsRule
from district.redemptions import guesses, locks
from district.redemptions.lock_schemas import LockKind
from district.stores.models import Store, Till
from tests.factories import Makers


def points_and_locks(makers: Makers, member: Member, store: Store, used: Offer) -> None:
    """Fill the pages of points and lock-outs."""
    now, district_id = makers.clock.now(), member.district_id
    till = Till(
        district_id=district_id, id=new_id(), store_id=store.id, name=store.name or "", created_at=now
    )
    rule = PointsRule(
        district_id=district_id,
        is_on=True,
        value_minor=1,
        life_days=365,
        per_visit=10,
        visits_per_day=1,
        per_redemption=5,
        minor_units_per_point=100,
        most_per_purchase=1_000,
        most_per_day=5_000,
        merchant_ids=[store.merchant_id] if store.merchant_id else None,
        changed_at=now,
    )
    lots = [
        PointsLot(
            district_id=district_id,
            member_id=member.id,
            remaining=12_345 * (months + 1),
            expires_at=now + timedelta(days=31 * months),
        )
        for months in range(1, 5)
    ]
    key = ApiKey(
        district_id=district_id,
        id=new_id(),
        role=Role.TILL,
        label="Cash desks",
        key_hash=b"k" * 32,
        merchant_id=store.merchant_id,
        created_at=now,
    )
    makers.session.add_all([rule, *lots, key, till])
    _locks(makers, till, used, key)
    makers.done()


def _locks(makers: Makers, till: Till, used: Offer, key: ApiKey) -> None:
    district = makers.session.get_one(District, till.district_id)
    start = guesses.period_start(makers.clock.machine_now())
    kinds = {
        LockKind.TILL: till.id,
        LockKind.KEY: key.id,
        LockKind.COUPON: used.id,
        LockKind.NUMBERS: used.id,
    }
    counted = [locks.Subject(kind=kind, id=id_) for kind, id_ in kinds.items()]
    who = makers.account(district, Role.OPERATOR)
    for subject, place in [(one.counted, start) for one in counted] + [
        (f"{locks.LIFTED}{who.id}:{counted[0].counted}", start - timedelta(minutes=30))
    ]:
        makers.session.add(RateCount(district_id=district.id, subject=subject, period_start=place, count=23))

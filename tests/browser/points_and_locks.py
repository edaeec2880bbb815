"""Points that are out, a till, a coupon and a key that are locked, and a fitted model of who redeems."""

import uuid
from datetime import timedelta

from district.auth.models import ApiKey, RateCount, Role
from district.database import new_id
from district.districts.models import District
from district.members.models import Member
from district.offers.arbitration_models import RedeemModel as Row
from district.offers.models import Offer
from district.points.models import PointsLot, PointsRule
from district.redemptions import guesses, locks
from district.redemptions.lock_schemas import LockKind
from district.stores.models import Store, Till
from push.redeem_model import FEATURES, Line, Past, RedeemModel
from tests.factories import Makers


def points_and_locks(makers: Makers, member: Member, store: Store, used: Offer) -> None:
    """Fill the pages of points, of lock-outs and of the model."""
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
    makers.session.add(_model(makers, district_id))
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


def _model(makers: Makers, district_id: uuid.UUID) -> Row:
    count, now = len(FEATURES), makers.clock.now()
    weights = tuple((place - count // 2) / 4 for place in range(count))
    model = RedeemModel(
        version=1,
        past={"percent:normal": Past(issued=5_000, redeemed=600)},
        line=Line(base=-2.0, means=(0.5,) * count, weights=weights),
    )
    bins = [
        {"believed": one / 20, "offers": 200, "redeemed": one / 19, "low": one / 25, "high": one / 15}
        for one in range(1, 6)
    ]
    told = {"offers": 1_000, "brier": 0.0912, "brier_prior": 0.1034, "calibration_p": 0.42, "bins": bins}
    return Row(
        district_id=district_id,
        version=1,
        fitted_at=now,
        until=now,
        rows=5_000,
        redeemed=600,
        document=model.document(),
        reliability=told,
        is_linear=True,
    )

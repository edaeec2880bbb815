"""Reading and changing a district's marketing policy, and reading the model of who redeems."""

import uuid
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.offers.arbitration_models import Exposure, MarketingPolicy, RedeemModel
from district.offers.models import Offer
from district.offers.policies import DEFAULT, Policy
from district.problems import Conflict, NotFound


def read(session: Session, district_id: uuid.UUID) -> Policy:
    """What holds in a district."""
    row = session.get(MarketingPolicy, (district_id,))
    if row is None:
        return DEFAULT
    columns = {name: getattr(row, name) for name in DEFAULT.values()}
    return Policy(**columns, version=row.version)


def change(
    session: Session, district: DistrictInfo, changes: dict[str, int | None], *, version: int, clock: Clock
) -> Policy:
    """Change what is named; engines and workers follow within seconds. Raises: Conflict when it was changed meanwhile."""
    session.execute(
        insert(MarketingPolicy)
        .values(district_id=district.id, version=0, changed_at=clock.now(), **DEFAULT.values())
        .on_conflict_do_nothing()
    )
    row = session.scalars(
        select(MarketingPolicy).where(MarketingPolicy.district_id == district.id).with_for_update()
    ).one()
    if row.version != version:
        raise Conflict(f"The policy is at version {row.version} by now: read it again, then change that.")
    for name, value in changes.items():
        setattr(row, name, value)
    row.version += 1
    row.changed_at = clock.now()
    session.flush()
    return read(session, district.id)


def put(session: Session, district_id: uuid.UUID, policy: Policy, *, clock: Clock) -> Policy:
    """Set a district's whole policy, whatever it was."""
    now = replace(policy, version=policy.version + 1)
    values = {**now.values(), "version": now.version, "changed_at": clock.now()}
    statement = insert(MarketingPolicy).values(district_id=district_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["district_id"], set_=values))
    return now


def newest_model(session: Session, district_id: uuid.UUID) -> RedeemModel | None:
    """The model that decisions use; None while none was fitted, and the prior alone speaks."""
    return session.scalars(
        select(RedeemModel)
        .where(RedeemModel.district_id == district_id)
        .order_by(RedeemModel.version.desc())
        .limit(1)
    ).first()


def exposure_of(session: Session, district_id: uuid.UUID, offer_id: uuid.UUID) -> Exposure:
    """What an offer was chosen by. Raises: NotFound, also for one that was claimed, not chosen."""
    key = select(Offer.campaign_id, Offer.member_id, Offer.occurrence_key).where(
        Offer.district_id == district_id, Offer.id == offer_id
    )
    row = session.execute(key).first()
    found = session.get(Exposure, (district_id, *row)) if row else None
    if found is None:
        raise NotFound("No such offer, or it was claimed: then nothing was chosen.")
    return found


def model_at(session: Session, district_id: uuid.UUID, version: int) -> RedeemModel | None:
    """A model by its version; None when it was the prior, or is forgotten."""
    return session.get(RedeemModel, (district_id, version))

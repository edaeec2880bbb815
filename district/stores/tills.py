"""Tills and keys: where offers are redeemed, and what lets a program in."""

import uuid

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from district.auth import service as auth
from district.auth.models import ApiKey, Role
from district.auth.service import Principal
from district.clock import Clock
from district.database import new_id
from district.districts import paging
from district.districts.service import DistrictInfo
from district.problems import Invalid, NotAllowed, NotFound
from district.stores import service
from district.stores.models import Store, Till
from district.stores.queries import FEED_EXISTS_SQL
from district.stores.schemas import NewKey, NewTill, TillChange

KEY_ROLES = (Role.FEED, Role.TILL, Role.RADIUS)


def seen_by(caller: Principal, district: DistrictInfo) -> Select[Till]:
    """The tills that a caller may see."""
    statement = select(Till).where(Till.district_id == district.id)
    if caller.merchant_id is None:
        return statement
    own = select(Store.id).where(Store.district_id == district.id, Store.merchant_id == caller.merchant_id)
    return statement.where(Till.store_id.in_(own))


def found(session: Session, caller: Principal, district: DistrictInfo, till_id: uuid.UUID) -> Till:
    """Raises: NotFound, for another merchant's till too."""
    row = session.scalar(seen_by(caller, district).where(Till.id == till_id))
    if row is None:
        raise NotFound("No such till.")
    return row


def create(
    session: Session, caller: Principal, district: DistrictInfo, new: NewTill, *, clock: Clock
) -> Till:
    """Make a till in a store of the caller's. Raises: NotFound."""
    store = service.found(session, caller, district, new.store_id)
    row = Till(
        district_id=district.id,
        id=new_id(),
        store_id=store.id,
        name=new.name,
        floor=new.floor,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def change(session: Session, row: Till, wanted: TillChange) -> Till:
    """Rename a till or move it to another floor."""
    if wanted.name is not None:
        row.name = wanted.name
    if "floor" in wanted.model_fields_set:
        row.floor = wanted.floor
    session.flush()
    return row


def delete(session: Session, district: DistrictInfo, row: Till, *, clock: Clock) -> None:
    """Delete a till; its keys end with it."""
    keys = select(ApiKey).where(
        ApiKey.district_id == district.id, ApiKey.scope_id == row.id, ApiKey.revoked_at.is_(None)
    )
    for key in session.scalars(keys):
        auth.revoke_key(session, district.id, key.id, clock=clock, merchant_id=None)
    paging.delete(session, row, "till")


def keys_seen_by(caller: Principal, district: DistrictInfo) -> Select[ApiKey]:
    """The keys that a caller may see: a merchant those that it made."""
    statement = select(ApiKey).where(ApiKey.district_id == district.id)
    return (
        statement if caller.merchant_id is None else statement.where(ApiKey.merchant_id == caller.merchant_id)
    )


def create_key(
    session: Session, caller: Principal, district: DistrictInfo, new: NewKey, *, clock: Clock
) -> tuple[ApiKey, str]:
    """Make a key for a till, a feed or RADIUS; the second value is shown once.

    Raises: NotAllowed, NotFound, Invalid.
    """
    if new.role not in KEY_ROLES:
        raise Invalid(f"Keys are for the roles {', '.join(KEY_ROLES)}; {new.role} logs in.")
    if caller.merchant_id is not None and new.role is not Role.TILL:
        raise NotAllowed("A merchant makes keys of its own tills only.")
    _check_scope(session, caller, district, new)
    return auth.create_key(
        session,
        role=new.role,
        district_id=district.id,
        district_slug=district.slug,
        label=new.label,
        scope_id=new.scope_id,
        merchant_id=caller.merchant_id,
        clock=clock,
    )


def _check_scope(session: Session, caller: Principal, district: DistrictInfo, new: NewKey) -> None:
    if new.role is Role.RADIUS:
        return
    if new.scope_id is None:
        raise Invalid(
            "See errors.", errors=[{"pointer": "/body/scope_id", "detail": f"Give the id of the {new.role}."}]
        )
    if new.role is Role.TILL:
        found(session, caller, district, new.scope_id)
    elif not session.scalar(text(FEED_EXISTS_SQL), {"district_id": district.id, "id": new.scope_id}):
        raise NotFound("No such feed.")

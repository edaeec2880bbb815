"""A property's consent that somebody's campaigns reach into its building: given, taken back, and what that stops."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import life, owners, territory
from district.campaigns.models import Campaign
from district.campaigns.service import CHANNEL
from district.campaigns.shared_models import TerritoryConsent
from district.clock import Clock
from district.database import new_id, notify
from district.merchants.models import Merchant
from district.problems import Conflict, Invalid, NotFound
from district.stores.models import Property
from push.campaign_life import CampaignAction, CampaignState
from push.wording import clean

STOPPED = frozenset(
    {CampaignState.APPROVED, CampaignState.SCHEDULED, CampaignState.LIVE, CampaignState.EXHAUSTED}
)


class Grantee(StrEnum):
    """Whose campaigns may reach in."""

    MERCHANT = "merchant"
    PROPERTY = "property"
    OPERATOR = "operator"
    ANYONE = "anyone"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewConsent(_Closed):
    """Whose campaigns may reach into the property's building."""

    kind: Grantee
    id: uuid.UUID | None = Field(
        default=None, description="The merchant or property; for the others left out"
    )
    note: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _id_where_it_is_needed(self) -> Self:
        needs = self.kind in {Grantee.MERCHANT, Grantee.PROPERTY}
        if needs is (self.id is None):
            raise ValueError("merchant and property need an id, operator and anyone take none")
        return self


class Withdrawal(_Closed):
    """Why a consent is taken back; whoever relied on it reads this."""

    reason: str = Field(default="", max_length=500)


class ConsentOut(BaseModel):
    """A consent as it stands."""

    id: uuid.UUID
    property_id: uuid.UUID
    kind: Grantee
    grantee_id: uuid.UUID | None
    grantee: str
    note: str
    granted_at: datetime
    granted_role: str
    withdrawn_at: datetime | None
    withdrawn_role: str | None
    withdraw_reason: str


class WithdrawnOut(BaseModel):
    """A consent that was taken back, and the campaigns that this paused."""

    consent: ConsentOut
    paused: list[uuid.UUID]


def of_property(session: Session, principal: Principal, property_id: uuid.UUID) -> Property:
    """A property that the caller speaks for: its own, or any for the operator. Raises: NotFound."""
    row = session.get(Property, (principal.district_id, property_id))
    is_own = principal.role is Role.OPERATOR or principal.scope_id == property_id
    if row is None or not is_own:
        raise NotFound("No such property.")
    return row


def grant(
    session: Session, principal: Principal, place: Property, new: NewConsent, *, clock: Clock
) -> ConsentOut:
    """Consent; who has it already keeps it. Raises: Invalid for somebody who does not exist."""
    grantee_id = place.district_id if new.id is None else new.id
    _check_known(session, place, new)
    values = {
        "district_id": place.district_id,
        "id": new_id(),
        "property_id": place.id,
        "grantee_kind": new.kind,
        "grantee_id": grantee_id,
        "note": clean(new.note),
        "granted_at": clock.now(),
        "granted_role": principal.role,
        "granted_by": principal.subject_id,
    }
    session.execute(insert(TerritoryConsent).values(values).on_conflict_do_nothing())
    standing = select(TerritoryConsent).where(
        TerritoryConsent.district_id == place.district_id,
        TerritoryConsent.property_id == place.id,
        TerritoryConsent.grantee_kind == new.kind,
        TerritoryConsent.grantee_id == grantee_id,
        TerritoryConsent.withdrawn_at.is_(None),
    )
    return shown(session, [session.scalars(standing).one()])[0]


def _check_known(session: Session, place: Property, new: NewConsent) -> None:
    table: type[Merchant] | type[Property] = Merchant if new.kind is Grantee.MERCHANT else Property
    is_known = new.id is None or session.get(table, (place.district_id, new.id)) is not None
    if not is_known or new.id == place.id:
        detail, detail_zh = f"No such {new.kind}.", "没有这个对象。"
        raise Invalid("See errors.", errors=[{"pointer": "/id", "detail": detail, "detail_zh": detail_zh}])


def of(session: Session, place: Property) -> list[ConsentOut]:
    """Every consent of a property, those that stand first, the newest first."""
    rows = session.scalars(
        select(TerritoryConsent)
        .where(TerritoryConsent.district_id == place.district_id, TerritoryConsent.property_id == place.id)
        .order_by(TerritoryConsent.withdrawn_at.is_not(None), TerritoryConsent.id.desc())
        .limit(500)
    )
    return shown(session, list(rows))


def withdraw(
    session: Session,
    principal: Principal,
    place: Property,
    consent_id: uuid.UUID,
    wanted: Withdrawal,
    *,
    clock: Clock,
) -> WithdrawnOut:
    """Take a consent back, and pause whatever relied on it. Raises: NotFound, Conflict when it was before."""
    row = session.get(TerritoryConsent, (place.district_id, consent_id), with_for_update=True)
    if row is None or row.property_id != place.id:
        raise NotFound("No such consent.")
    if row.withdrawn_at is not None:
        raise Conflict("This consent was taken back already.")
    row.withdrawn_at, row.withdrawn_role = clock.now(), principal.role
    row.withdrawn_by, row.withdraw_reason = principal.subject_id, clean(wanted.reason)
    session.flush()
    paused = _pause_reliant(session, principal, place, row.withdraw_reason, clock=clock)
    return WithdrawnOut(consent=shown(session, [row])[0], paused=paused)


def _pause_reliant(
    session: Session, principal: Principal, place: Property, reason: str, *, clock: Clock
) -> list[uuid.UUID]:
    """Pause every campaign that reaches in and has no consent any more; their ids."""
    candidates = session.scalars(
        select(Campaign)
        .where(
            Campaign.district_id == place.district_id,
            Campaign.state.in_(STOPPED),
            func.ST_Intersects(Campaign.fence, place.outline),
        )
        .order_by(Campaign.id)
        .with_for_update(key_share=True, of=Campaign)
    ).all()
    paused = []
    for row in candidates:
        owner = owners.of_row(row)
        missing = territory.lacking(session, row.district_id, owner, row.fence, campaign_id=row.id)
        if place.id not in {one.id for one in missing}:
            continue
        life.step(session, row, principal, CampaignAction.PAUSE, words=_why(place, reason), clock=clock)
        row.version, row.changed_at = row.version + 1, clock.now()
        paused.append(row.id)
    session.flush()
    if paused:
        notify(session, CHANNEL, str(place.district_id))
    return paused


def _why(place: Property, reason: str) -> dict[str, str]:
    en = f"{place.name} took back its consent to campaigns in its building."
    zh = f"{place.name_zh or place.name}已撤回其场内营销的同意。"
    return {"en": f"{en} {reason}".strip(), "zh": f"{zh}{reason}"}


def shown(session: Session, rows: list[TerritoryConsent]) -> list[ConsentOut]:
    """Consents with the names of those who have them."""
    ids = {row.grantee_id for row in rows}
    names: dict[uuid.UUID, str] = {}
    for table in (Merchant, Property):
        found = select(table.id, table.name).where(
            table.district_id.in_({row.district_id for row in rows}), table.id.in_(ids)
        )
        names |= {id_: name for id_, name in session.execute(found)}  # noqa: C416 rows are no pairs to dict()
    return [_shown(row, names) for row in rows]


def _shown(row: TerritoryConsent, names: dict[uuid.UUID, str]) -> ConsentOut:
    is_named = row.grantee_id != row.district_id
    return ConsentOut(
        id=row.id,
        property_id=row.property_id,
        kind=Grantee(row.grantee_kind),
        grantee_id=row.grantee_id if is_named else None,
        grantee=names.get(row.grantee_id, ""),
        note=row.note,
        granted_at=row.granted_at,
        granted_role=row.granted_role,
        withdrawn_at=row.withdrawn_at,
        withdrawn_role=row.withdrawn_role,
        withdraw_reason=row.withdraw_reason,
    )

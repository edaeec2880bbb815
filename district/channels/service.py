"""Providers of a district and the order of its channels, as operators keep them."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.channels.kinds import KINDS
from district.channels.kinds.kind import DnsRecord, Kind
from district.channels.models import ChannelPolicy, ChannelProvider
from district.channels.schemas import ChannelOrder, NewProvider, ProviderChange
from district.channels.standing import chosen_order
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid, NotFound, Unavailable
from district.sealing import SealBroken, seal, unseal
from push.consent import RINGING, Channel

MOST_PROVIDERS = 50


def about(provider_id: uuid.UUID) -> str:
    """What a provider's credentials are sealed about."""
    return f"provider:{provider_id}"


def find(session: Session, district_id: uuid.UUID, slug: str) -> ChannelProvider:
    """Raises: NotFound."""
    wanted = select(ChannelProvider).where(
        ChannelProvider.district_id == district_id, ChannelProvider.slug == slug
    )
    row = session.scalar(wanted)
    if row is None:
        raise NotFound(f"No provider {slug!r}.")
    return row


def make(
    session: Session, district: DistrictInfo, new: NewProvider, *, secret: str, clock: Clock
) -> ChannelProvider:
    """Make a provider. Raises: Invalid with the fields that are wrong; Conflict when its slug is taken, or there are
    too many; Unavailable without an installation secret.
    """
    kind = KINDS.get(new.kind)
    if kind is None:
        raise _invalid("/kind", f"One of: {', '.join(sorted(KINDS))}.")
    options, secrets = _checked(kind, new.options, new.secrets)
    _check_room(session, district.id, new.slug)
    id_ = new_id()
    values = new.model_dump(
        include={"slug", "kind", "name", "weight", "in_flight", "per_s", "cost_micro", "is_on"}
    )
    row = ChannelProvider(
        district_id=district.id,
        id=id_,
        channel=kind.channel,
        options=options,
        sealed=_sealed(secret, id_, secrets),
        created_at=clock.now(),
        changed_at=clock.now(),
        **values,
    )
    session.add(row)
    session.flush()
    return row


def change(
    session: Session, row: ChannelProvider, changed: ProviderChange, *, secret: str, clock: Clock
) -> ChannelProvider:
    """Change a provider; workers have it within seconds. Raises: Invalid, Unavailable."""
    kind = KINDS[row.kind]
    given = changed.model_dump(exclude_unset=True)
    if changed.options is not None:
        row.options = _validated(kind.options, changed.options, "/options")
    if changed.secrets is not None:
        before = secrets_of(row, secret)
        made = {name: before[name] for name in kind.made if name in before}
        secrets = _validated(kind.secrets, {**made, **changed.secrets}, "/secrets")
        row.sealed = _sealed(secret, row.id, secrets)
    for name in ("name", "weight", "in_flight", "per_s", "cost_micro", "is_on"):
        if name in given and (given[name] is not None or name == "per_s"):
            setattr(row, name, given[name])
    row.paused_until, row.pause_reason = None, ""
    row.changed_at = clock.now()
    session.flush()
    return row


def secrets_of(row: ChannelProvider, secret: str) -> dict[str, Any]:
    """What is sealed of a provider; nothing where that cannot be opened any more."""
    try:
        opened: dict[str, Any] = json.loads(unseal(secret, bytes(row.sealed), about=about(row.id)))
    except SealBroken:
        return {}
    return opened


def records_of(row: ChannelProvider, secret: str) -> Sequence[DnsRecord]:
    """What the DNS must know so that a provider's messages are believed; nothing for most kinds. Raises: Unavailable."""
    kind = KINDS.get(row.kind)
    if kind is None or kind.records is None:
        return ()
    opened = secrets_of(row, secret)
    try:
        if not opened:
            raise Unavailable("The provider's credentials cannot be opened: enter them anew.")
        options = kind.options.model_validate(row.options)
        return kind.records(options, kind.secrets.model_validate(opened))
    except ValidationError as error:
        raise Unavailable("The provider's settings no longer hold: enter them anew.") from error


def order_of(session: Session, district: DistrictInfo) -> ChannelOrder:
    """The order that holds: the district's own, else that of its country."""
    row = session.get(ChannelPolicy, district.id)
    chosen = chosen_order(row.channel_order if row else None, district.country)
    return ChannelOrder(order=None if chosen is None else list(chosen))


def set_order(
    session: Session, district: DistrictInfo, wanted: ChannelOrder, *, clock: Clock
) -> ChannelOrder:
    """Set the order, or with null leave it to cost and success. Raises: Invalid."""
    row = session.get(ChannelPolicy, district.id)
    if wanted.order is None:
        if row is not None:
            session.delete(row)
        session.flush()
        return order_of(session, district)
    strange = [one for one in wanted.order if one not in RINGING or one is Channel.WEBHOOK]
    if strange or len(set(wanted.order)) < len(wanted.order):
        raise _invalid(
            "/order", "Name channels that ring members, each once; the inbox and webhooks have no place."
        )
    named = [one.value for one in wanted.order]
    session.merge(ChannelPolicy(district_id=district.id, channel_order=named, changed_at=clock.now()))
    session.flush()
    return wanted


def _check_room(session: Session, district_id: uuid.UUID, slug: str) -> None:
    here = ChannelProvider.district_id == district_id
    if session.scalar(select(ChannelProvider.id).where(here, ChannelProvider.slug == slug)) is not None:
        raise Conflict(f"There is a provider {slug!r} already.")
    if (session.scalar(select(func.count()).where(here)) or 0) >= MOST_PROVIDERS:
        raise Conflict(f"A district has at most {MOST_PROVIDERS} providers; remove one first.")


def _checked(
    kind: Kind, options: Mapping[str, Any], secrets: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    return _validated(kind.options, options, "/options"), _validated(kind.secrets, secrets, "/secrets")


def _validated(model: type[BaseModel], document: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    """The document in the model's own form. Raises: Invalid, each field by its pointer; no value is repeated."""
    try:
        return model.model_validate(document).model_dump(mode="json")
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        entries = [
            {"pointer": "/".join((pointer, *(str(part) for part in one["loc"]))), "detail": one["msg"]}
            for one in found[:20]
        ]
        raise Invalid("See errors.", errors=entries) from None


def _sealed(secret: str, provider_id: uuid.UUID, secrets: Mapping[str, Any]) -> bytes:
    if not secret:
        raise Unavailable("This installation has no secret to seal credentials with: set DISTRICT_SECRET.")
    return seal(secret, json.dumps(secrets).encode(), about=about(provider_id))


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid("See errors.", errors=[{"pointer": pointer, "detail": detail}])

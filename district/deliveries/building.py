"""From a provider's row to what its kind builds of."""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from district import clock as clocks
from district.channels.kinds import KINDS
from district.channels.kinds.kind import Building, Reply
from district.channels.service import about
from district.clock import Clock
from district.districts.service import DistrictInfo
from district.sealing import unseal
from district.settings import Settings
from push.channels.filed_texts import FiledText
from push.channels.outbound import Outbound


class ProviderRow(Protocol):
    """What of a provider's row its sender is made of."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def slug(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def sealed(self) -> bytes: ...


def building_of(
    settings: Settings,
    district: DistrictInfo,
    row: ProviderRow,
    *,
    clock: Clock,
    outbound: Outbound,
    tell: Callable[[Reply], Awaitable[None]] | None = None,
    texts: Sequence[FiledText] = (),
) -> Building:
    """What a provider's row means; ``tell`` keeps what it tells over a connection, texts are on file there.

    Raises: SealBroken, pydantic.ValidationError.
    """
    kind = KINDS[row.kind]
    secret = settings.secret.get_secret_value() if settings.secret else ""
    opened = unseal(secret, bytes(row.sealed), about=about(row.id))
    building = Building(
        provider_id=str(row.id),
        district_slug=district.slug,
        district_name=district.name,
        options=kind.options.model_validate(dict(row.options)),
        secrets=kind.secrets.model_validate(json.loads(opened)),
        outbound=outbound,
        origin=(settings.public_url or "").rstrip("/"),
        now=clock.machine_now,
        monotonic=clocks.monotonic,
        business_now=clock.now,
        provider_slug=row.slug,
        texts=texts,
    )
    return building if tell is None else replace(building, tell=tell)

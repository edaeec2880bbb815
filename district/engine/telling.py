"""What pages hear of a district while it happens: counts, positions, and the ticker. Nothing is kept, nobody is named."""

from datetime import datetime
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client

from district import events
from district.districts.service import DistrictInfo
from district.engine.core import Core
from district.offers.issuing import Batch, IssuedOffer
from push.decision import Refusal

MAX_POSITIONS = 400
log = structlog.get_logger()


class Telling:
    """Plain messages of one district; who does not listen misses them."""

    def __init__(self, client: Client, district: DistrictInfo) -> None:
        self._client = client
        self._district = district

    async def present(self, core: Core, at: datetime) -> None:
        """Topic ``counts``: {at, devices, members, zones: {id: {devices, members}}}; topic ``positions``: {at, positions:
        [[lon, lat]]}, a sample. Not suppressed: whoever shows them to people does that."""
        counts = core.counts()
        zones = {
            str(zone): {"devices": devices, "members": members}
            for zone, (devices, members) in counts.zones.items()
        }
        head: dict[str, Any] = {"at": at.isoformat()}
        await self._send(
            "counts", head | {"devices": counts.devices, "members": counts.members, "zones": zones}
        )
        await self._send("positions", head | {"positions": core.positions(MAX_POSITIONS)})

    async def outcome(self, batch: Batch, at: datetime) -> None:
        """Topic ``ticker``: what was issued and refused, by campaign; never to whom."""
        try:
            for offer in batch.issued:
                await self._send("ticker", _of_offer(offer) | {"at": at.isoformat()})
            for refused in batch.refused:
                await self._send("ticker", _of_refusal(refused) | {"at": at.isoformat()})
        except (nats.errors.Error, OSError) as error:
            log.warning("engine.ticker_lost", district=self._district.slug, error=type(error).__name__)

    async def _send(self, topic: str, value: dict[str, Any]) -> None:
        await events.tell(self._client, events.live_subject(self._district.id, topic), value)


def _of_offer(offer: IssuedOffer) -> dict[str, Any]:
    draft = offer.draft
    place = draft.position
    return {
        "kind": "offer",
        "campaign_id": str(draft.campaign_id),
        "store_id": str(draft.store_ids[0]) if draft.store_ids else None,
        "title": dict(offer.told.title),
        "lon": round(place.lon, 4) if place else None,
        "lat": round(place.lat, 4) if place else None,
    }


def _of_refusal(refused: Refusal) -> dict[str, Any]:
    return {"kind": "refusal", "campaign_id": str(refused.campaign_id), "reason": refused.reason.value}

"""A browser that comes back to a sign-in which it began here: as if it stood on the gateway's own page again."""

from datetime import datetime

from fastapi import Request

from district.clock import Clock
from district.gateways.models import Gateway


class LeftAt(Clock):
    """Machine time of when the browser left, by which the gateway's redirect is judged; business time of now."""

    def __init__(self, clock: Clock, left_at: datetime) -> None:
        self._clock, self._left_at = clock, left_at

    def now(self) -> datetime:
        """Business time."""
        return self._clock.now()

    def machine_now(self) -> datetime:
        """When the browser left."""
        return self._left_at


def as_before(request: Request, gateway: Gateway, redirect_query: str) -> Request:
    """The request as if it came to the sign-in page itself, with the gateway's own redirect and language."""
    path = f"/portal/{gateway.slug}"
    query = redirect_query.encode("latin-1")
    return Request(
        {**request.scope, "path": path, "raw_path": path.encode(), "query_string": query}, request.receive
    )

"""Where an engine has been in the stream, and whether the stream of now is still the same one.

A server that loses power may forget the end of the stream, and fills the same sequences with other messages afterwards. Who went on
at his own sequence then would pass over the new ones in silence.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from district.events import SIGHTINGS_STREAM

EVERY_MS = 4_000
KEPT = 60
"""Four minutes: a server writes through to the disk at least every two."""
SAME_WITHIN_MS = 1
"""The server tells a message's time in two ways that are rounded differently."""


class Place(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A message by its sequence, and by when the server has stored it: no other one had both."""

    sequence: int
    stored_ms: int


NOWHERE = Place(sequence=0, stored_ms=0)


class Trail:
    """The places of the last minutes, one every few seconds, and the newest."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._kept: deque[Place] = deque(maxlen=KEPT)
        self._newest = NOWHERE
        for place in sorted(places):
            self.note(place)

    def note(self, place: Place) -> None:
        """We have come here."""
        if not self._kept or place.stored_ms >= self._kept[-1].stored_ms + EVERY_MS:
            self._kept.append(place)
        self._newest = place

    def places(self) -> tuple[Place, ...]:
        """The newest first."""
        found = tuple(reversed(self._kept))
        return found if not found or found[0] == self._newest else (self._newest, *found)


async def last_common(stream: JetStreamContext, places: Sequence[Place]) -> Place:
    """The first of these places, newest first, up to which the stream is as it was; NOWHERE when it is another one.

    Raises: nats.errors.Error.
    """
    state = (await stream.stream_info(SIGHTINGS_STREAM)).state
    for place in places:
        if not place.sequence:
            break
        if place.sequence < state.first_seq:
            return place  # what is there now came later, or the stream has aged past it
        if place.sequence <= state.last_seq and await _is_there(stream, place):
            return place
    return NOWHERE


async def _is_there(stream: JetStreamContext, place: Place) -> bool:
    try:
        message = await stream.get_msg(SIGHTINGS_STREAM, place.sequence)
    except NotFoundError:
        return False
    if message.time is None:
        return False
    return abs(int(message.time.timestamp() * 1000) - place.stored_ms) <= SAME_WITHIN_MS

"""Where an openNDS gateway polls: at the address of its own sign-in page, for it knows no other.

Version 9 posts a form, version 10 asks with a query. The sign-in page's routes depend on ``Polled`` and return its
answer when there is one.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import PlainTextResponse

from district.clock import ClockDep
from district.districts.service import RegistryDep
from district.gateways import authmon, redirect_events, service
from district.gateways.authmon import Action, Poll
from district.problems import Invalid

MAX_PAYLOAD = 8 * 1024
MAX_FIELDS = 200
_HASH = re.compile(r"[0-9a-f]{64}\Z")


async def asked(request: Request) -> Mapping[str, str]:
    """The fields of the form, or of the query, as far as they are text."""
    if request.method == "GET":
        return request.query_params
    form = await request.form(max_fields=MAX_FIELDS)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def polled(
    gateway: str,
    request: Request,
    said: Annotated[Mapping[str, str], Depends(asked)],
    registry: RegistryDep,
    clock: ClockDep,
) -> PlainTextResponse | None:
    """The answer to a poll; None for a browser. Raises: NotFound, Invalid."""
    if "auth_get" not in said:
        return None
    poll = _poll(said)
    with request.app.state.sessions.begin() as session:
        district, row = service.find(session, registry, gateway)
        if row.vendor != "opennds":
            raise Invalid("This gateway is not registered as openNDS.")
        text = authmon.answer(session, district, row, poll, clock=clock)
        redirect_events.note_poll(session, row, clock=clock)
    return PlainTextResponse(text, headers={"Cache-Control": "no-store"})


def _poll(said: Mapping[str, str]) -> Poll:
    action, router, payload = said["auth_get"], said.get("gatewayhash", ""), said.get("payload", "")
    if action not in list(Action):
        raise Invalid(f"auth_get is one of {', '.join(Action)}.")
    if not _HASH.match(router):
        raise Invalid("gatewayhash is the SHA-256 of the gateway's name: 64 hex digits.")
    if len(payload) > MAX_PAYLOAD:
        raise Invalid(f"The payload is longer than {MAX_PAYLOAD} characters.")
    return Poll(action=Action(action), router=router, payload=authmon.payload_of(payload))


Polled = Annotated[PlainTextResponse | None, Depends(polled)]

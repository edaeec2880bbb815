"""Where an openNDS gateway polls: at the address of its own sign-in page, for it knows no other.

Version 9 posts a form, version 10 asks with a query. The sign-in page's routes depend on ``Polled`` and return its
answer when there is one.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import PlainTextResponse

from district.auth import limits
from district.auth.limits import Limit
from district.clock import Clock, ClockDep
from district.districts.service import Registry, RegistryDep
from district.gateways import authmon, redirect_events, service
from district.gateways.authmon import Action, Poll
from district.gateways.vendors.opennds import is_poller
from district.members import alarms
from district.members.alarms import AlarmKind
from district.problems import Invalid, NotAllowed
from district.proxies import address_of, network_of

MAX_PAYLOAD = 8 * 1024
MAX_FIELDS = 200
PER_ADDRESS_MINUTE = 600
"""Twelve a minute and gateway, so fifty gateways behind one address."""
FOREIGN_PER_ADDRESS_MINUTE = 10
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
    _admit(gateway, request, registry, clock)
    with request.app.state.sessions.begin() as session:
        district, row = service.find(session, registry, gateway)
        text = authmon.answer(session, district, row, poll, clock=clock)
        redirect_events.note_poll(session, row, clock=clock)
    return PlainTextResponse(text, headers={"Cache-Control": "no-store"})


def _admit(gateway: str, request: Request, registry: Registry, clock: Clock) -> None:
    """Counted for good, whatever becomes of the poll.

    Raises: NotFound, Invalid, TooMany; NotAllowed for an address that is not on the gateway's list.
    """
    address = address_of(request)
    with request.app.state.sessions.begin() as session:
        district, row = service.find(session, registry, gateway)
        if row.vendor != "opennds":
            raise Invalid("This gateway is not registered as openNDS.")
        is_known = is_poller(service.info_of(row), address)
        if not is_known:
            alarms.sound(
                session,
                district.id,
                kind=AlarmKind.FOREIGN_POLLER,
                subject=row.slug,
                detail={"gateway": row.slug, "address": address},
                at=clock.now(),
            )
    with request.app.state.sessions() as session:
        try:
            limits.take(session, district.id, _limit(network_of(request), is_known=is_known), clock=clock)
        finally:
            session.commit()
    if not is_known:
        raise NotAllowed("This gateway is polled from other addresses: see its option pollers.")


def _limit(network: str, *, is_known: bool) -> Limit:
    return Limit(
        subject=f"poll:{network}:{is_known}",
        period=timedelta(minutes=1),
        most=PER_ADDRESS_MINUTE if is_known else FOREIGN_PER_ADDRESS_MINUTE,
        detail="This address polls too often. Ask again in a minute.",
        detail_zh="此地址轮询过于频繁，请一分钟后再试。",
    )


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

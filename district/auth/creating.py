"""A route that creates: once for its ``Idempotency-Key``, in the transaction of the request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from district.auth import idempotency
from district.auth.idempotency import IdempotencyKey
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.database import DbSession


@dataclass(frozen=True, kw_only=True)
class Creating:
    """A POST that creates something."""

    path: str
    key: str | None
    session: Session
    clock: Clock

    def once(self, principal: Principal, body: Any, create: Callable[[], Any]) -> JSONResponse:
        """Create, or give the answer that the same request got before. Raises: KeyReused."""
        asked = idempotency.Request(principal=principal, path=self.path, key=self.key, body=body)
        return idempotency.once(self.session, asked, create, machine_now=self.clock.machine_now())


def creating(request: Request, session: DbSession, clock: ClockDep, key: IdempotencyKey = None) -> Creating:
    """The request, for what it creates."""
    return Creating(path=request.url.path, key=key, session=session, clock=clock)


CreatingDep = Annotated[Creating, Depends(creating)]

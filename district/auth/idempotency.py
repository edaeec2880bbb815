"""Creating once: the answer of a POST under its ``Idempotency-Key`` is kept and given again."""

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.auth.models import IdempotentAnswer
from district.auth.queries import FORGET_ANSWERS_SQL
from district.auth.service import Principal
from district.database import Pool
from district.problems import Conflict

LIFE = timedelta(hours=24)
"""Machine time for which an answer is kept."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Repeats within 24 hours get the first answer again; another body under it is a 409.",
    ),
]


class KeyReused(Conflict):
    """An idempotency key that was used for something else."""

    slug, title = "idempotency-key-reused", "The idempotency key was used with another body"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be done once: by whom, where, under which key (None: as often as asked)."""

    principal: Principal
    path: str
    key: str | None
    body: Any
    """Anything that FastAPI can write as JSON."""

    @property
    def body_hash(self) -> bytes:
        """The same for equal bodies, whatever the order of their members."""
        text = json.dumps(jsonable_encoder(self.body), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).digest()


def once(
    session: Session,
    request: Request,
    create: Callable[[], Any],
    *,
    machine_now: datetime,
    status: HTTPStatus = HTTPStatus.CREATED,
) -> JSONResponse:
    """Create, or give the answer that the same request got before.

    The key is taken by a unique row before anything is created: of two requests at once the second waits
    for the first's commit. A failed one leaves no key behind.

    Raises: KeyReused.
    """
    if request.key is None:
        return JSONResponse(jsonable_encoder(create()), status_code=status)
    if not _take_key(session, request, machine_now):
        return _remembered(session, request)
    answer = jsonable_encoder(create())
    row = session.get_one(IdempotentAnswer, _key_of(request))
    row.status, row.answer = status, answer
    session.flush()
    return JSONResponse(answer, status_code=status)


def _take_key(session: Session, request: Request, machine_now: datetime) -> bool:
    values = {"body_hash": request.body_hash, "status": 0, "answer": None, "created_at": machine_now}
    statement = insert(IdempotentAnswer).values(
        district_id=request.principal.district_id,
        principal=request.principal.name,
        path=request.path,
        key=request.key,
        **values,
    )
    taken = session.scalar(
        statement.on_conflict_do_update(
            index_elements=["district_id", "principal", "path", "key"],
            set_=values,
            where=IdempotentAnswer.created_at <= machine_now - LIFE,
        ).returning(IdempotentAnswer.key)
    )
    return taken is not None


def _remembered(session: Session, request: Request) -> JSONResponse:
    row = session.get_one(IdempotentAnswer, _key_of(request), populate_existing=True)
    if row.body_hash != request.body_hash:
        raise KeyReused("Send another Idempotency-Key for another request.")
    return JSONResponse(row.answer, status_code=row.status, headers={"Idempotent-Replay": "true"})


def _key_of(request: Request) -> tuple[Any, ...]:
    return (request.principal.district_id, request.principal.name, request.path, request.key)


async def forget_old(pool: Pool, district_id: uuid.UUID, *, machine_now: datetime) -> int:
    """Drop the answers of a district whose 24 hours are over; how many."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            FORGET_ANSWERS_SQL, {"district_id": district_id, "before": machine_now - LIFE}
        )
        return cursor.rowcount

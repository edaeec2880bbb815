"""Lists by key: ``?after=`` the last id seen, and ``next`` for the following page."""

import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from district.problems import Conflict

Item = TypeVar("Item")
Row = TypeVar("Row")


class HasSlug(Protocol):
    """A table whose rows a district calls by slugs."""

    district_id: Any
    slug: Any


Slugged = TypeVar("Slugged", bound=HasSlug)


class Page(BaseModel, Generic[Item]):
    """Some rows, the oldest first, and the ``after`` of the next page."""

    items: list[Item]
    next: uuid.UUID | None


class Place(BaseModel):
    """Where in a list a page starts, and how many rows it holds."""

    after: uuid.UUID | None = None
    limit: int = 50


def place(
    after: Annotated[uuid.UUID | None, Query(description="The last id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Place:
    """The place that a request asks for."""
    return Place(after=after, limit=limit)


PlaceDep = Annotated[Place, Depends(place)]


def read(
    session: Session, statement: Select[Row], key: Any, at: Place, show: Callable[[Row], Item]
) -> Page[Item]:
    """One page of a statement's rows by their key, a column of UUIDs."""
    if at.after is not None:
        statement = statement.where(key > at.after)
    rows = list(session.scalars(statement.order_by(key).limit(at.limit + 1)))
    following = getattr(rows[at.limit - 1], key.key) if len(rows) > at.limit else None
    return Page(items=[show(row) for row in rows[: at.limit]], next=following)


def by_slug(
    session: Session, model: type[Slugged], district_id: uuid.UUID, *, after: str, limit: int
) -> Sequence[Slugged]:
    """Rows of a district by slug, after a slug: for lists whose keys people read."""
    rows = select(model).where(model.district_id == district_id, model.slug > after)
    return session.scalars(rows.order_by(model.slug).limit(limit)).all()


def delete(session: Session, row: Any, name: str) -> None:
    """Delete a row that nothing refers to. Raises: Conflict, naming what does."""
    try:
        with session.begin_nested():
            session.delete(row)
            session.flush()
    except IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        table = getattr(diagnosis, "table_name", None)
        user = f"at least one {table.replace('_', ' ')}" if table else "something else"
        raise Conflict(f"The {name} is still used by {user}; change or delete that first.") from None

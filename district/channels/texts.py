"""By whom a district's text messages go, and which texts are on file there."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.channels import queries
from push.channels.filed_texts import Carrier, FiledText, Filing
from push.message import MessagePurpose
from push.wording import Language

FILED_ONLY: Final = frozenset({"aliyun_sms", "tencent_sms"})
"""Kinds of providers that send nothing but what is on file."""
NUMBERED: Final = frozenset({"tencent_sms"})
"""Kinds whose gaps have numbers instead of names."""
_FILED: Final = (
    f"SELECT {queries.TEXTS_OF_SQL} FROM channel_provider WHERE district_id = :district_id AND id = :id"
)
_BOUND: Final = queries.TEXT_PROVIDERS_SQL.replace("%(district_id)s", ":district_id")


@dataclass(frozen=True, kw_only=True)
class TextProvider:
    """A provider of text messages that is on."""

    id: uuid.UUID
    slug: str
    name: str
    kind: str
    signature: str
    """Put before free texts."""
    whole_text: bool
    """Whether a template of its account holds a whole message."""
    texts: tuple[FiledText, ...]

    @property
    def needs_filing(self) -> bool:
        """Whether it sends nothing but filed texts."""
        return self.kind in FILED_ONLY


def read_texts(documents: Sequence[Mapping[str, Any]]) -> tuple[FiledText, ...]:
    """Filed texts as TEXTS_OF_SQL gives them."""
    return tuple(
        FiledText(
            number=one["number"],
            signature=one["signature"],
            purpose=MessagePurpose(one["purpose"]),
            language=Language(one["language"]),
            text=one["text"],
            filings={Carrier(name): Filing(state) for name, state in (one["filings"] or {}).items()},
        )
        for one in documents
    )


async def load(connection: AsyncConnection[TupleRow], district_id: uuid.UUID) -> list[TextProvider]:
    """Those that are on, the one with the largest share first. Raises: psycopg.Error."""
    values = {"district_id": district_id}
    rows = await (await connection.execute(queries.TEXT_PROVIDERS_SQL.encode(), values)).fetchall()
    return [_provider(row) for row in rows]


def filed_with(session: Session, district_id: uuid.UUID, provider_id: uuid.UUID) -> tuple[FiledText, ...]:
    """What is on file for one provider, whether it is on or not."""
    values = {"district_id": district_id, "id": provider_id}
    return read_texts(session.execute(text(_FILED), values).scalar() or ())


def read(session: Session, district_id: uuid.UUID) -> list[TextProvider]:
    """The same for pages and checks."""
    return [_provider(row) for row in session.execute(text(_BOUND), {"district_id": district_id})]


def _provider(row: Sequence[Any]) -> TextProvider:
    id_, slug, name, kind, options, documents = row
    return TextProvider(
        id=id_,
        slug=slug,
        name=name,
        kind=kind,
        signature=str(options.get("signature", "")),
        whole_text=bool(options.get("text_template")),
        texts=read_texts(documents),
    )

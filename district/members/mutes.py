"""Merchants whom a member lets write nothing to him: a word of his own beside his consents, per merchant."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Text, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from district.database import Base, notify
from district.members.consents import CHANNEL
from district.problems import NotFound

_IS_THERE = text(
    "SELECT 1 FROM merchant WHERE district_id = :district_id AND id = :merchant_id FOR KEY SHARE"
)


class MemberMute(Base):
    """A member wants no marketing of a merchant, by any channel."""

    __tablename__ = "member_mute"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Text, server_default="")
    """Where it was said: ``me``, or ``link:`` and the offer whose message was answered."""
    at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["district_id", "merchant_id"], ["merchant.district_id", "merchant.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "merchant_id"),
    )


def mute(
    session: Session,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    merchant_id: uuid.UUID,
    *,
    source: str,
    at: datetime,
) -> None:
    """Let the merchant write no more; again changes nothing. Raises: NotFound for one that is not there."""
    values = {"district_id": district_id, "member_id": member_id, "merchant_id": merchant_id}
    if session.scalar(_IS_THERE, values) is None:
        raise NotFound("No such merchant.")
    added = insert(MemberMute).values(source=source, at=at, **values).on_conflict_do_nothing()
    if session.execute(added.returning(MemberMute.merchant_id)).all():
        notify(session, CHANNEL, f"{district_id}:{member_id}")


def unmute(session: Session, district_id: uuid.UUID, member_id: uuid.UUID, merchant_id: uuid.UUID) -> None:
    """Let the merchant write again; not having been muted is no error."""
    gone = delete(MemberMute).where(
        MemberMute.district_id == district_id,
        MemberMute.member_id == member_id,
        MemberMute.merchant_id == merchant_id,
    )
    if session.execute(gone.returning(MemberMute.merchant_id)).all():
        notify(session, CHANNEL, f"{district_id}:{member_id}")


def muted(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> Sequence[MemberMute]:
    """Whom the member has muted, the newest first."""
    wanted = select(MemberMute).where(
        MemberMute.district_id == district_id, MemberMute.member_id == member_id
    )
    return session.scalars(wanted.order_by(MemberMute.at.desc(), MemberMute.merchant_id)).all()

"""Accounts, sessions, keys, one-time codes and remembered answers."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class Role(StrEnum):
    """What a caller may be."""

    SHOPPER = "shopper"
    MERCHANT = "merchant"
    PROPERTY = "property"
    OPERATOR = "operator"
    OBSERVER = "observer"
    FEED = "feed"
    TILL = "till"
    RADIUS = "radius"


class Account(Base):
    """A member of staff who logs in with a password. A reference table: user names are unique everywhere."""

    __tablename__ = "account"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    district_id: Mapped[uuid.UUID]
    scope_id: Mapped[uuid.UUID | None]
    """The merchant or property that the account acts for, or the member that a demo shopper is; a plain id."""
    display_name: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime]


class LoginSession(Base):
    """A logged-in browser or program; the token itself is never stored."""

    __tablename__ = "login_session"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    role: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[uuid.UUID]
    """The account, or for a shopper the member; a plain id."""
    scope_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "district_id", "subject_id"),)


class ApiKey(Base):
    """A key of a feed, a till or a RADIUS server, shown once when made."""

    __tablename__ = "api_key"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    role: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, server_default="")
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scope_id: Mapped[uuid.UUID | None]
    """The feed or till that the key stands for; a plain id."""
    merchant_id: Mapped[uuid.UUID | None]
    """The merchant that made the key; None when the operator did."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "district_id", "key_hash", unique=True),)


class OneTimeCode(Base):
    """A code sent to a phone or an e-mail address. Its life is machine time."""

    __tablename__ = "one_time_code"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(Text)
    target_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    browser: Mapped[str] = mapped_column(Text, server_default="")
    prefix_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of a telephone number without its last four digits: numbers that are sold, and abused, together."""
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("tries BETWEEN 0 AND 5", name="tries_bounded"),
        Index(None, "district_id", "target_hash", "created_at"),
        Index(
            None, "district_id", "prefix_hash", "created_at", postgresql_where=text("prefix_hash IS NOT NULL")
        ),
    )


class CodePolicy(Base):
    """What codes may cost a district, and where they are sent."""

    __tablename__ = "code_policy"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    countries: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """ISO 3166, besides the district's own."""
    sms_cost: Mapped[int]
    """Of one message, in minor units of the district's currency."""
    daily_budget: Mapped[int]
    """Minor units that messages may cost in a day."""
    changed_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("sms_cost >= 0 AND daily_budget >= 0", name="amounts_not_negative"),)


class RateCount(Base):
    """How often something was done in a period, kept over restarts."""

    __tablename__ = "rate_count"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    period_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(server_default="0")


class IdempotentAnswer(Base):
    """What a creating POST answered, by principal, path and key, for 24 hours of machine time."""

    __tablename__ = "idempotent_answer"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    principal: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    answer: Mapped[Any] = mapped_column(JSONB)
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "district_id", "created_at", postgresql_where=text("status > 0")),)

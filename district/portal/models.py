"""Signing in: providers and logins on their way, whom they named, who saw the page, text messages, and hand-overs."""

import uuid
from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from district.database import Base, new_id


class OidcProvider(Base):
    """A provider that a district's members may sign in with."""

    __tablename__ = "oidc_provider"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    client_secret: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text, server_default="openid")
    created_at: Mapped[datetime]

    __table_args__ = (Index("uq_oidc_provider_district_id_slug", "district_id", "slug", unique=True),)


class OidcLogin(Base):
    """A login that was sent to a provider and is to come back once. Machine time."""

    __tablename__ = "oidc_login"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    provider_id: Mapped[uuid.UUID]
    gateway_id: Mapped[uuid.UUID]
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Of a secret that only the browser that left has."""
    nonce: Mapped[str] = mapped_column(Text)
    verifier: Mapped[str] = mapped_column(Text)
    redirect_query: Mapped[str] = mapped_column(Text)
    form: Mapped[str] = mapped_column(Text, server_default="")
    """The boxes as they were ticked, as a query."""
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["oidc_provider.district_id", "oidc_provider.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "created_at"),
    )


class MemberIdentity(Base):
    """Who a provider says a member is."""

    __tablename__ = "member_identity"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    member_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["oidc_provider.district_id", "oidc_provider.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "member_id"),
    )


class SignInVisit(Base):
    """A device that was shown a gateway's sign-in page on a trading day, and what came of it."""

    __tablename__ = "sign_in_visit"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    device: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """A pseudonym of this day alone: it meets no other table and no other day."""
    variant: Mapped[str] = mapped_column(Text)
    shown_at: Mapped[datetime]
    let_in_at: Mapped[datetime | None]
    is_new: Mapped[bool] = mapped_column(server_default=text("false"))
    """A membership began with it."""
    method: Mapped[str] = mapped_column(Text, server_default="")
    codes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    cost: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Of the codes that were sent, in minor units of the district's currency."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "day"),
    )


class HandOver(Base):
    """A link that opens the member's page in another browser of his, once. Machine time."""

    __tablename__ = "hand_over"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    member_id: Mapped[uuid.UUID]
    session_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the session that made it: a link whose session has ended opens nothing."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "member_id"], ["member.district_id", "member.id"], ondelete="CASCADE"
        ),
        Index(None, "district_id", "expires_at"),
    )


class SmsProvider(Base):
    """Who hands on the text messages that people send to a number of the district's."""

    __tablename__ = "sms_provider"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    """Part of the address that messages are posted to; unique over all districts (route)."""
    name: Mapped[str] = mapped_column(Text, server_default="")
    number: Mapped[str] = mapped_column(Text)
    """What people send to: a number with its country code, or a short one."""
    keyword: Mapped[str] = mapped_column(Text)
    """The word before the code; a gateway may have its own."""
    secret: Mapped[str] = mapped_column(Text)
    previous_secret: Mapped[str] = mapped_column(Text, server_default="")
    previous_until: Mapped[datetime | None]
    """Until when the one before is taken as well; machine time."""
    created_at: Mapped[datetime]

    __table_args__ = (Index("uq_sms_provider_district_id_slug", "district_id", "slug", unique=True),)


class SmsMessage(Base):
    """A message that was taken: the same one again gets the same answer. It says nothing of who sent it."""

    __tablename__ = "sms_message"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(Text, primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    outcome: Mapped[str] = mapped_column(Text, server_default="")
    received_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["sms_provider.district_id", "sms_provider.id"],
            ondelete="CASCADE",
        ),
        Index(None, "district_id", "received_at"),
    )


class SmsJoin(Base):
    """A browser that waits for a message with its code. Machine time."""

    __tablename__ = "sms_join"

    district_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[uuid.UUID]
    gateway_id: Mapped[uuid.UUID]
    code: Mapped[str] = mapped_column(Text)
    """As the page shows it. It opens nothing without the secret that its browser keeps."""
    keyword: Mapped[str] = mapped_column(Text)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    redirect_query: Mapped[str] = mapped_column(Text)
    form: Mapped[str] = mapped_column(Text, server_default="")
    """The boxes as they were ticked, as a query."""
    created_at: Mapped[datetime]
    phone: Mapped[str] = mapped_column(Text, server_default="")
    """The number that sent the code, E.164."""
    proven_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(Text, server_default="")
    """Why a message with this code proved nothing."""
    used_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["district_id", "provider_id"],
            ["sms_provider.district_id", "sms_provider.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["district_id", "gateway_id"], ["gateway.district_id", "gateway.id"], ondelete="CASCADE"
        ),
        Index("uq_sms_join_district_id_code", "district_id", "code", unique=True),
        Index(None, "district_id", "created_at"),
    )

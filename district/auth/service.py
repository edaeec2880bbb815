"""Who is calling: passwords, sessions and keys. A token carries its district and is stored only as its hash."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from district.auth import limits, passwords
from district.auth.models import Account, ApiKey, LoginSession, Role
from district.clock import Clock
from district.database import new_id, notify
from district.problems import Conflict, NotAuthenticated, NotFound

TOKEN_BYTES = 32
STAFF_SESSION = timedelta(hours=12)
SHOPPER_SESSION = timedelta(days=30)
KEY_CHANNEL = "key_changed"
SESSION_MARK = "s"
KEY_MARK = "k"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The caller: what he is, in which district, and for whom he acts."""

    role: Role
    district_id: uuid.UUID
    district_slug: str
    subject_id: uuid.UUID
    """Member, account or key."""
    scope_id: uuid.UUID | None = None
    """The merchant or property of an account; the feed or till of a key."""
    merchant_id: uuid.UUID | None = None
    """The merchant whose data the caller may see; None for operators."""

    @property
    def name(self) -> str:
        """Stable text for idempotency keys and logs."""
        return f"{self.role}:{self.subject_id}"


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A token as given out, once."""

    token: str
    role: Role
    expires_at: datetime
    """Machine time."""
    district_slug: str
    subject_id: uuid.UUID


def token_hash(token: str) -> bytes:
    """What is stored of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def new_token(district_slug: str, mark: str) -> str:
    """A new random token of a district, for a session or a key."""
    return f"{district_slug}.{mark}.{secrets.token_urlsafe(TOKEN_BYTES)}"


def split_token(token: str) -> tuple[str, str]:
    """The district's slug and the mark of a token. Raises: NotAuthenticated."""
    slug, _, rest = token.partition(".")
    mark, _, secret = rest.partition(".")
    if not slug or mark not in (SESSION_MARK, KEY_MARK) or len(secret) < TOKEN_BYTES:
        raise NotAuthenticated("The token is not one of ours: log in again.")
    return slug, mark


def create_account(
    session: Session,
    *,
    username: str,
    password: str,
    role: Role,
    district_id: uuid.UUID,
    clock: Clock,
    scope_id: uuid.UUID | None = None,
    display_name: str = "",
) -> Account:
    """Make a staff account. Raises: Conflict when the user name is taken."""
    if session.scalar(select(Account.id).where(Account.username == username)):
        raise Conflict(f"The user name {username!r} is taken.")
    account = Account(
        id=new_id(),
        username=username,
        password_hash=passwords.hash_of(password),
        role=role,
        district_id=district_id,
        scope_id=scope_id,
        display_name=display_name,
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    return account


def log_in(
    sessions: sessionmaker[Session],
    *,
    username: str,
    password: str,
    network: str,
    district_slug_of: Mapping[uuid.UUID, str],
    clock: Clock,
) -> IssuedToken:
    """Check a password and open a session. An unknown user costs as much time as a wrong password.

    Wrong passwords are counted by name and network; a right one counts nothing.
    The try is counted before the password is looked at, so that no number of tries at once is more than the limit.
    Nothing of the database is held while the hash is computed.

    Raises: NotAuthenticated, TooMany, Unavailable.
    """
    tries = passwords.try_limits(username, network)
    with sessions.begin() as session:
        account = _account(session, username)
    with passwords.place():
        for limit in tries:
            with sessions.begin() as session:
                limits.take(session, limits.NOWHERE, limit, clock=clock)
        is_right = passwords.is_right(account.password_hash if account else None, password)
    if not is_right or account is None or account.district_id not in district_slug_of:
        raise _wrong()
    with sessions.begin() as session:
        for limit in tries:
            limits.give_back(session, limits.NOWHERE, limit, clock=clock)
        return _open_for(session, account, district_slug_of[account.district_id], clock=clock)


def _account(session: Session, username: str) -> Account | None:
    if "\0" in username:
        return None
    return session.scalar(select(Account).where(Account.username == username))


def _wrong() -> NotAuthenticated:
    return NotAuthenticated("User name or password is wrong.", detail_zh="用户名或密码不正确。")


def _open_for(session: Session, account: Account, slug: str, *, clock: Clock) -> IssuedToken:
    role = Role(account.role)
    is_shopper = role is Role.SHOPPER
    return open_session(
        session,
        role=role,
        district_id=account.district_id,
        district_slug=slug,
        subject_id=account.scope_id if is_shopper and account.scope_id else account.id,
        scope_id=None if is_shopper else account.scope_id,
        clock=clock,
    )


def open_session(
    session: Session,
    *,
    role: Role,
    district_id: uuid.UUID,
    district_slug: str,
    subject_id: uuid.UUID,
    clock: Clock,
    scope_id: uuid.UUID | None = None,
    life: timedelta | None = None,
) -> IssuedToken:
    """Give out a token for a member or an account."""
    token = new_token(district_slug, SESSION_MARK)
    machine_now = clock.machine_now()
    expires_at = machine_now + (life or (SHOPPER_SESSION if role is Role.SHOPPER else STAFF_SESSION))
    session.add(
        LoginSession(
            district_id=district_id,
            token_hash=token_hash(token),
            role=role,
            subject_id=subject_id,
            scope_id=scope_id,
            created_at=machine_now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return IssuedToken(
        token=token, role=role, expires_at=expires_at, district_slug=district_slug, subject_id=subject_id
    )


def close_session(session: Session, district_id: uuid.UUID, token: str, *, clock: Clock) -> None:
    """Log out."""
    row = session.get(LoginSession, (district_id, token_hash(token)))
    if row is not None and row.revoked_at is None:
        row.revoked_at = clock.machine_now()


def create_key(
    session: Session,
    *,
    role: Role,
    district_id: uuid.UUID,
    district_slug: str,
    clock: Clock,
    label: str = "",
    scope_id: uuid.UUID | None = None,
    merchant_id: uuid.UUID | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; the second value is shown once and never stored."""
    token = new_token(district_slug, KEY_MARK)
    row = ApiKey(
        district_id=district_id,
        id=new_id(),
        role=role,
        label=label,
        key_hash=token_hash(token),
        scope_id=scope_id,
        merchant_id=merchant_id,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    notify(session, KEY_CHANNEL)
    return row, token


def revoke_key(
    session: Session,
    district_id: uuid.UUID,
    key_id: uuid.UUID,
    *,
    clock: Clock,
    merchant_id: uuid.UUID | None,
) -> None:
    """End a key; a merchant may end only his own. Raises: NotFound."""
    row = session.get(ApiKey, (district_id, key_id))
    if row is None or (merchant_id is not None and row.merchant_id != merchant_id):
        raise NotFound("No such key.")
    row.revoked_at = row.revoked_at or clock.now()
    notify(session, KEY_CHANNEL)

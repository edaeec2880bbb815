"""Passwords: hashed slowly, a few at a time, and guessed only so often."""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from district.auth.limits import Limit
from district.problems import Unavailable

TRIES_PERIOD = timedelta(minutes=15)
TRIES_HERE = 10
TRIES_EVERYWHERE = 100
TRIES_OF_NETWORK = 100
HASHES_AT_ONCE = 4
LONGEST_WAIT_S = 3.0

_places = threading.BoundedSemaphore(HASHES_AT_ONCE)
_passwords = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's least for argon2id
_unknown = _passwords.hash(secrets.token_urlsafe(16))


def hash_of(password: str) -> str:
    """What is stored of a password."""
    return _passwords.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; with none stored the same time is spent on saying no."""
    try:
        _passwords.verify(stored or _unknown, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def try_limits(username: str, network: str) -> tuple[Limit, ...]:
    """A name from one network; a name from everywhere; a network with any names."""
    name = hashlib.sha256(username.strip().casefold().encode("utf-8", "replace")).hexdigest()[:32]
    limit = partial(
        Limit,
        period=TRIES_PERIOD,
        detail="Too many wrong passwords. Wait until the time in Retry-After, or ask your operator for help.",
        detail_zh="密码错误次数过多，请稍后再试，或联系运营方。",
    )
    return (
        limit(subject=f"login:{name}:{network}", most=TRIES_HERE),
        limit(subject=f"login:{name}", most=TRIES_EVERYWHERE),
        limit(subject=f"login-network:{network}", most=TRIES_OF_NETWORK),
    )


@contextmanager
def place() -> Iterator[None]:
    """A place among the few that may compute a password hash at once. Raises: Unavailable."""
    if not _places.acquire(timeout=LONGEST_WAIT_S):
        raise Unavailable("Too many people log in at this moment; try again shortly.")
    try:
        yield
    finally:
        _places.release()

"""Small files of the data directory: private, whole or absent, never grown without a bound."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from district.embedded.account import Account

LOG_LIMIT_BYTES = 10_000_000


def write_private(path: Path, text: str, *, account: Account | None = None) -> None:
    """Put the text there in one step, readable by its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if account:
            account.own(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def stored_secret(path: Path, *, account: Account | None = None) -> str:
    """The secret kept in this 0600 file (256 random bits), made on first use."""
    try:
        if text := path.read_text(encoding="utf-8").strip():
            return text
    except FileNotFoundError:
        pass
    secret = secrets.token_urlsafe(32)
    write_private(path, secret + "\n", account=account)
    return secret


def open_private(path: Path, *, account: Account | None = None, truncate: bool = False) -> BinaryIO:
    """The file, opened for appending, 0600. Never through a link: root writes into directories that the account owns."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags | (os.O_TRUNC if truncate else 0), 0o600)
    if account and account.switch:
        os.fchown(handle, account.uid, account.gid)
    return os.fdopen(handle, "ab")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time; the kernel lets go when its holder dies."""
    with open_private(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def locked_or_refuse(path: Path, refusal: Exception) -> Iterator[None]:
    """The same without waiting: raises ``refusal`` when somebody holds it."""
    with open_private(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refusal from None
        yield


def cap_log(path: Path, *, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Keep a log that another process appends to under its limit: its old end moves to ``.1``."""
    if path.is_symlink() or not path.exists() or path.stat().st_size <= limit_bytes:
        return
    with path.open("rb") as full:
        full.seek(-limit_bytes, os.SEEK_END)
        end = full.read()
    write_private(path.with_name(path.name + ".1"), end.decode(errors="replace"))
    # Its writer opened it for appending, so its next line starts at 0.
    open_private(path, truncate=True).close()


class CappedLog:
    """A log of our own writing, at most twice the limit with its predecessor ``.1``."""

    def __init__(
        self, path: Path, *, account: Account | None = None, limit_bytes: int = LOG_LIMIT_BYTES
    ) -> None:
        self._path = path
        self._account = account
        self._limit_bytes = limit_bytes
        self._file = open_private(path, account=account)
        self._size_bytes = path.stat().st_size

    def write(self, line: bytes) -> None:
        """Append, moving a full log aside first."""
        if self._size_bytes + len(line) > self._limit_bytes:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = open_private(self._path, account=self._account)
            self._size_bytes = 0
        self._file.write(line)
        self._file.flush()
        self._size_bytes += len(line)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

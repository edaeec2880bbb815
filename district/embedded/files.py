"""Small files of the data directory: private, whole or absent, never grown without a bound."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time; the kernel lets go when its holder dies."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cap_log(path: Path, *, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Keep a log that another process appends to under its limit: its old content moves to ``.1``."""
    try:
        if path.stat().st_size <= limit_bytes:
            return
        content = path.read_bytes()[-limit_bytes:]
    except FileNotFoundError:
        return
    path.with_name(path.name + ".1").write_bytes(content)
    os.truncate(path, 0)  # its writer opened it for appending, so the next line starts at 0

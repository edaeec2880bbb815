"""Which unprivileged account the private servers and the roles run as when root starts them."""

import os
import pwd
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from district.embedded.errors import EmbeddedError

CANDIDATES = ("shangquan", "postgres", "nobody")
PROBE_TIMEOUT_S = 20


@dataclass(frozen=True, kw_only=True)
class Account:
    """The system account that a command runs as; ``switch`` is true when we are root and must become it."""

    uid: int
    gid: int
    name: str
    home: str
    switch: bool

    def command(self, argv: Sequence[str], *, death_signal: str | None = None) -> list[str]:
        """The command line that runs ``argv`` as this account.

        ``death_signal`` ("TERM", "KILL") reaches the process when the thread that started it ends, so that a killed supervisor
        leaves no roles behind. setpriv sets it after the account has changed, because the kernel clears it on such a change.
        """
        options: list[str] = []
        if self.switch:
            options += [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        if death_signal:
            options += ["--pdeathsig", death_signal]
        return ["setpriv", *options, "--", *argv] if options else list(argv)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment for this account: our own, with its home and a locale that every machine has."""
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **(extra or {})}
        if self.switch:
            environment |= {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}
            for name in ("XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
                environment.pop(name, None)
        return environment

    def own(self, path: Path, *, mode: int | None = None) -> None:
        """Give ``path`` to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        if mode is not None:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fchmod(handle, mode)
            finally:
                os.close(handle)

    def make_directory(self, path: Path, *, mode: int = 0o700) -> None:
        """A directory of this account's own. Refuses one that somebody else has put there.

        Raises: EmbeddedError if it is a link, not a directory, or another account's.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=mode)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {self.uid, os.geteuid()}:
                raise EmbeddedError(
                    f"{path} belongs to somebody else; remove it or choose another DISTRICT_DATA_DIR"
                ) from None
        self.own(path, mode=mode)

    def take_data_directory(self, path: Path) -> None:
        """Make the data directory this account's, or leave alone what holds anything of somebody else's.

        Raises: EmbeddedError if it is not ours and not empty, or if the account cannot enter it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        if path.stat().st_uid != self.uid:
            if any(path.iterdir()):
                raise EmbeddedError(
                    f"{path} is neither empty nor of the account {self.name!r}; choose another DISTRICT_DATA_DIR"
                )
            self.own(path, mode=0o700)
        if not self.can_run(["test", "-w", str(path), "-a", "-x", str(path)]):
            raise EmbeddedError(
                f"{path} cannot be entered by the account {self.name!r}: "
                "choose a DISTRICT_DATA_DIR outside home directories, such as /var/lib/district"
            )

    def can_run(self, argv: Sequence[str]) -> bool:
        """Whether the command succeeds as this account.

        A shell starts it, because setpriv itself still has root's rights while it looks for the program.
        """
        try:
            probe = subprocess.run(
                self.command(["sh", "-c", 'exec "$@"', "sh", *argv]),
                cwd="/",
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=PROBE_TIMEOUT_S,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return probe.returncode == 0


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _account(entry: pwd.struct_passwd, *, switch: bool) -> Account:
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name, home=entry.pw_dir, switch=switch)


def own_account() -> Account:
    """The account that we run as, with or without an entry in the password file."""
    uid = os.geteuid()
    try:
        return _account(pwd.getpwuid(uid), switch=False)
    except KeyError:
        return Account(uid=uid, gid=os.getegid(), name=str(uid), home="/", switch=False)


def service_account(data_dir: Path) -> Account:
    """Ourselves, or under root an unprivileged account: the owner of existing data, else the product's own, else PostgreSQL's.

    Raises: EmbeddedError if root finds no account to become.
    """
    if os.geteuid() != 0:
        return own_account()
    if data_dir.is_dir() and (owner := data_dir.stat().st_uid) != 0:
        try:
            return _account(pwd.getpwuid(owner), switch=True)
        except KeyError:
            pass
    for name in CANDIDATES:
        if (entry := _entry(name)) and entry.pw_uid != 0:
            return _account(entry, switch=True)
    raise EmbeddedError(f"no unprivileged account found; make one: useradd --system {CANDIDATES[0]}")

"""The terminal of ``district demo``: who may log in where, and one line of live counters under the messages."""

import shutil
import sys
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape

from district.demo.access import Loaded
from district.demo.accounts import pages
from district.demo.counters import Counters
from district.embedded import role

OWN_SOURCES = frozenset({"supervisor", "postgres", "nats", "demo"})
QUIET_MARKS = ("level=info", "level=debug", "[info", "[debug", "INFO:")
_CLEAR_LINE = "\r\x1b[2K"


class Screen(role.Console):
    """Messages scroll, the counters stay below them; without a terminal the counters are lines like any other."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.is_terminal = sys.stderr.isatty()
        self.is_ready = False
        self._status = ""

    def say(self, source: str, line: str) -> None:
        """A message. Once the demo is ready, the roles' everyday lines are left to their logs."""
        if self.is_ready and source not in OWN_SOURCES and any(mark in line for mark in QUIET_MARKS):
            return
        with self._lock:
            self._write(f"{_CLEAR_LINE if self._status else ''}{source:>10} | {line}\n{self._status}")

    def count(self, counters: Counters, zone: ZoneInfo) -> None:
        """Show the counters in the place of the last ones."""
        text = counter_line(counters, zone)
        with self._lock:
            if self.is_terminal:
                self._status = text = fitted(counters, zone, columns=shutil.get_terminal_size().columns)
                self._write(f"{_CLEAR_LINE}{text}")
            else:
                self._write(f"{'demo':>10} | {text}\n")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            return


def counter_line(counters: Counters, zone: ZoneInfo) -> str:
    """The counters in one line."""
    return (
        f"{counters.at.astimezone(zone):%a %H:%M:%S} · {counters.fixes_per_s:,.0f} fixes/s · "
        f"{counters.members:,} members on line of {counters.devices:,} devices · "
        f"{counters.offers:,} offers · {counters.redemptions:,} redeemed"
    )


def fitted(counters: Counters, zone: ZoneInfo, *, columns: int) -> str:
    """The counters in one line of a terminal: one that wraps could not be cleared any more."""
    whole = counter_line(counters, zone)
    if len(whole) < columns:
        return whole
    shorter = whole.replace(f" on line of {counters.devices:,} devices", "")
    return shorter[: max(0, columns - 1)]


def show_access(base_url: str, loaded: Loaded, info: str | None) -> None:
    """Print addresses and log-ins."""
    users = {user["role"]: user for user in loaded.users}
    rows = [(name, address, users.get(name)) for name, address in pages(base_url, loaded.slug).items()]
    rows += [(role, f"{base_url}/login", users.get(role)) for role in ("property", "observer")]
    wide = max(len(address) for _, address, _ in rows)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Shangquan demo: {loaded.slug}[/bold]")
    for name, address, user in rows:
        log_in = f"{user['username']} / {user['password']}" if user else ""
        console.print(f"  {name:<9} {address:<{wide}}  {escape(log_in)}".rstrip())
    console.print(f"  keys      {escape(info) if info else 'start with INFO=FILE for feeds, tills and keys'}")
    console.print("Ctrl-C stops everything; the next start goes on where this one stopped.\n")
